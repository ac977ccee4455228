package enroll

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/dmwake/dmwake/harness/redact"
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
	text = redact.Prose(oneLine(text), secrets...)
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
