package hook

import (
	"bytes"
	"io"
	"net/http"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// SOAP lets f change every SOAP message of the enrollment services.
func SOAP(t *mdmserver.Tamper, f func(x *Exchange, doc *etree.Document)) {
	AfterSOAP(t, func(x *Exchange) {
		doc := etree.NewDocument()
		doc.WriteSettings.CanonicalText = true
		if doc.ReadFromBytes(x.Reply) != nil || doc.Root() == nil {
			return
		}
		f(x, doc)
		if raw, err := doc.WriteToBytes(); err == nil {
			x.Reply = raw
		}
	})
}

// Faults lets f change every SOAP fault of the enrollment services.
func Faults(t *mdmserver.Tamper, f func(x *Exchange, fault *etree.Element)) {
	SOAP(t, func(x *Exchange, doc *etree.Document) {
		if fault := doc.FindElement("/Envelope/Body/Fault"); fault != nil {
			f(x, fault)
		}
	})
}

// Elements gives e and all elements below it.
func Elements(e *etree.Element) []*etree.Element {
	out := []*etree.Element{e}
	for _, k := range e.ChildElements() {
		out = append(out, Elements(k)...)
	}
	return out
}

// Reroute lets f choose the path under which the server sees a request; an empty
// one is answered 404.
func Reroute(t *mdmserver.Tamper, f func(*http.Request) (path string)) {
	t.Serve = append(t.Serve, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			path := f(r)
			if path == "" {
				http.NotFound(w, r)
				return
			}
			to, at := *r, *r.URL
			at.Path, at.RawPath = path, ""
			to.URL = &at
			next.ServeHTTP(w, &to)
		})
	})
}

// Request lets f change every SOAP request to the enrollment service before the
// server sees it.
func Request(t *mdmserver.Tamper, f func(doc *etree.Document)) {
	t.Serve = append(t.Serve, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && r.URL.Path == mdmserver.EnrollmentPath {
				doc := etree.NewDocument()
				doc.WriteSettings.CanonicalText = true
				if doc.ReadFromBytes(Read(r).In) == nil && doc.Root() != nil {
					f(doc)
					if raw, err := doc.WriteToBytes(); err == nil {
						r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
					}
				}
			}
			next.ServeHTTP(w, r)
		})
	})
}
