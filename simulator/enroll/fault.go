package enroll

import (
	"cmp"
	"slices"
	"strings"
)

// Fault is a SOAP fault with the detail MS-MDE2 2.2.10 adds.
type Fault struct {
	Code    string // Receiver or Sender; Server or Client of SOAP 1.1
	Subcode string // Authentication, MessageFormat, Authorization, ...; always in this spelling
	Reason  string // the server's own words
	// Of DeviceEnrollmentServiceError; each may be empty.
	ErrorType, Message, TraceID string
}

// Subcodes a Windows enrollment client knows (MS-MDE2 2.2.9.1).
const (
	FaultAuthentication = "Authentication"
	FaultMessageFormat  = "MessageFormat"
	FaultCertificate    = "CertificateRequest"
)

func (f *Fault) Error() string { return "the server refused: " + f.Text() }

// Text is the kind of the fault and the server's own reason.
func (f *Fault) Text() string {
	parts := []string{}
	code := cmp.Or(f.Subcode, f.Code)
	if code == "Authorization" {
		code += " fault" // "Authorization: ..." is a header with a secret to those who hide secrets
	}
	for _, p := range []string{code, f.ErrorType, f.Reason, f.Message} {
		if p = oneLine(p); p != "" && !slices.Contains(parts, p) {
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 {
		return "a fault without code and reason"
	}
	return strings.Join(parts, ": ")
}

// Write serializes the fault as the reply to relatesTo.
func (f *Fault) Write(relatesTo, activityID string) ([]byte, error) {
	doc, body := reply(ActionFault, relatesTo, activityID)
	s := build(body, "s:Fault", "")
	c := build(s, "s:Code", "")
	build(c, "s:Value", "s:"+f.Code)
	build(build(c, "s:Subcode", ""), "s:Value", "s:"+f.Subcode)
	build(build(s, "s:Reason", ""), "s:Text", f.Reason, "xml:lang", "en-US")
	d := build(build(s, "s:Detail", ""), "DeviceEnrollmentServiceError", "", "xmlns", nsEnrollment)
	if f.ErrorType != "" {
		build(d, "ErrorType", f.ErrorType)
	}
	build(d, "Message", f.Reason)
	build(d, "TraceId", activityID)
	return doc.WriteToBytes()
}
