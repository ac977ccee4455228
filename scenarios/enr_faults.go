package scenarios

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// enrollmentFaults are the ENR scenarios about the SOAP faults of the enrollment
// services: what a user sees, and an administrator finds in a log.
var enrollmentFaults = []Scenario{
	{
		ID: "ENR-59", Level: report.Should, Title: "a fault has an HTTP status of an error",
		Rule:    "A SOAP fault travels with HTTP 400 or 500. With 200, Windows shows 0x801900c8 and not the code of the fault.",
		Source:  "SOAP 1.2 part 2, section 7.5.2.2; seen on Windows (0x801900c8)",
		Fix:     "Set the HTTP status to 500 when you write a SOAP fault.",
		Mutants: []*mutants.Mutant{mutants.EnrFault200},
		Run: func(t *T) {
			eachFault(t, func(f *raised) {
				t.Check(f.ex.Status >= 400, "HTTP 400 or 500", "HTTP "+strconv.Itoa(f.ex.Status)+" with a fault, for which Windows shows 0x801900c8")
			})
		},
	},
	{
		ID: "ENR-60", Level: report.Should, Title: "the codes of a fault are those that Windows knows",
		Rule:    "The Subcode of a fault, and ErrorType in its detail, are those of the tables in MS-MDE2. Only a wrong credential gets the codes for it (ENR-48 asks for them there). Case does not matter, and faults of SOAP 1.1 have the subcode in faultcode.",
		Source:  "MS-MDE2 2.2.10; Learn, \"Mobile device enrollment\"",
		Fix:     "Write one of the listed subcodes, with the prefix of SOAP; Windows turns it into the error that the user sees.",
		Mutants: []*mutants.Mutant{mutants.EnrFaultCode, mutants.EnrFaultMisfit, mutants.EnrFaultPrefix, mutants.EnrErrorType, mutants.EnrErrorTypeEmpty},
		Run:     func(t *T) { eachFault(t, knownCodes) },
	},
	{
		ID: "ENR-61", Level: report.Should, Title: "a fault can be traced to its request",
		Rule:    "A fault has an Action, and the MessageID of the request in RelatesTo. TraceId, if present, is different for each attempt. CertificateEnrollmentWSDetail, if present, says InvalidRequest true for a refused CSR, and nil for what it does not know.",
		Source:  "MS-MDE2 2.2.10; WS-Addressing 1.0 SOAP binding; MS-WSTEP 3.1.4.1.3.7",
		Fix:     "Write the SOAP header of a fault as for a reply, and a new id into TraceId that your log has, too.",
		Mutants: []*mutants.Mutant{mutants.EnrTraceConstant, mutants.EnrFaultBare, mutants.EnrWSDetail, mutants.EnrWSDetailUnsigned},
		Under:   []string{"ENR-03"},
		Run: func(t *T) {
			seen := map[string]string{}
			eachFault(t, func(f *raised) { traceable(f, seen) })
		},
	},
}

// raised is a fault that a server answered a bad request with.
type raised struct {
	t      *T
	what   string
	ex     *dmclient.Exchange
	fault  *enroll.Fault
	root   *etree.Element
	detail *etree.Element // the Fault element
	csr    bool           // a certificate request was wrong, no credential
}

// eachFault provokes the faults of the enrollment services and judges each one. A
// refusal without a fault is another scenario's.
func eachFault(t *T, judge func(*raised)) {
	known := t.Specimen()
	r := discoveredBy(known)
	exchangeOf(known, enroll.StepToken)
	wrong, tried := wrongCredential(t, r)
	opts := dmclient.EnrollOptions{Credential: wrong}
	judged, without := 0, []string{}
	one := func(what, by string, f raised, send func(what string) (*Device, error)) {
		t.Try(what, func() {
			d, err := send(what)
			t.Excused(err)
			var fault *enroll.Fault
			if !errors.As(err, &fault) {
				without = append(without, by) // which judges that
				return
			}
			judged++
			exs := d.EnrollExchanges()
			f.t, f.what, f.ex, f.fault = t, what, exs[len(exs)-1], fault
			doc := etree.NewDocument()
			if err := doc.ReadFromBytes(f.ex.Response); err != nil {
				t.Error("the fault cannot be read again: %v", err)
			}
			f.root, f.detail = doc.Root(), faultIn(&doc.Element, 3)
			judge(&f)
		})
	}
	if r.PolicyURL != "" {
		one("GetPolicies with "+tried, "ENR-18", raised{}, func(what string) (*Device, error) {
			c := caller(t)
			_, err := c.EnrollmentClient(opts).Policies(t.Context(), r.PolicyURL)
			keepLast(c, what)
			reassure(t, r)
			return c, err
		})
	}
	one("RST with "+tried, "ENR-18", raised{}, func(what string) (*Device, error) {
		c := caller(t)
		err := tokenWith(c, what, opts, r)
		reassure(t, r)
		return c, err
	})
	for _, in := range []struct {
		changedRST
		by  string
		csr bool
	}{{unusable[1], "ENR-55", false}, {garbageCSR, "ENR-55", true}, {spoiledCSR, "ENR-56", true}} {
		one("RST with "+in.what, in.by, raised{csr: in.csr}, func(what string) (*Device, error) {
			err := requested(t, what, in.edit)
			made := t.Devices()
			return made[len(made)-1], err
		})
	}
	if judged == 0 {
		t.Blocked(suite.By(without...), "no bad request was answered with a fault")
	}
}

