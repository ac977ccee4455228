package variants

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/beevik/etree"
	"github.com/google/uuid"

	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// Variants of the SOAP messages of enrollment, and of discovery.
var (
	SOAPPrefixed = &Variant{Name: "soap-prefixed", Does: "gives every element of its SOAP replies a prefix, and none the usual one", Seen: "Namespaces in XML 1.0", Vary: func(c *mdmserver.Config) {
		hook.SOAP(&c.Tamper, func(_ *hook.Exchange, doc *etree.Document) { prefix(doc.Root()) })
	}}
	SOAPIndented = &Variant{Name: "soap-indented", Does: "indents its SOAP replies", Seen: "SOAP 1.2 part 1, section 5", Vary: func(c *mdmserver.Config) {
		hook.SOAP(&c.Tamper, func(_ *hook.Exchange, doc *etree.Document) {
			doc.InsertChildAt(0, etree.NewProcInst("xml", `version="1.0" encoding="utf-8"`))
			doc.IndentWithSettings(&etree.IndentSettings{Spaces: 2, PreserveLeafWhitespace: true})
		})
	}}
	SOAPExtra = &Variant{Name: "soap-extra", Does: "sends SOAP headers that no device knows", Seen: "SOAP 1.2 part 1, section 5.2.3: without mustUnderstand they are ignored", Vary: func(c *mdmserver.Config) {
		hook.SOAP(&c.Tamper, func(_ *hook.Exchange, doc *etree.Document) {
			if h := doc.FindElement("/Envelope/Header"); h != nil {
				unknownHeaders(h)
			}
		})
	}}
	FaultLower = &Variant{Name: "fault-lower", Does: "spells faults in lower case", Seen: "MS-MDE2 2.2.10, as its example is printed", Vary: func(c *mdmserver.Config) {
		hook.Faults(&c.Tamper, func(_ *hook.Exchange, fault *etree.Element) {
			for _, e := range hook.Elements(fault.Parent().Parent()) {
				e.Tag = strings.ToLower(e.Tag)
				if e.Tag == "value" {
					e.SetText(strings.ToLower(e.Text()))
				}
			}
		})
	}}
	FaultNoDetail = &Variant{Name: "fault-no-detail", Does: "sends faults without Detail", Seen: "SOAP 1.2 part 1, section 5.4: optional", Vary: func(c *mdmserver.Config) {
		hook.Faults(&c.Tamper, func(_ *hook.Exchange, fault *etree.Element) {
			if d := fault.SelectElement("Detail"); d != nil {
				hook.Remove(d)
			}
		})
	}}
	Fault400 = &Variant{Name: "fault-400", Does: "sends faults with HTTP 400", Seen: "SOAP 1.2 part 2, section 7.5.2.2, for faults of the sender; seen for all", Vary: func(c *mdmserver.Config) {
		hook.Faults(&c.Tamper, func(x *hook.Exchange, _ *etree.Element) { x.Status = http.StatusBadRequest })
	}}
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
)

var soap = []*Variant{SOAPPrefixed, SOAPIndented, SOAPExtra, FaultLower, FaultNoDetail, Fault400, DiscoveryRedirect, VersionEcho, Version6}

// usual are the prefixes that other SOAP libraries write.
var usual = map[string]string{"http://www.w3.org/2003/05/soap-envelope": "soap", "http://www.w3.org/2005/08/addressing": "wsa"}

// prefix binds every namespace to a prefix at the root, and writes no element
// without one.
func prefix(root *etree.Element) {
	names := map[string]string{}
	nameOf := func(ns string) string {
		name, ok := names[ns]
		switch {
		case ns == "":
			return ""
		case !ok && usual[ns] != "":
			name = usual[ns]
		case !ok:
			name = "n" + strconv.Itoa(len(names))
		}
		names[ns] = name
		return name
	}
	// The prefixes are looked up before any of them changes.
	var renames []func()
	all := hook.Elements(root)
	for _, e := range all {
		space := nameOf(e.NamespaceURI())
		renames = append(renames, func() { e.Space = space })
		if of, code, ok := strings.Cut(e.Text(), ":"); ok && e.Tag == "Value" && of == root.Space {
			text := nameOf(root.NamespaceURI()) + ":" + code
			renames = append(renames, func() { e.SetText(text) })
		}
		for i := range e.Attr {
			if a := &e.Attr[i]; a.Space != "" && a.Space != "xml" && a.Space != "xmlns" {
				name := nameOf(a.NamespaceURI())
				renames = append(renames, func() { a.Space = name })
			}
		}
	}
	for _, rename := range renames {
		rename()
	}
	for _, e := range all {
		kept := e.Attr[:0]
		for _, a := range e.Attr {
			if a.Space != "xmlns" && a.FullKey() != "xmlns" {
				kept = append(kept, a)
			}
		}
		e.Attr = kept
	}
	for ns, name := range names {
		if name != "" {
			root.CreateAttr("xmlns:"+name, ns)
		}
	}
}

// unknownHeaders adds headers of another namespace, of which two have the local
// names of headers that devices know.
func unknownHeaders(h *etree.Element) {
	trace := etree.NewElement("x:Action")
	trace.CreateAttr("xmlns:x", "urn:example:tracing")
	trace.SetText("traced")
	h.InsertChildAt(0, trace)
	security := etree.NewElement("x:Security")
	security.CreateAttr("xmlns:x", "urn:example:tracing")
	security.CreateElement("x:Timestamp").CreateElement("x:Created").SetText("long ago")
	h.InsertChildAt(0, security)
	node := h.CreateElement("x:Node")
	node.CreateAttr("xmlns:x", "urn:example:tracing")
	node.SetText("7")
}

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
