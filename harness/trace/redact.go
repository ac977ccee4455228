package trace

import (
	"bytes"
	"fmt"
	"net/http"
	"unicode/utf8"

	"github.com/dmwake/dmwake/harness/redact"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// redacted is the body of a message as a recording keeps it. A body that is not
// text stays as it is if it has no secret; else its XML is kept.
func redacted(body []byte) []byte {
	if utf8.Valid(body) && !bytes.ContainsRune(body, 0) && !wbxml(body) {
		return []byte(redact.Text(string(body)))
	}
	m, err := ReadMessage(body) // WBXML, or UTF-16
	var plain []byte
	if err == nil {
		plain, err = syncml.Write(m)
	}
	if err != nil {
		return fmt.Appendf(nil, "[%d bytes that are not text: left out, because they may hold secrets]", len(body))
	}
	if hidden := redact.Text(string(plain)); hidden != string(plain) {
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
			if !reveal {
				v = redact.Header(name, v)
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
