package mutants

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// Mutants of RST and its reply, of faults, and of enrollment by certificate.
var (
	EnrRSTRTwice = &Mutant{"enr-rstr-twice", "sends a second response in the collection", func(t *tamper) {
		onTokenReply(t, func(c *etree.Element) { c.AddChild(c.SelectElement("RequestSecurityTokenResponse").Copy()) })
	}}
	EnrTokenType = &Mutant{"enr-token-type", "answers RST with another TokenType", func(t *tamper) {
		onTokenReply(t, func(c *etree.Element) { c.FindElement("./*/TokenType").SetText("urn:example:token") })
	}}
	EnrValueType = &Mutant{"enr-value-type", "calls the provisioning document PKCS#7", func(t *tamper) {
		onToken13(t, func(token *etree.Element) {
			token.CreateAttr("ValueType", "http://schemas.microsoft.com/windows/pki/2009/01/enrollment#PKCS7")
		})
	}}
	EnrEncodingType = &Mutant{"enr-encoding-type", "does not say how the provisioning document is encoded", func(t *tamper) {
		onToken13(t, func(token *etree.Element) { token.RemoveAttr("EncodingType") })
	}}
	EnrTrustNamespace = &Mutant{"enr-trust-namespace", "answers RST in the namespace of an older WS-Trust", func(t *tamper) {
		onTokenReply(t, func(c *etree.Element) { c.CreateAttr("xmlns", "http://schemas.xmlsoap.org/ws/2005/02/trust") })
	}}
	EnrActivityByService = &Mutant{"enr-activity-by-service", "gives each service one ActivityId for good", func(t *tamper) {
		hook.SOAP(t, func(x *hook.Exchange, doc *etree.Document) {
			if id := doc.FindElement("/Envelope/Header/ActivityId"); id != nil {
				id.SetText(fmt.Sprintf("00000000-0000-0000-0000-%012x", len(x.URL.Path)))
			}
		})
	}}
	EnrExpiresEarly = &Mutant{"enr-expires-early", "lets its timestamps expire before they are made", func(t *tamper) {
		hook.SOAP(t, func(_ *hook.Exchange, doc *etree.Document) {
			if stamp := doc.FindElement("/Envelope/Header/Security/Timestamp"); stamp != nil {
				created, expires := stamp.SelectElement("Created"), stamp.SelectElement("Expires")
				was := created.Text()
				created.SetText(expires.Text())
				expires.SetText(was)
			}
		})
	}}

	EnrRequestTypeAny = &Mutant{"enr-request-type-any", "does not look at RequestType", func(t *tamper) {
		onTokenRequest(t, func(r *etree.Element) {
			kind := r.SelectElement("RequestType")
			if kind == nil {
				kind = r.CreateElement("RequestType")
			}
			if !strings.HasSuffix(strings.TrimSpace(kind.Text()), "/Renew") {
				kind.SetText("http://docs.oasis-open.org/ws-sx/ws-trust/200512/Issue")
			}
		})
	}}
	EnrCSRNoFault = &Mutant{"enr-csr-no-fault", "answers a bad CSR with an error page", func(t *tamper) {
		hook.Faults(t, func(x *hook.Exchange, fault *etree.Element) {
			if strings.Contains(fault.FindElement("./Code/Subcode/Value").Text(), enroll.FaultCertificate) {
				x.ReplyHeader.Set("Content-Type", "text/plain")
				hook.Remove(fault)
			}
		})
	}}
	EnrCSRUnsigned = &Mutant{"enr-csr-unsigned", "does not check who signed a CSR", func(t *tamper) {
		certify(t, func(c *mdmserver.Certification) {
			if errors.Is(c.Refusal, mdmserver.ErrUnsigned) {
				c.Refusal = nil
			}
		})
	}}
	EnrActionAny = &Mutant{"enr-action-any", "does not look at the Action of an RST", func(t *tamper) {
		hook.Request(t, func(doc *etree.Document) {
			if a := doc.FindElement("/Envelope/Header/Action"); a != nil && !strings.HasSuffix(a.Text(), "/GetPolicies") {
				a.SetText(enroll.ActionRequestToken)
			}
		})
	}}
	EnrContextStrict = &Mutant{"enr-context-strict", "refuses an RST with a context item that it does not know", func(t *tamper) {
		onRequest(t, func(c *mdmserver.Certification) error {
			return when(c.Request.Item("ExampleFact") != "", "unknown context item")
		})
	}}
	EnrContextTwice = &Mutant{"enr-context-twice", "refuses an RST with two IMEIs", func(t *tamper) {
		onRequest(t, func(c *mdmserver.Certification) error {
			n := 0
			for _, i := range c.Request.Context {
				if i.Name == "IMEI" {
					n++
				}
			}
			return when(n > 1, "IMEI is given twice")
		})
	}}
	EnrContextOrder = &Mutant{"enr-context-order", "reads context items by their places", func(t *tamper) {
		onRequest(t, func(c *mdmserver.Certification) error {
			at := func(name string) int {
				return slices.IndexFunc(c.Request.Context, func(i enroll.ContextItem) bool { return i.Name == name })
			}
			return when(at("DeviceID") > at("DeviceType"), "the context is malformed")
		})
	}}
	EnrStoreUser = &Mutant{"enr-store-user", "puts every certificate into My/User", func(t *tamper) {
		hook.On(t, mdmserver.Enrolled, func(c *mdmserver.Change) { c.Device.EnrollmentType = "Full" })
	}}
	EnrHWEvicts = &Mutant{"enr-hw-evicts", "takes devices with one HWDevID for the same device", func(t *tamper) {
		last, over := map[string]string{}, map[string]bool{}
		certify(t, func(c *mdmserver.Certification) {
			hw, id := c.Request.Item("HWDevID"), c.Template.Subject.CommonName
			if hw == "" || c.Request.Renewal {
				return
			}
			if old := last[hw]; old != "" && old != id {
				over[old] = true
			}
			last[hw] = id
			delete(over, id)
		})
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			if over[v.Device.ID] {
				return http.StatusNotFound
			}
			return 0
		})
	}}

	EnrFault200 = &Mutant{"enr-fault-200", "sends faults with HTTP 200", func(t *tamper) {
		hook.Faults(t, func(x *hook.Exchange, _ *etree.Element) { x.Status = http.StatusOK })
	}}
	EnrFaultCode = &Mutant{"enr-fault-code", "writes a Subcode of its own into faults", func(t *tamper) {
		onSubcode(t, func(string) string { return "s:AccessDenied" })
	}}
	EnrFaultMisfit = &Mutant{"enr-fault-misfit", "tells a bad CSR as a wrong password", func(t *tamper) {
		onSubcode(t, func(was string) string {
			return strings.Replace(was, enroll.FaultCertificate, enroll.FaultAuthentication, 1)
		})
	}}
	EnrFaultPrefix = &Mutant{"enr-fault-prefix", "writes Subcodes without a prefix", func(t *tamper) {
		onSubcode(t, func(was string) string { return strings.TrimPrefix(was, "s:") })
	}}
	EnrErrorType = &Mutant{"enr-error-type", "writes an ErrorType of its own into faults", func(t *tamper) {
		hook.Faults(t, func(_ *hook.Exchange, fault *etree.Element) {
			e := fault.FindElement("./Detail/DeviceEnrollmentServiceError")
			if e.SelectElement("ErrorType") == nil {
				e.CreateElement("ErrorType").SetText("AccountProblem")
			}
		})
	}}
	EnrTraceConstant = &Mutant{"enr-trace-constant", "gives every fault the same TraceId", func(t *tamper) {
		hook.Faults(t, func(_ *hook.Exchange, fault *etree.Element) {
			fault.FindElement("./Detail/DeviceEnrollmentServiceError/TraceId").SetText("d9eb2fdd-e38a-46ee-bd93-aea9dc86a3b8")
		})
	}}
	EnrFaultBare = &Mutant{"enr-fault-bare", "sends faults without a SOAP header", func(t *tamper) {
		hook.Faults(t, func(_ *hook.Exchange, fault *etree.Element) {
			hook.Remove(fault.Parent().Parent().SelectElement("Header"))
		})
	}}
	EnrWSDetail = &Mutant{"enr-ws-detail", "says in the detail of a fault that the request was valid", func(t *tamper) {
		hook.Faults(t, func(_ *hook.Exchange, fault *etree.Element) {
			wsDetail(fault, "false")
		})
	}}

	EnrSignedAny = &Mutant{"enr-signed-any", "does not verify the signature of an RST", func(t *tamper) {
		onSigned(t, func(x *mdmserver.Enrollment) bool { return strings.Contains(x.Fault.Reason, "does not verify") })
	}}
	EnrSignedByAnyone = &Mutant{"enr-signed-by-anyone", "lets any certificate enroll devices", func(t *tamper) {
		onSigned(t, func(x *mdmserver.Enrollment) bool { return strings.Contains(x.Fault.Reason, "of no issuer") })
	}}
	EnrSignedLongAgo = &Mutant{"enr-signed-long-ago", "does not look at the timestamp of an RST", func(t *tamper) {
		onSigned(t, func(x *mdmserver.Enrollment) bool { return x.Fault.Reason == mdmserver.ErrExpired.Error() })
	}}
	EnrCSRUnsignedSHA256 = &Mutant{"enr-csr-unsigned-sha256", "does not check who signed a CSR with SHA-256", func(t *tamper) {
		certify(t, func(c *mdmserver.Certification) {
			if errors.Is(c.Refusal, mdmserver.ErrUnsigned) && bytes.Contains(c.CSR, sha256WithRSA) {
				c.Refusal = nil
			}
		})
	}}
	EnrBodyLimit = &Mutant{"enr-body-limit", "refuses an RST of more than 10,000 bytes", func(t *tamper) {
		hook.Before(t, mdmserver.EnrollmentPath, func(x *hook.Exchange) int {
			if len(x.In) > 10_000 {
				return http.StatusRequestEntityTooLarge
			}
			return 0
		})
	}}
	EnrNameTwice = &Mutant{"enr-name-twice", "refuses a device whose DeviceName it knows from another", func(t *tamper) {
		owner := map[string]string{}
		var mu sync.Mutex
		onRequest(t, func(c *mdmserver.Certification) error {
			mu.Lock()
			defer mu.Unlock()
			name, id := c.Request.Item("DeviceName"), c.Template.Subject.CommonName
			if known := owner[name]; known != "" && known != id {
				return errors.New("SQL: duplicate key")
			}
			owner[name] = id
			return nil
		})
	}}
	EnrWSDetailUnsigned = &Mutant{"enr-ws-detail-unsigned", "says of a CSR with a wrong signature that the request was valid", func(t *tamper) {
		hook.Faults(t, func(_ *hook.Exchange, fault *etree.Element) {
			if strings.Contains(fault.FindElement("./Reason/Text").Text(), mdmserver.ErrUnsigned.Error()) {
				wsDetail(fault, "false")
			}
		})
	}}
	EnrErrorTypeEmpty = &Mutant{"enr-error-type-empty", "writes an empty ErrorType into faults", func(t *tamper) {
		hook.Faults(t, func(_ *hook.Exchange, fault *etree.Element) {
			if e := fault.FindElement("./Detail/DeviceEnrollmentServiceError"); e.SelectElement("ErrorType") == nil {
				e.CreateElement("ErrorType")
			}
		})
	}}
	EnrTokenTypeBare = &Mutant{"enr-token-type-bare", "writes TokenType in no namespace", func(t *tamper) {
		onTokenReply(t, func(c *etree.Element) { c.FindElement("./*/TokenType").CreateAttr("xmlns", "") })
	}}
	EnrSignedIssued = &Mutant{"enr-signed-issued", "lets any certificate enroll devices that is not self-signed", func(t *tamper) {
		onSigned(t, func(x *mdmserver.Enrollment) bool {
			cert, err := x509.ParseCertificate(x.Envelope.Token)
			return err == nil && !bytes.Equal(cert.RawIssuer, cert.RawSubject) && strings.Contains(x.Fault.Reason, "of no issuer")
		})
	}}
)

