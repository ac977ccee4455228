// Package hook has the vocabulary that mutants and variants of the reference
// server are written in: helpers over mdmserver.Tamper.
package hook

import (
	"bytes"
	"crypto/x509"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// maxBody bounds what is read of a request, in bytes: more than the server
// takes.
const maxBody = 2 << 20

// Exchange is a request of a device and the server's reply to it.
type Exchange struct {
	*http.Request
	In []byte // the request's body

	Status      int
	ReplyHeader http.Header
	Reply       []byte
	Length      int // what Content-Length declares if it is more than Reply has; Chunked sends none
}

// Chunked is the length of a reply without Content-Length.
const Chunked = -1

// Device is the common name of the client certificate, "" without one.
func (x *Exchange) Device() string {
	if cert := ClientCert(x.Request); cert != nil {
		return cert.Subject.CommonName
	}
	return ""
}

// ClientCert is the client certificate of a request, or nil.
func ClientCert(r *http.Request) *x509.Certificate {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil
	}
	return r.TLS.PeerCertificates[0]
}

// Ends tells whether the reply ends a session.
func (x *Exchange) Ends() bool {
	m, err := syncml.Read(x.Reply)
	return err == nil && m.Final && !m.HasCommands() && m.Hdr.MsgID != "1"
}

// Says tells whether the reply is an error with that text.
func (x *Exchange) Says(status int, text string) bool {
	return x.Status == status && strings.HasPrefix(string(x.Reply), text)
}

// Replace changes every occurrence of old in the reply.
func (x *Exchange) Replace(old, by string) {
	x.Reply = bytes.ReplaceAll(x.Reply, []byte(old), []byte(by))
}

// Before lets f look at every request to a path before the server does; a status
// other than 0 is the answer. An empty path stands for all.
func Before(t *mdmserver.Tamper, path string, f func(*Exchange) (status int)) {
	t.Serve = append(t.Serve, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if path == "" || r.URL.Path == path {
				if status := f(Read(r)); status != 0 {
					http.Error(w, "broken on purpose", status)
					return
				}
			}
			next.ServeHTTP(w, r)
		})
	})
}

// Rewrite lets f change the body of every POST to a path before the server reads it.
func Rewrite(t *mdmserver.Tamper, path string, f func(body []byte) []byte) {
	t.Serve = append(t.Serve, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && r.URL.Path == path {
				body := f(Read(r).In)
				r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			}
			next.ServeHTTP(w, r)
		})
	})
}

// After lets f change every reply to a request with that method and path. An
// empty path stands for all.
func After(t *mdmserver.Tamper, method, path string, f func(*Exchange)) {
	t.Serve = append(t.Serve, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != method || path != "" && r.URL.Path != path {
				next.ServeHTTP(w, r)
				return
			}
			x := Read(r)
			rec := recorder{header: w.Header()}
			next.ServeHTTP(&rec, r)
			x.Status, x.ReplyHeader, x.Reply, x.Length = max(rec.status, http.StatusOK), w.Header(), rec.body.Bytes(), 0
			f(x)
			switch x.Length {
			case Chunked:
				x.ReplyHeader.Del("Content-Length")
			default:
				x.ReplyHeader.Set("Content-Length", strconv.Itoa(max(x.Length, len(x.Reply))))
			}
			w.WriteHeader(x.Status)
			if x.Length == Chunked {
				http.NewResponseController(w).Flush() //nolint:errcheck // the device is gone
			}
			w.Write(x.Reply) //nolint:errcheck // the device is gone
		})
	})
}

// AfterSOAP is After for the replies of all enrollment services.
func AfterSOAP(t *mdmserver.Tamper, f func(*Exchange)) {
	for _, path := range []string{mdmserver.DiscoveryPath, mdmserver.PolicyPath, mdmserver.EnrollmentPath} {
		After(t, http.MethodPost, path, f)
	}
}

// Read takes in a request's body and leaves it to be read again, with the error
// that ended it.
func Read(r *http.Request) *Exchange {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	rest := r.Body
	if err != nil {
		rest = io.NopCloser(broken{err})
	}
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), rest))
	return &Exchange{Request: r, In: body}
}

// broken is a body that ends with an error.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// recorder keeps a reply.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) { r.status = status }

func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// Session lets f change the bytes and headers of every session message.
func Session(t *mdmserver.Tamper, f func(*Exchange)) {
	After(t, http.MethodPost, mdmserver.ManagementPath, func(x *Exchange) {
		if x.Status == http.StatusOK && strings.HasPrefix(x.ReplyHeader.Get("Content-Type"), "application/vnd.syncml") {
			f(x)
		}
	})
}

// Respell rewrites what an expression matches in the replies of all enrollment
// services; faults stay as they are, except for their header.
func Respell(t *mdmserver.Tamper, expression, by string) {
	re := regexp.MustCompile(expression)
	AfterSOAP(t, func(x *Exchange) { x.Reply = re.ReplaceAll(x.Reply, []byte(by)) })
}
