package target

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/google/uuid"
)

// Function is a function for templates of hooks, for documents and messages.
type Function struct {
	Name, Example string
	Gives         string // what the example gives with the example values of Variables; empty if that differs
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
		{"field", `{{field "host.id" .Output}}`, `42`, "a value in a JSON text, by names and by numbers from 0 for lists, as in `hosts.0.id`; the hook fails if there is none", field},
		{"uuid", `{{uuid}}`, ``, "a new random UUID, another one each time", uuid.NewString},
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

// trial are the functions to try a template with example values: nothing need be
// found in them.
var trial = template.FuncMap{
	"regexp": func(pattern, _ string) (string, error) {
		_, err := compile(pattern)
		return "", err
	},
	"field": func(_, _ string) string { return "" },
	"env":   func(string) string { return "" },
}

// notIn is that a text does not have what a function looks for. The text may be
// secret.
type notIn struct{ what, text string }

func (e *notIn) Error() string { return fmt.Sprintf("%s %q", e.what, short(e.text)) }

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
		return "", &notIn{fmt.Sprintf("the regular expression %q finds nothing in", pattern), text}
	case len(m) > 1:
		return m[1], nil
	}
	return m[0], nil
}

// field is the value at a path in a JSON text, a string without its quotes.
func field(path, text string) (string, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return "", &notIn{fmt.Sprintf("field %q finds no JSON in", path), text}
	}
	for _, name := range strings.Split(path, ".") {
		var there []string // what could be named instead
		var next any
		found := false
		switch at := v.(type) {
		case map[string]any:
			next, found = at[name]
			there = slices.Sorted(maps.Keys(at))
		case []any:
			i, err := strconv.Atoi(name)
			if found = err == nil && i >= 0 && i < len(at); found {
				next = at[i]
			}
			there = []string{fmt.Sprintf("a list of %d", len(at))}
		}
		if !found {
			return "", fmt.Errorf("the JSON has no %q of field %q; there is: %s", name, path, cmp.Or(short(strings.Join(there, ", ")), "nothing"))
		}
		v = next
	}
	switch v := v.(type) {
	case nil:
		return "", fmt.Errorf("the JSON's field %q is null", path)
	case string:
		return v, nil
	}
	out, err := json.Marshal(v)
	return string(out), err
}

func fromEnv(name string) (string, error) {
	v, ok := os.LookupEnv(name)
	if !ok {
		return "", fmt.Errorf("the environment variable %s is not set", name)
	}
	return v, nil
}