var enrollmentTokens = []*Mutant{
	EnrRSTRTwice, EnrTokenType, EnrValueType, EnrEncodingType, EnrTrustNamespace, EnrActivityByService, EnrExpiresEarly, EnrRequestTypeAny, EnrCSRNoFault,
	EnrCSRUnsigned, EnrActionAny, EnrContextStrict, EnrContextTwice, EnrContextOrder, EnrStoreUser, EnrHWEvicts, EnrFault200, EnrFaultCode, EnrFaultMisfit,
	EnrFaultPrefix, EnrErrorType, EnrTraceConstant, EnrFaultBare, EnrWSDetail, EnrSignedAny, EnrSignedByAnyone, EnrSignedLongAgo,
	EnrCSRUnsignedSHA256, EnrBodyLimit, EnrNameTwice, EnrWSDetailUnsigned, EnrErrorTypeEmpty, EnrTokenTypeBare, EnrSignedIssued,
}

// wsDetail adds a CertificateEnrollmentWSDetail to a fault.
func wsDetail(fault *etree.Element, invalid string) {
	ws := fault.SelectElement("Detail").CreateElement("CertificateEnrollmentWSDetail")
	ws.CreateAttr("xmlns", "http://schemas.microsoft.com/windows/pki/2009/01/enrollment")
	ws.CreateElement("InvalidRequest").SetText(invalid)
}

