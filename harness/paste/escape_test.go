package paste

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/url"
	"strings"
	"testing"
)

// wraps are ways in which programs write a text into another.
var wraps = map[string]func(string) string{
	"as it is":    func(s string) string { return s },
	"JSON":        func(s string) string { b, _ := json.Marshal(s); return string(b) },
	"a JSON line": func(s string) string { b, _ := json.Marshal(map[string]string{"msg": s}); return string(b) },
	"a Go string": func(s string) string {
		return `body="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
	},
	"XML":          html.EscapeString,
	"a form":       func(s string) string { return "a=b&x=" + url.QueryEscape(s) },
	"a URL":        func(s string) string { return "?x=" + url.PathEscape(s) },
	"base64":       func(s string) string { return "data: " + base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64 (URL)": func(s string) string { return "data: " + base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"a prefix":     func(s string) string { return "10:00:07 x[4]: " + strings.ReplaceAll(s, "\n", "\n10:00:08 x[51]: ") },
	"CRLF":         func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
}

// TestTwoForms: a message that went through any two of them is read, and is the same.
func TestTwoForms(t *testing.T) {
	indented := strings.ReplaceAll(message, "><", ">\n  <")
	for name, doc := range map[string]string{"one line": message, "indented": indented} {
		for inner, f := range wraps {
			for outer, g := range wraps {
				coded := strings.HasPrefix(inner, "base64") && (outer == "a form" || outer == "a URL")
				if coded && outer == "a URL" {
					continue // its + is a space in a form
				}
				in := "first line\n" + g(f(doc)) + "\nlast line\n"
				l, err := Read([]byte(in))
				if err != nil || len(l.Messages) != 1 || len(l.Cuts) > 0 || len(l.Notes) > 0 {
					t.Errorf("%s, as %s in %s: %+v, %v\n%s", name, inner, outer, l, err, in)
					continue
				}
				if m := l.Messages[0]; m.Line != 2 || !m.ByDevice || m.Hdr.Source.LocURI != "0123456789ABCDEF0123456789ABCDEF" || len(m.Body) != 1 || !m.Final {
					t.Errorf("%s, as %s in %s: %+v", name, inner, outer, m)
				}
				out, err := Anonymize([]byte(in))
				if err != nil {
					t.Fatal(err)
				}
				again, err := Read(out)
				if coded { // it is replaced as a whole
					if err == nil && len(again.Messages) > 0 {
						t.Errorf("%s, as %s in %s: %s", name, inner, outer, out)
					}
					continue
				}
				if err != nil || len(again.Messages) != 1 || again.Messages[0].Hdr.Source.LocURI == l.Messages[0].Hdr.Source.LocURI || !again.Messages[0].Final {
					t.Errorf("%s, as %s in %s: anonymized to %s, which is read as %+v, %v", name, inner, outer, out, again, err)
				}
			}
		}
	}
}
