package report

import (
	"fmt"
	"regexp"
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
	What          string `json:"what,omitempty"` // what was tried with it, where it is of no session
}

// MaxBody is how much of a body a report carries, in bytes.
const MaxBody = 8 << 10

// Body makes a body fit for a report.
func Body(b []byte) string {
	s := string(b)
	if len(s) > MaxBody {
		s = s[:MaxBody] + fmt.Sprintf("...[%d bytes more]", len(b)-MaxBody)
	}
	return Redact(s)
}

var secrets = []struct {
	find *regexp.Regexp
	with string
}{
	// wsse:UsernameToken
	{regexp.MustCompile(`(<(?:\w+:)?Password\b[^>]*>)[^<]*`), "${1}[redacted]"},
	// certificate requests, tokens, provisioning documents with their secrets
	{regexp.MustCompile(`(<(?:\w+:)?BinarySecurityToken\b[^>]*>)[^<]*`), "${1}[redacted]"},
	// the token part of a channel URI
	{regexp.MustCompile(`(\?token=[A-Za-z0-9]{0,6})[^<&"'\s]*`), "${1}...[redacted]"},
	// SyncML credentials
	{regexp.MustCompile(`(?s)(<(?:\w+:)?Cred>.*?<(?:\w+:)?Data>)[^<]*`), "${1}[redacted]"},
	{regexp.MustCompile(`(?i)(Bearer )[A-Za-z0-9._~+/=-]+`), "${1}[redacted]"},
}

// Redact hides what must not leave the process in a text: passwords, security
// tokens, credentials and the token part of channel URIs.
func Redact(s string) string {
	for _, k := range secrets {
		s = k.find.ReplaceAllString(s, k.with)
	}
	return s
}

// Clip cuts a text that is longer than n bytes.
func Clip(s string, n int) string {
	if len(s) > n {
		return s[:n] + "..."
	}
	return s
}