// onTokenReply lets f change the collection in replies to RST.
func onTokenReply(t *tamper, f func(collection *etree.Element)) {
	hook.SOAP(t, func(_ *hook.Exchange, doc *etree.Document) {
		if c := doc.FindElement("/Envelope/Body/RequestSecurityTokenResponseCollection"); c != nil {
			f(c)
		}
	})
}

// onToken13 lets f change the BinarySecurityToken in replies to RST.
func onToken13(t *tamper, f func(token *etree.Element)) {
	onTokenReply(t, func(c *etree.Element) {
		f(c.FindElement("./RequestSecurityTokenResponse/RequestedSecurityToken/BinarySecurityToken"))
	})
}

// onTokenRequest lets f change what an RST asks for.
func onTokenRequest(t *tamper, f func(request *etree.Element)) {
	hook.Request(t, func(doc *etree.Document) {
		if r := doc.FindElement("/Envelope/Body/RequestSecurityToken"); r != nil {
			f(r)
		}
	})
}

// onSubcode lets f choose the Subcode of faults.
func onSubcode(t *tamper, f func(was string) string) {
	hook.Faults(t, func(_ *hook.Exchange, fault *etree.Element) {
		if e := fault.FindElement("./Code/Subcode/Value"); e != nil {
			e.SetText(f(e.Text()))
		}
	})
}

// onSigned lets in the signed requests that f picks of those refused.
func onSigned(t *tamper, f func(*mdmserver.Enrollment) bool) {
	t.Authenticate = append(t.Authenticate, func(x *mdmserver.Enrollment) {
		if x.Fault != nil && x.Config.AuthPolicy == mdmserver.Certificate && !x.Renewal && f(x) {
			x.Fault = nil
		}
	})
}