// tokenWith sends an RST by itself, as a device with these options would.
func tokenWith(c *Device, what string, opts dmclient.EnrollOptions, r *enroll.DiscoverResponse) error {
	csr, err := c.CSR(c.T.Lab.Leniency().PlainCSR)
	if err != nil {
		c.T.Error("no CSR could be made: %v", err)
	}
	_, err = c.EnrollmentClient(opts).Token(c.T.Context(), r.EnrollmentURL, csr, c.Context())
	keepLast(c, what)
	return err
}

// faultIn finds the Fault element of a reply, in whatever case it is spelt.
func faultIn(e *etree.Element, deep int) *etree.Element {
	if e == nil || deep < 0 {
		return nil
	}
	for _, k := range e.ChildElements() {
		if strings.EqualFold(k.Tag, "Fault") {
			return k
		}
		if f := faultIn(k, deep-1); f != nil {
			return f
		}
	}
	return nil
}

// below returns the element at a path of names, in whatever case they are spelt;
// nil if there is none.
func below(e *etree.Element, names ...string) *etree.Element {
	for _, name := range names {
		if e == nil {
			return nil
		}
		list := e.ChildElements()
		i := slices.IndexFunc(list, func(k *etree.Element) bool { return strings.EqualFold(k.Tag, name) })
		if i < 0 {
			return nil
		}
		e = list[i]
	}
	return e
}

// text is the text of an element without white space around it; empty for nil.
func text(e *etree.Element) string {
	if e == nil {
		return ""
	}
	return strings.TrimSpace(e.Text())
}

// The codes that MS-MDE2 2.2.10 lists.
var (
	soapSubcodes  = []string{"MessageFormat", "Authentication", "Authorization", "CertificateRequest", "EnrollmentServer"}
	otherSubcodes = []string{"InternalServiceFault", "InternalService", "InvalidSecurity"}
	ofCredentials = []string{"Authentication", "Authorization", "InvalidSecurity"}
	errorTypes    = []string{"DeviceCapReached", "DeviceNotSupported", "NotSupported", "NotEligibleToRenew", "InMaintenance", "UserLicense", "InvalidEnrollmentData", "CustomServerError"}
)

func knownCodes(f *raised) {
	t, code := f.t, f.fault.Subcode
	all := slices.Concat(soapSubcodes, otherSubcodes)
	t.Check(slices.Contains(all, code), "a Subcode of MS-MDE2 2.2.10: "+strings.Join(all, ", "), suite.Show(code))
	at := below(f.detail, "Code", "Subcode", "Value")
	if at == nil {
		at = below(f.detail, "faultcode")
	}
	prefix, _, prefixed := strings.Cut(text(at), ":")
	t.Check(prefixed, "a prefix of the Subcode, as in s:"+code, text(at))
	if ns := bound(at, prefix); slices.Contains(soapSubcodes, code) {
		t.Check(ns == soap12 || ns == soap11, "the prefix of SOAP before "+code, text(at)+", whose prefix stands for "+suite.Show(ns))
	}
	if f.csr {
		t.Check(!slices.Contains(ofCredentials, code), "a Subcode that fits a bad CSR, such as CertificateRequest", code)
	}
	if e := f.detail.FindElement(".//ErrorType"); e != nil && text(e) == "" {
		t.Check(attribute(e, "nil") == "true" || attribute(e, "nil") == "1", "no ErrorType, a nil one, or one of MS-MDE2 2.2.10", "an empty one")
	}
	kind := f.fault.ErrorType
	t.Check(kind == "" || slices.Contains(errorTypes, kind), "an ErrorType of MS-MDE2 2.2.10: "+strings.Join(errorTypes, ", "), kind)
}

// bound is the namespace that a prefix stands for at an element.
func bound(e *etree.Element, prefix string) string {
	for ; e != nil; e = e.Parent() {
		for _, a := range e.Attr {
			if a.Space == "xmlns" && a.Key == prefix {
				return a.Value
			}
		}
	}
	return ""
}

// relatedIn returns what a header relates to: the message itself if one of its
// relationships names it.
func relatedIn(header *etree.Element, message string) (related string) {
	if header == nil {
		return ""
	}
	for _, k := range header.ChildElements() {
		if strings.EqualFold(k.Tag, "RelatesTo") && related != message {
			related = text(k)
		}
	}
	return related
}

// traceable checks the header of a fault and its detail. seen has the TraceIds of
// the faults before.
func traceable(f *raised, seen map[string]string) {
	t := f.t
	sent, err := enroll.ReadEnvelope(f.ex.Request)
	if err != nil {
		t.Error("the request cannot be read: %v", err)
	}
	header := below(f.root, "Header")
	t.Check(text(below(header, "Action")) != "", "an Action in the header of the fault", "none")
	related := relatedIn(header, sent.MessageID)
	t.Check(related == sent.MessageID, "RelatesTo equal to MessageID of the request", suite.Show(related))
	if id := f.fault.TraceID; id != "" {
		first, used := seen[id]
		t.Check(!used, "a TraceId that no other fault has", id+", as for "+first)
		seen[id] = f.what
	}
	ws := f.detail.FindElement(".//CertificateEnrollmentWSDetail")
	if ws == nil {
		return
	}
	if f.csr {
		invalid := text(ws.SelectElement("InvalidRequest"))
		t.Check(invalid == "true" || invalid == "1", "InvalidRequest true in CertificateEnrollmentWSDetail", suite.Show(invalid))
	}
	for _, k := range ws.ChildElements() {
		t.Check(text(k) != "" || attribute(k, "nil") == "true" || attribute(k, "nil") == "1", "nil for what "+ws.Tag+" does not know", "an empty "+k.Tag)
	}
}
