package report

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/dmwake/dmwake/harness/redact"
)

// Exchange is one request of a simulated device and its reply, as evidence;
// secrets are redacted and bodies cut at MaxBody.
type Exchange struct {
	Device        string `json:"device"`
	Method        string `json:"method"`
	URL           string `json:"url"`
	Request       string `json:"request"`
	Status        int    `json:"status"` // 0: no reply
	ContentType   string `json:"contentType,omitempty"`
	ContentLength int64  `json:"contentLength"` // as declared, -1 if it was not
	Response      string `json:"response"`
	Error         string `json:"error,omitempty"`
	What          string `json:"what,omitempty"` // what it tried, if it is not part of a session
}

// MaxBody is how much of a body a report keeps, in bytes.
const MaxBody = 8 << 10

// Body prepares a body for a report. It hides secrets before it cuts the body: half
// a secret would not be recognized. WBXML is shown as XML, and a provisioning document
// decoded.
func Body(b []byte) string {
	s := ""
	if binary(b) {
		s = Pretty(b)
	} else {
		s = redact.Documents(redact.Text(strings.ToValidUTF8(string(b), "\uFFFD")))
	}
	return cut(s)
}

func cut(s string) string {
	if len(s) <= MaxBody {
		return s
	}
	n := MaxBody
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return fmt.Sprintf("%s...[%d bytes more]", s[:n], len(s)-n)
}

// Clip cuts a text to n bytes, between characters.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}
