package variants

import (
	"bytes"
	"crypto/tls"
	"net/http"
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Variants of TLS, HTTP and of how messages are written.
var (
	HTTP2 = &Variant{Name: "http2", Does: "offers HTTP/2", Seen: "RFC 9113 section 3.2; a Windows 11 device speaks it", Vary: func(c *mdmserver.Config) {
		offerHTTP2(c)
	}}
	HTTP2NoLength = &Variant{Name: "http2-no-length", Does: "offers HTTP/2, and sends its replies there without Content-Length", Seen: "RFC 9113 section 8.1.1: optional", Vary: func(c *mdmserver.Config) {
		offerHTTP2(c)
		hook.After(&c.Tamper, http.MethodPost, "", func(x *hook.Exchange) {
			if x.ProtoMajor == 2 {
				x.Length = hook.Chunked
			}
		})
	}}
	TLS12 = &Variant{Name: "tls12", Does: "speaks TLS 1.2 only", Seen: "RFC 9325 section 3.1.1", Vary: func(c *mdmserver.Config) {
		speakTLS(c, tls.VersionTLS12, tls.VersionTLS12)
	}}
	TLS13 = &Variant{Name: "tls13", Does: "speaks TLS 1.3 only, which Windows 10 does not", Seen: "Learn, \"TLS protocol version support\": Windows 11", Vary: func(c *mdmserver.Config) {
		speakTLS(c, tls.VersionTLS13, tls.VersionTLS13)
	}}
	HeadersExtra = &Variant{Name: "headers-extra", Does: "adds HTTP headers that nobody knows, and writes Content-Type in lower case", Seen: "RFC 9110 section 5.1", Vary: func(c *mdmserver.Config) {
		hook.After(&c.Tamper, http.MethodPost, "", func(x *hook.Exchange) {
			h := x.ReplyHeader
			h["x-powered-by"] = []string{"dmwake"}
			h["Strict-Transport-Security"] = []string{"max-age=31536000"}
			h["Set-Cookie"] = []string{"lb=1; Secure; HttpOnly"}
			if kind := h["Content-Type"]; len(kind) > 0 {
				h["content-type"], h["Content-Type"] = kind, nil // net/http adds no other
			}
		})
	}}
	ConnectionClose = &Variant{Name: "connection-close", Does: "closes the connection after every reply", Seen: "RFC 9112 section 9.6", Vary: func(c *mdmserver.Config) {
		c.Tamper.Serve = append(c.Tamper.Serve, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Connection", "close")
				next.ServeHTTP(w, r)
			})
		})
	}}
	Slow = &Variant{Name: "slow", Does: "takes a tenth of a second for every reply", Seen: "seen", Vary: func(c *mdmserver.Config) {
		c.Tamper.Serve = append(c.Tamper.Serve, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				select {
				case <-time.After(100 * time.Millisecond):
				case <-r.Context().Done():
				}
				next.ServeHTTP(w, r)
			})
		})
	}}
	TypeCharset = &Variant{Name: "type-charset", Does: "names the charset in the Content-Type of sessions", Seen: "IANA, application/vnd.syncml.dm+xml: optional parameter", Vary: func(c *mdmserver.Config) {
		sessionXML(c, func(x *hook.Exchange) { x.ReplyHeader.Set("Content-Type", syncml.MediaType+"; charset=utf-8") })
	}}
	SyncMLPrefixed = &Variant{Name: "syncml-prefixed", Does: "writes every element of a session with a prefix", Seen: "Namespaces in XML 1.0 section 3", Vary: func(c *mdmserver.Config) {
		rewriteXML(c, func(doc *etree.Document) {
			root := doc.Root()
			namespaced(root, "")
			root.CreateAttr("xmlns:s", syncml.Namespace)
			root.CreateAttr("xmlns:m", syncml.MetaNamespace)
		})
	}}
	SyncMLIndented = &Variant{Name: "syncml-indented", Does: "indents the messages of a session, and begins them with an XML declaration", Seen: "seen", Vary: func(c *mdmserver.Config) {
		rewriteXML(c, func(doc *etree.Document) {
			doc.InsertChildAt(0, etree.NewProcInst("xml", `version="1.0" encoding="UTF-8"`))
			doc.IndentWithSettings(&etree.IndentSettings{Spaces: 2, PreserveLeafWhitespace: true})
		})
	}}
	WBXML = &Variant{Name: "wbxml", Does: "asks devices for WBXML", Seen: "Learn, \"w7 APPLICATION CSP\", DEFAULTENCODING", Vary: func(c *mdmserver.Config) {
		c.Encoding = syncml.MediaTypeWBXML
	}}
)

var transport = []*Variant{HTTP2, HTTP2NoLength, TLS12, TLS13, HeadersExtra, ConnectionClose, Slow, TypeCharset, SyncMLPrefixed, SyncMLIndented, WBXML}

func offerHTTP2(c *mdmserver.Config) {
	c.Tamper.TLS = append(c.Tamper.TLS, func(t *tls.Config) { t.NextProtos = []string{"h2", "http/1.1"} })
}

func speakTLS(c *mdmserver.Config, from, to uint16) {
	c.Tamper.TLS = append(c.Tamper.TLS, func(t *tls.Config) { t.MinVersion, t.MaxVersion = from, to })
}

// sessionXML lets f change the bytes and headers of every message in XML.
func sessionXML(c *mdmserver.Config, f func(*hook.Exchange)) {
	hook.Session(&c.Tamper, func(x *hook.Exchange) {
		if strings.HasPrefix(x.ReplyHeader.Get("Content-Type"), syncml.MediaType) && len(bytes.TrimSpace(x.Reply)) > 0 {
			f(x)
		}
	})
}

// rewriteXML lets f write every message in another form.
func rewriteXML(c *mdmserver.Config, f func(*etree.Document)) {
	sessionXML(c, func(x *hook.Exchange) {
		doc := etree.NewDocument()
		if doc.ReadFromBytes(x.Reply) != nil {
			return
		}
		f(doc)
		if out, err := doc.WriteToBytes(); err == nil {
			x.Reply = out
		}
	})
}

// namespaced writes prefixes in place of default namespaces: s for SyncML, m for
// Meta.
func namespaced(e *etree.Element, space string) {
	if a := e.SelectAttr("xmlns"); a != nil {
		space = "s"
		if a.Value == syncml.MetaNamespace {
			space = "m"
		}
		e.RemoveAttr("xmlns")
	}
	e.Space = space
	for _, child := range e.ChildElements() {
		namespaced(child, space)
	}
}
