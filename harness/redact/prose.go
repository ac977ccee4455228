package redact

import (
	"encoding/base64"
	"regexp"
	"strings"
)

var (
	named = regexp.MustCompile(`(?i)((?:password|passwd|pwd|secret|token|authorization|api[_-]?key|bearer|basic)["']?\s*[:=]?\s*["']?)(?:bearer |basic )?[A-Za-z0-9._~+/=-]{6,}`)
	run   = regexp.MustCompile(`[A-Za-z0-9+/_-]{40,}={0,2}`)
	inURL = regexp.MustCompile(`[A-Za-z0-9+_-]{40,}={0,2}`) // in a URL, "/" is between names
)

// minSecret is the length from which a known secret is looked for: a shorter one would
// be found inside ordinary words.
const minSecret = 4

// Prose hides secrets in the words of a server or of a hook, which come without a form
// that tells them: known secrets, values after words such as password, and long opaque
// runs except hexadecimal ids.
func Prose(s string, secrets ...string) string {
	for _, secret := range secrets {
		if len(secret) >= minSecret {
			s = strings.ReplaceAll(s, secret, Hidden)
			s = strings.ReplaceAll(s, base64.StdEncoding.EncodeToString([]byte(secret)), Hidden)
		}
	}
	s = named.ReplaceAllStringFunc(s, func(m string) string {
		parts := named.FindStringSubmatch(m)
		if rest := m[len(parts[1]):]; !strings.ContainsAny(parts[1], ":=") && !strings.ContainsAny(rest, "0123456789") {
			return m // "the password is wrong", "token expired"
		}
		return parts[1] + Hidden
	})
	s = Text(s)
	hide := func(m string) string {
		if readable(m) {
			return m
		}
		return Hidden
	}
	var out strings.Builder
	for s != "" {
		at := anyURL.FindStringIndex(s)
		if at == nil {
			at = []int{len(s), len(s)}
		}
		out.WriteString(run.ReplaceAllStringFunc(s[:at[0]], hide))
		out.WriteString(inURL.ReplaceAllStringFunc(s[at[0]:at[1]], hide))
		s = s[at[1]:]
	}
	return out.String()
}
