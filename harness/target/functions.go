package target

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"text/template"
)

// Function is a function for templates of hooks, for documents and messages.
type Function struct {
	Name, Example string
	Gives         string // what the example gives with the example values of Variables
	Does          string
	call          any
}

// Functions lists all functions, in the order of the document.
func Functions() []Function {
	return []Function{
		{"json", `{{json .Data}}`, `"0"`, "a JSON string, quotes included", func(s string) (string, error) {
			b, err := json.Marshal(s)
			return string(b), err
		}},
		{"xml", `{{xml "a<b"}}`, `a&lt;b`, "text for XML", func(s string) (string, error) {
			var b bytes.Buffer
			err := xml.EscapeText(&b, []byte(s))
			return b.String(), err
		}},
		{"urlquery", `{{urlquery .ProviderID}}`, `Example+MDM`, "text for the query of a URL", url.QueryEscape},
		{"base64", `{{base64 .Username}}`, `ZGVtb0BtZG0uZXhhbXBsZQ==`, "base64", func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }},
		{"lower", `{{lower .Verb}}`, `replace`, "lower case", strings.ToLower},
		{"upper", `{{upper .Format}}`, `INT`, "upper case", strings.ToUpper},
		{"regexp", `{{regexp "id=([0-9]+)" .ManagementURL}}`, `42`, "the first group that a regular expression finds, or all that it matches if it has no group; the hook fails if it finds nothing", capture},
		{"env", `{{env "HOME"}}`, ``, "a variable of the environment, such as the token of your server's API; dmwake hides its value in all outputs", fromEnv},
	}
}

// funcs are the functions by name.
var funcs = func() template.FuncMap {
	m := template.FuncMap{}
	for _, f := range Functions() {
		m[f.Name] = f.call
	}
	return m
}()

// trial are the functions to try a template with example values, in which a
// regular expression need not find anything.
var trial = template.FuncMap{"regexp": func(pattern, _ string) (string, error) {
	_, err := compile(pattern)
	return "", err
}}

func compile(pattern string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("%q is not a regular expression: %w", pattern, err)
	}
	return re, nil
}

func capture(pattern, text string) (string, error) {
	re, err := compile(pattern)
	if err != nil {
		return "", err
	}
	m := re.FindStringSubmatch(text)
	switch {
	case m == nil:
		return "", fmt.Errorf("the regular expression %q finds nothing in %q", pattern, short(text))
	case len(m) > 1:
		return m[1], nil
	}
	return m[0], nil
}

func fromEnv(name string) (string, error) {
	v, ok := os.LookupEnv(name)
	if !ok {
		return "", fmt.Errorf("the environment variable %s is not set", name)
	}
	return v, nil
}
