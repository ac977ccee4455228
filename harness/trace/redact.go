package trace

import (
	"bytes"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// securityToken is an element that carries a certificate request, a provisioning
// document, or a secret.
var securityToken = regexp.MustCompile(`<(?:[\w.-]+:)?BinarySecurityToken\b([^<>]*)>([^<]*)</`)

// Redact hides the secrets in a message of an enrollment or a session. It keeps a
// certificate request, which is public, and the provisioning document in the answer
// to it, in which it hides the secrets. It keeps every other byte.
func Redact(message string) string {
	out := report.Redact(message)
	was, now := securityToken.FindAllStringSubmatchIndex(message, -1), securityToken.FindAllStringSubmatchIndex(out, -1)
	if out == message || len(was) != len(now) {
		return out
	}
	var b strings.Builder
	at := 0
	for i := range was {
		kept := public(message[was[i][2]:was[i][3]], message[was[i][4]:was[i][5]])
		if kept == "" {
			continue
		}
		b.WriteString(out[at:now[i][4]])
		b.WriteString(kept)
		at = now[i][5]
	}
	return b.String() + out[at:]
}

// public is what may be shown of a BinarySecurityToken; empty: nothing.
func public(attrs, content string) string {
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(content), ""))
	if err != nil {
		return ""
	}
	switch {
	case strings.Contains(attrs, "enrollment#PKCS10"), strings.Contains(attrs, "#PKCS7"):
		var v asn1.RawValue
		if rest, err := asn1.Unmarshal(raw, &v); err != nil || len(rest) > 0 || v.Tag != asn1.TagSequence {
			return ""
		}
		return content
	case strings.Contains(attrs, "DeviceEnrollmentProvisionDoc"):
		if !utf8.Valid(raw) || !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("<")) {
			return ""
		}
		doc := string(raw)
		if hidden := report.Redact(doc); hidden != doc {
			return base64.StdEncoding.EncodeToString([]byte(hidden))
		}
		return content
	}
	return ""
}

// redacted is the body of a message as a recording keeps it. A body that is not
// text stays as it is if it has no secret; else its XML is kept.
func redacted(body []byte) []byte {
	if utf8.Valid(body) && !bytes.ContainsRune(body, 0) && !wbxml(body) {
		return []byte(Redact(string(body)))
	}
	m, err := ReadMessage(body) // WBXML, or UTF-16
	var plain []byte
	if err == nil {
		plain, err = syncml.Write(m)
	}
	if err != nil {
		return fmt.Appendf(nil, "[%d bytes that are not text: left out, because they may hold secrets]", len(body))
	}
	if hidden := Redact(string(plain)); hidden != string(plain) {
		return []byte(hidden)
	}
	return body
}

// wbxml reports whether a body is WBXML, which starts with its version.
func wbxml(body []byte) bool { return len(body) > 0 && body[0] < 0x09 }

// shown is a header as a recording keeps it: without what the connection needs, and
// without secrets.
func shown(h http.Header, reveal bool) http.Header {
	out := http.Header{}
	for name, values := range h {
		if hopHeaders[name] || len(out) >= maxHeaders/2 {
			continue
		}
		for _, v := range values {
			switch {
			case reveal:
			case secretHeaders[name]:
				v = "[redacted]"
			default:
				_, v, _ = strings.Cut(report.Redact(name+": "+v), ": ")
			}
			out[name] = append(out[name], report.Clip(v, maxHeaderValue))
			if len(out[name]) == maxValues {
				break
			}
		}
	}
	return out
}

const (
	maxHeaderValue = 8 << 10 // an MS-Signature has about 2 KB
	maxValues      = 2
)

// hopHeaders are those of a connection or of a proxy before the server.
var hopHeaders = map[string]bool{"Connection": true, "Keep-Alive": true, "Transfer-Encoding": true, "Te": true, "Upgrade": true, "Via": true, "Forwarded": true,
	"X-Forwarded-For": true, "X-Forwarded-Proto": true, "X-Forwarded-Host": true, "X-Real-Ip": true}

var secretHeaders = map[string]bool{"Authorization": true, "Proxy-Authorization": true, "Cookie": true, "Set-Cookie": true}
