package scenarios

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// proxy is a reverse proxy between devices and a server, such as stands in front of most
// servers. It ends TLS, and tells the server the device's certificate in a header.
type proxy struct {
	// answer replies itself if it returns true.
	answer func(w http.ResponseWriter, r *http.Request, sent string) bool
	// edit changes a reply.
	edit func(*relayed)
	// blind tells the server no certificates.
	blind bool
	// server changes the server behind it.
	server func(*mdmserver.Config)
	// more are scenarios that have to pass as well.
	more string
	// wire writes a reply as it likes, and closes the connection; nil is HTTP/1.1.
	wire func(to io.Writer, status int, h http.Header, body []byte)
}

// relayed is a reply on its way through a proxy.
type relayed struct {
	*http.Response
	body []byte
}

// clientCert is the header in which a proxy tells the server the certificate that a
// device presented, in base64.
const clientCert = "X-Client-Cert"

// start starts the proxy, the reference server behind it, and a lab that knows no
// more of them than the discovery URL.
func (p proxy) start(t *testing.T) *lab.Lab {
	t.Helper()
	dir := t.TempDir()
	ca, err := intercept.LoadCA(dir)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.Leaf("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewUnstartedServer(nil)
	base := "https://" + front.Listener.Addr().String()
	of := mdmserver.Config{BaseURL: base, Username: "demo@mdm.example", Password: "p", PFN: fakewns.DefaultApp.PFN}
	if p.server != nil {
		p.server(&of)
	}
	server, err := mdmserver.New(of)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	back := httptest.NewUnstartedServer(told(server))
	back.Config.ErrorLog = log.New(io.Discard, "", 0) // the proxy ends connections as it likes
	back.StartTLS()
	t.Cleanup(back.Close)
	front.Config.Handler, front.Config.ErrorLog = p.handler(t, back), log.New(io.Discard, "", 0)
	front.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert, Certificates: []tls.Certificate{*leaf}}
	front.StartTLS()
	t.Cleanup(front.Close)
	return configured(t, base, ca.CertFile, dir)
}

// told reads the client certificate where the proxy wrote it.
func told(h http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		der, err := base64.StdEncoding.DecodeString(r.Header.Get(clientCert))
		if c, bad := x509.ParseCertificate(der); err == nil && bad == nil {
			r.TLS.PeerCertificates = []*x509.Certificate{c}
		}
		h.ServeHTTP(w, r)
	}
}

func (p proxy) handler(t *testing.T, back *httptest.Server) http.HandlerFunc {
	to, err := url.Parse(back.URL)
	if err != nil {
		t.Fatal(err)
	}
	var changed atomic.Bool
	t.Cleanup(func() {
		if p.edit != nil && !changed.Load() {
			t.Error("the proxy changed no reply")
		}
	})
	relay := &httputil.ReverseProxy{
		Transport: back.Client().Transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Header.Del(clientCert)
			if list := r.In.TLS.PeerCertificates; len(list) > 0 && !p.blind {
				r.Out.Header.Set(clientCert, base64.StdEncoding.EncodeToString(list[0].Raw))
			}
		},
		ModifyResponse: func(r *http.Response) error {
			body, err := io.ReadAll(r.Body)
			if err != nil || p.edit == nil {
				r.Body = io.NopCloser(bytes.NewReader(body))
				return err
			}
			x := &relayed{r, body}
			was := fmt.Sprint(r.StatusCode, r.Header, string(body))
			r.ContentLength = 0
			p.edit(x)
			if fmt.Sprint(r.StatusCode, r.Header, string(x.body)) != was {
				changed.Store(true)
			}
			r.Body = io.NopCloser(bytes.NewReader(x.body))
			if r.ContentLength == 0 {
				r.ContentLength = int64(len(x.body))
				r.Header.Set("Content-Length", strconv.Itoa(len(x.body)))
			}
			return nil
		},
	}
	return func(w http.ResponseWriter, r *http.Request) {
		sent, err := io.ReadAll(r.Body)
		if err != nil {
			return // the device is gone
		}
		r.Body = io.NopCloser(bytes.NewReader(sent))
		switch {
		case p.answer != nil && p.answer(w, r, string(sent)):
		case p.wire == nil:
			relay.ServeHTTP(w, r)
		default:
			rec := httptest.NewRecorder()
			relay.ServeHTTP(rec, r)
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Errorf("the connection cannot be taken over: %v", err)
				return
			}
			p.wire(conn, rec.Code, rec.Header(), rec.Body.Bytes())
			conn.Close()
		}
	}
}

// chunked has the reply sent without a Content-Length, in chunks.
func (x *relayed) chunked() {
	x.ContentLength = -1
	x.Header.Del("Content-Length")
}

// isSOAP reports whether the reply is one of the enrollment services.
func (x *relayed) isSOAP() bool { return bytes.Contains(x.body, []byte("Envelope")) }

// soap changes the replies of the enrollment services as a tree.
func soap(f func(doc *etree.Document)) func(*relayed) {
	return func(x *relayed) {
		if x.isSOAP() {
			x.body = tree(x.body, f)
		}
	}
}

// replaced changes the replies of the enrollment services as text: each pattern by the
// text after it.
func replaced(pairs ...string) func(*relayed) {
	return func(x *relayed) {
		if x.isSOAP() {
			x.body = []byte(strings.NewReplacer(pairs...).Replace(string(x.body)))
		}
	}
}

// document changes the provisioning document in the reply to RST.
func document(f func(raw []byte) []byte) func(*relayed) {
	return soap(func(doc *etree.Document) {
		token := doc.FindElement("//RequestedSecurityToken/BinarySecurityToken")
		if token == nil {
			return
		}
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(token.Text()))
		if err != nil {
			panic(fmt.Sprintf("the server's document is not base64: %v", err))
		}
		token.SetText(base64Of(f(raw)))
	})
}

func base64Of(raw []byte) string { return base64.StdEncoding.EncodeToString(raw) }

// written changes the provisioning document as a tree.
func written(f func(root *etree.Element)) func(*relayed) {
	return document(func(raw []byte) []byte { return tree(raw, func(doc *etree.Document) { f(doc.Root()) }) })
}

// parm is the first parameter of that name below e; nil if there is none.
func parm(e *etree.Element, name string) *etree.Element {
	return e.FindElement(".//parm[@name='" + name + "']")
}

func tree(raw []byte, f func(doc *etree.Document)) []byte {
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(raw); err != nil {
		panic(fmt.Sprintf("the server's XML cannot be read: %v", err))
	}
	f(doc)
	out, err := doc.WriteToBytes()
	if err != nil {
		panic(fmt.Sprintf("the XML cannot be written: %v", err))
	}
	return out
}
