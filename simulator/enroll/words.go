package enroll

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// maxWords bounds a server's own words in an error, in characters.
const maxWords = 200

// OwnWords is the error text of a body that is not SOAP: a JSON problem's
// message, a page's title, or plain text, in one line of at most 200
// characters. It hides secrets and anything that looks like one. It is empty if
// nothing is readable.
func OwnWords(body []byte, secrets ...string) string {
	if len(body) > 64<<10 {
		body = body[:64<<10]
	}
	text := strings.TrimSpace(strings.TrimPrefix(strings.ToValidUTF8(string(body), ""), "\ufeff"))
	switch {
	case text == "" || strings.ContainsRune(text, 0):
		return ""
	case strings.HasPrefix(text, "{") || strings.HasPrefix(text, "["):
		var v any
		if json.Unmarshal([]byte(text), &v) == nil {
			text = jsonWords(v, 0)
		}
	case strings.HasPrefix(text, "<"):
		text = pageWords(text)
	}
	text = conceal(oneLine(text), secrets...)
	if utf8.RuneCountInString(text) > maxWords {
		text = string([]rune(text)[:maxWords]) + "..."
	}
	return text
}

// jsonKeys are the usual keys of error texts: RFC 9457, OAuth, Go and Node
// frameworks.
var jsonKeys = []string{"error", "title", "code", "message", "detail", "error_description", "reason", "errors"}

func jsonWords(v any, depth int) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		if len(v) > 0 && depth < 4 {
			return jsonWords(v[0], depth+1)
		}
	case map[string]any:
		var parts []string
		for _, want := range jsonKeys {
			for key, value := range v {
				if s := jsonWords(value, depth+1); depth < 4 && strings.EqualFold(key, want) && s != "" {
					parts = append(parts, s)
				}
			}
		}
		return strings.Join(parts, ": ")
	}
	return ""
}

// pageWords is the title of an HTML page, or else its text.
func pageWords(page string) string {
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return ""
	}
	var all strings.Builder
	for n := range doc.Descendants() {
		switch {
		case n.Type == html.ElementNode && n.Data == "title" && n.FirstChild != nil && strings.TrimSpace(n.FirstChild.Data) != "":
			return n.FirstChild.Data
		case n.Type == html.TextNode && (n.Parent == nil || n.Parent.Data != "script" && n.Parent.Data != "style"):
			all.WriteString(n.Data + " ")
		}
	}
	return all.String()
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

var (
	named  = regexp.MustCompile(`(?i)((?:password|passwd|pwd|secret|token|authorization|api[_-]?key|bearer|basic)["']?\s*[:=]?\s*["']?)(?:bearer |basic )?[A-Za-z0-9._~+/=-]{6,}`)
	asJWT  = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,4}`)
	opaque = regexp.MustCompile(`[A-Za-z0-9+/_-]{40,}={0,2}`)
	inPath = regexp.MustCompile(`[A-Za-z0-9+_-]{40,}={0,2}`) // in a URL, "/" is between names
	anyURL = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"'<>]+`)
	hexa   = regexp.MustCompile(`^[0-9A-Fa-f-]+$`)
	word   = regexp.MustCompile(`^[A-Za-z]*[0-9]{0,8}$`)
	inURL  = regexp.MustCompile(`(://)[^/\s"']+@`)
)

// conceal hides known secrets, values named as secrets, and long opaque words
// except hexadecimal ids.
func conceal(s string, secrets ...string) string {
	const hidden = "[redacted]"
	for _, secret := range secrets {
		if len(secret) >= 6 { // a shorter one would match inside ordinary words
			s = strings.ReplaceAll(s, secret, hidden)
			s = strings.ReplaceAll(s, base64.StdEncoding.EncodeToString([]byte(secret)), hidden)
		}
	}
	s = inURL.ReplaceAllString(s, "${1}"+hidden+"@")
	s = named.ReplaceAllStringFunc(s, func(m string) string {
		parts := named.FindStringSubmatch(m)
		if rest := m[len(parts[1]):]; !strings.ContainsAny(parts[1], ":=") && !strings.ContainsAny(rest, "0123456789") {
			return m // "the password is wrong", "token expired"
		}
		return parts[1] + hidden
	})
	s = asJWT.ReplaceAllString(s, hidden)
	hide := func(m string) string {
		if readable(m) {
			return m
		}
		return hidden
	}
	var out strings.Builder
	for s != "" {
		at := anyURL.FindStringIndex(s)
		if at == nil {
			at = []int{len(s), len(s)}
		}
		out.WriteString(opaque.ReplaceAllStringFunc(s[:at[0]], hide))
		out.WriteString(inPath.ReplaceAllStringFunc(s[at[0]:at[1]], hide))
		s = s[at[1]:]
	}
	return out.String()
}

// readable reports whether a long run of characters consists of words and
// numbers, as in paths and names, or is a hexadecimal id. Base64 secrets are
// not readable.
func readable(run string) bool {
	if hexa.MatchString(run) {
		return true
	}
	for part := range strings.FieldsFuncSeq(run, func(r rune) bool { return strings.ContainsRune("/_-", r) }) {
		if !hexa.MatchString(part) && !isWord(part) {
			return false
		}
	}
	return true
}

// isWord reports whether a part is letters, then digits: in one case, or with
// few capitals, as in DeviceEnrollment.
func isWord(part string) bool {
	letters := strings.TrimRight(part, "0123456789")
	capitals := 0
	for _, r := range letters {
		if unicode.IsUpper(r) {
			capitals++
		}
	}
	switch {
	case !word.MatchString(part):
		return false
	case capitals == 0 || capitals == len(letters):
		return len(letters) <= 20
	}
	return len(letters) >= 4*capitals || len(letters) <= 12 && len(letters) >= 2*capitals
}
