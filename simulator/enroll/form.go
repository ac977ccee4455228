package enroll

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// form is what is needed of an HTML form to submit it.
type form struct {
	action, method string
	values         url.Values
	user, password string // names of the inputs to fill
	button         bool   // a button that submits it was met
}

// signInForm is the form of a page that the user would take: the one that returns
// wresult, or else the first that asks for a password, for a user, or for nothing
// but a click; by POST before by GET, as a form to search or to choose the
// language is sent. nil where the page has none.
func signInForm(n *html.Node) (best *form) {
	rank := func(f *form) int {
		switch {
		case f == nil:
			return 0
		case f.values.Has("wresult"):
			return 5
		case f.password != "":
			return 4
		case f.method != http.MethodPost:
			return 1
		case f.user != "":
			return 3
		}
		return 2
	}
	for c := range n.Descendants() {
		if c.Type == html.ElementNode && c.Data == "form" {
			if f := readForm(c); rank(f) > rank(best) {
				best = f
			}
		}
	}
	return best
}

func readForm(n *html.Node) *form {
	f := &form{action: attribute(n, "action"), method: strings.ToUpper(attribute(n, "method")), values: url.Values{}}
	if f.method == "" {
		f.method = http.MethodGet
	}
	for c := range n.Descendants() {
		if c.Type != html.ElementNode {
			continue
		}
		switch c.Data {
		case "input":
			f.input(c)
		case "button":
			if kind := strings.ToLower(attribute(c, "type")); kind == "" || kind == "submit" {
				f.submit(c)
			}
		case "select":
			f.choose(c)
		}
	}
	return f
}

// scripted reports whether a page has scripts.
func scripted(n *html.Node) bool {
	for c := range n.Descendants() {
		if c.Type == html.ElementNode && c.Data == "script" {
			return true
		}
	}
	return false
}

func (f *form) input(n *html.Node) {
	name := attribute(n, "name")
	kind := strings.ToLower(attribute(n, "type"))
	if kind == "submit" || kind == "image" {
		f.submit(n)
		return
	}
	if name == "" || kind == "button" || kind == "reset" {
		return
	}
	switch kind {
	case "password":
		f.password = name
	case "", "text", "email":
		if f.user == "" {
			f.user = name
		}
	case "checkbox":
		// Accept terms of use.
	}
	f.values.Set(name, attribute(n, "value"))
	if f.values.Get(name) == "" && kind == "checkbox" {
		f.values.Set(name, "on")
	}
}

// submit takes a button that submits the form. The user presses the first one.
func (f *form) submit(n *html.Node) {
	if f.button {
		return
	}
	f.button = true
	if name := attribute(n, "name"); name != "" {
		f.values.Set(name, attribute(n, "value"))
	}
}

// choose leaves a list at the option that is selected, or else at its first.
func (f *form) choose(n *html.Node) {
	name := attribute(n, "name")
	if name == "" {
		return
	}
	for c := range n.Descendants() {
		if c.Type != html.ElementNode || c.Data != "option" {
			continue
		}
		if selected := has(c, "selected"); selected || !f.values.Has(name) {
			f.values.Set(name, optionValue(c))
			if selected {
				return
			}
		}
	}
}

func optionValue(n *html.Node) string {
	if has(n, "value") || n.FirstChild == nil {
		return attribute(n, "value")
	}
	return strings.TrimSpace(n.FirstChild.Data)
}

func has(n *html.Node, key string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == key })
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
