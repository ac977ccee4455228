package variants

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/beevik/etree"
	"github.com/google/uuid"

	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// Variants of discovery: what it answers, and where the services are.
var (
	DiscoveryRedirect = &Variant{Name: "discovery-redirect", Does: "redirects discovery to another path", Seen: "seen", Vary: func(c *mdmserver.Config) {
		const moved = "/services" + mdmserver.DiscoveryPath
		hook.Reroute(&c.Tamper, func(r *http.Request) string {
			if r.URL.Path == moved {
				return mdmserver.DiscoveryPath
			}
			return r.URL.Path
		})
		c.Tamper.Serve = append(c.Tamper.Serve, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != mdmserver.DiscoveryPath {
					next.ServeHTTP(w, r)
					return
				}
				http.Redirect(w, r, c.BaseURL+moved, http.StatusFound)
			})
		})
	}}
	VersionEcho = &Variant{Name: "version-echo", Does: "answers a device with its own RequestVersion, up to 6.0", Seen: "MS-MDE2 3.1.4.1.3.2", Vary: func(c *mdmserver.Config) {
		versioned(c, func(x *hook.Exchange, asked float64) {
			x.Reply = enrollmentVersion.ReplaceAll(x.Reply, fmt.Appendf(nil, "${1}%.1f", min(asked, newestVersion)))
		})
	}}
	Version6 = &Variant{Name: "version-6", Does: "knows RequestVersion up to 6.0 and refuses a higher one", Seen: "MS-MDE2 2.2.10, DeviceNotSupported", Vary: func(c *mdmserver.Config) {
		versioned(c, func(x *hook.Exchange, asked float64) {
			if asked <= newestVersion {
				x.Reply = enrollmentVersion.ReplaceAll(x.Reply, []byte("${1}6.0"))
				return
			}
			f := enroll.Fault{Code: "Receiver", Subcode: "EnrollmentServer", ErrorType: "DeviceNotSupported", Reason: fmt.Sprintf("RequestVersion %.1f is not supported", asked)}
			var relatesTo string
			if e, err := enroll.ReadEnvelope(x.In); err == nil {
				relatesTo = e.MessageID
			}
			if reply, err := f.Write(relatesTo, uuid.NewString()); err == nil {
				x.Status, x.Reply = http.StatusInternalServerError, reply
			}
		})
	}}
	DiscoverOrder = &Variant{Name: "discover-order", Does: "answers Discover in another order, without EnrollmentVersion, and with a nil AuthenticationServiceUrl", Seen: "MS-MDE2 3.1.4.1.3.2: xsd:all, minOccurs 0, nillable", Vary: func(c *mdmserver.Config) {
		hook.SOAP(&c.Tamper, func(_ *hook.Exchange, doc *etree.Document) {
			r := doc.FindElement("/Envelope/Body/DiscoverResponse/DiscoverResult")
			if r == nil {
				return
			}
			hook.Remove(r.FindElement("EnrollmentVersion"))
			if r.FindElement("AuthenticationServiceUrl") == nil {
				e := r.CreateElement("AuthenticationServiceUrl")
				e.CreateAttr("xmlns:i", "http://www.w3.org/2001/XMLSchema-instance")
				e.CreateAttr("i:nil", "true")
			}
			list := r.ChildElements()
			slices.Reverse(list)
			for _, e := range list {
				r.RemoveChild(e)
				r.AddChild(e)
			}
		})
	}}
	OneService = &Variant{Name: "one-service", Does: "has its policy and its enrollment service at one URL", Seen: "MS-MDE2 3.1.4.1.3.2; seen", Vary: func(c *mdmserver.Config) {
		hook.Respell(&c.Tamper, `(<EnrollmentPolicyServiceUrl>[^<]*)`+regexp.QuoteMeta(mdmserver.PolicyPath), "${1}"+mdmserver.EnrollmentPath)
		hook.Reroute(&c.Tamper, func(r *http.Request) string {
			if r.URL.Path != mdmserver.EnrollmentPath || r.Method != http.MethodPost {
				return r.URL.Path
			}
			if e, err := enroll.ReadEnvelope(hook.Read(r).In); err == nil && e.BodyName() == "GetPolicies" {
				return mdmserver.PolicyPath
			}
			return mdmserver.EnrollmentPath
		})
	}}
	ServicesElsewhere = &Variant{Name: "services-elsewhere", Does: "has its services on another host than discovery, with a query in each URL", Seen: "MS-MDE2 3.1.4.1.3.2; Learn, \"Federated authentication device enrollment\"", Vary: func(c *mdmserver.Config) {
		base := strings.Replace(c.BaseURL, "127.0.0.1", "localhost", 1)
		hook.Respell(&c.Tamper, `(ServiceUrl>)`+regexp.QuoteMeta(c.BaseURL)+`([^<]*)`, "${1}"+base+"${2}?tenant=7&amp;region=north")
	}}
)

var discovery = []*Variant{DiscoveryRedirect, VersionEcho, Version6, DiscoverOrder, OneService, ServicesElsewhere}

const newestVersion = 6.0

var enrollmentVersion = regexp.MustCompile(`(<EnrollmentVersion>)[^<]*`)

// versioned lets f change the answer to a Discover, which has a RequestVersion.
func versioned(c *mdmserver.Config, f func(x *hook.Exchange, asked float64)) {
	hook.After(&c.Tamper, http.MethodPost, mdmserver.DiscoveryPath, func(x *hook.Exchange) {
		e, err := enroll.ReadEnvelope(x.In)
		if err != nil || x.Status != http.StatusOK {
			return
		}
		r, err := e.DiscoverRequest()
		if err != nil {
			return
		}
		if asked, err := strconv.ParseFloat(r.RequestVersion, 64); err == nil {
			f(x, asked)
		}
	})
}
