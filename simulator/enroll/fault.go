package enroll

import (
	"fmt"
)

// Fault is a SOAP 1.2 fault with the detail MS-MDE2 3.1.4.1.3 adds.
type Fault struct {
	Code      string // s:Receiver or s:Sender
	Subcode   string // Authentication, MessageFormat, Authorization, ...
	Reason    string
	ErrorType string // of DeviceEnrollmentServiceError, may be empty
}

// Subcodes a Windows enrollment client knows (MS-MDE2 2.2.9.1).
const (
	FaultAuthentication = "Authentication"
	FaultMessageFormat  = "MessageFormat"
	FaultCertificate    = "CertificateRequest"
)

func (f *Fault) Error() string {
	s := fmt.Sprintf("the server answered with a fault: %s", f.Subcode)
	if hr := f.HResult(); hr != "" {
		s += " (Windows shows " + hr + ")"
	}
	if f.Reason != "" {
		s += ": " + f.Reason
	}
	return s
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
	build(d, "ErrorType", f.ErrorType)
	build(d, "Message", f.Reason)
	build(d, "TraceId", activityID)
	return doc.WriteToBytes()
}

// Fault gives the fault in the body, nil if there is none.
func (e *Envelope) Fault() *Fault {
	s := kid(e.body, "Fault")
	if s == nil {
		return nil
	}
	c := kid(s, "Code")
	return &Fault{
		Code: local(textOf(c, "Value")), Subcode: local(textOf(kid(c, "Subcode"), "Value")),
		Reason:    textOf(kid(s, "Reason"), "Text"),
		ErrorType: textOf(kid(kid(s, "Detail"), "DeviceEnrollmentServiceError"), "ErrorType"),
	}
}

func local(qname string) string {
	for i := len(qname) - 1; i >= 0; i-- {
		if qname[i] == ':' {
			return qname[i+1:]
		}
	}
	return qname
}
