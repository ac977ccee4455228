package enroll

import (
	"bytes"
	"cmp"
	"strings"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/xmlscan"
)

// Fault returns the fault in the body; nil if it has none.
func (e *Envelope) Fault() *Fault { return readFault(e.body) }

// ReadFault returns the fault in a reply; nil if it has none. It accepts the
// spellings seen on servers: SOAP 1.2, SOAP 1.1, in lower case as MS-MDE2
// 2.2.10 prints it, with any prefix or namespace, without a Body or an
// Envelope, with or without a Detail.
func ReadFault(reply []byte) *Fault {
	if len(reply) > MaxMessage || !bytes.Contains(bytes.ToLower(reply), []byte("fault")) {
		return nil
	}
	doc, err := xmlscan.Document(reply)
	if err != nil {
		return nil
	}
	// The document, its Envelope and its Body: faults are not nested deeper.
	level := []*etree.Element{&doc.Element}
	for range 3 {
		var below []*etree.Element
		for _, e := range level {
			if f := readFault(e); f != nil {
				return f
			}
			below = append(below, e.ChildElements()...)
		}
		level = below
	}
	return nil
}

// readFault reads the fault that is a child of e.
func readFault(e *etree.Element) *Fault {
	s := fold(e, "Fault")
	if s == nil || len(s.ChildElements()) == 0 {
		return nil
	}
	f := &Fault{}
	if c := fold(s, "Code"); c != nil { // SOAP 1.2, part 1, section 5.4
		f.Code, f.Subcode = local(foldText(c, "Value")), local(foldText(fold(c, "Subcode"), "Value"))
	} else { // SOAP 1.1, section 4.4.1: Client.Authentication, or the subcode itself
		code := local(foldText(s, "faultcode"))
		f.Code, f.Subcode, _ = strings.Cut(code, ".")
		if f.Subcode == "" && known(code) != "" {
			f.Code, f.Subcode = "", code
		}
	}
	f.Reason = cmp.Or(foldText(fold(s, "Reason"), "Text"), foldText(s, "faultstring"), foldText(s, "Reason"))
	// MS-MDE2 2.2.10 has DeviceEnrollmentServiceError and
	// WindowsDeviceEnrollmentServiceError; only their content matters.
	if d := fold(s, "Detail"); d != nil {
		f.ErrorType, f.Message, f.TraceID = within(d, "ErrorType"), within(d, "Message"), within(d, "TraceId")
	}
	f.Reason = cmp.Or(f.Reason, f.Message)
	f.Subcode, f.ErrorType = cmp.Or(known(f.Subcode), f.Subcode), cmp.Or(known(f.ErrorType), f.ErrorType)
	return f
}

// known is a code in the table's spelling; empty for unknown codes.
func known(code string) string {
	for name := range faultErrors {
		if strings.EqualFold(name, code) {
			return name
		}
	}
	return ""
}

// fold is kid, case-insensitive.
func fold(e *etree.Element, tag string) *etree.Element {
	if e == nil {
		return nil
	}
	for _, k := range e.ChildElements() {
		if strings.EqualFold(k.Tag, tag) {
			return k
		}
	}
	return nil
}

func foldText(e *etree.Element, tag string) string {
	if k := fold(e, tag); k != nil {
		return strings.TrimSpace(k.Text())
	}
	return ""
}

// within is the text of the first element with that name at any depth.
func within(e *etree.Element, tag string) string {
	for _, k := range e.ChildElements() {
		if strings.EqualFold(k.Tag, tag) {
			return strings.TrimSpace(k.Text())
		}
		if s := within(k, tag); s != "" {
			return s
		}
	}
	return ""
}

func local(qname string) string { return qname[strings.LastIndexByte(qname, ':')+1:] }
