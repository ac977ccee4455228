package enroll

import (
	"bytes"
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// press finds what accepts the terms on a page, or declines them: a link to the
// redirect_uri, or a button of a form.
func (t *Terms) press(page *html.Node, at *url.URL) (visit, error) {
	var only *html.Node // a button whose text says nothing, if it is alone
	buttons := 0
	for n := range page.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.Data == "a" {
			if to, err := at.Parse(attribute(n, "href")); err == nil && t.isAnswer(to) && t.means(to.Query().Get("IsAccepted"), text(n)) {
				return visit{at: to, method: http.MethodGet}, nil
			}
			continue
		}
		if !submits(n) || hidden(n) {
			continue
		}
		if buttons++; buttons == 1 {
			only = n
		}
		if t.means(text(n), attribute(n, "value"), attribute(n, "id"), attribute(n, "name")) {
			return pressed(n, at)
		}
	}
	switch {
	case buttons == 1 && !t.Refuse && undecided(text(only), attribute(only, "value"), attribute(only, "id"), attribute(only, "name")):
		return pressed(only, at)
	case scripted(page):
		return visit{}, &UnusableError{Why: "a script builds the terms-of-use page, and dmwake runs no scripts"}
	case t.Refuse:
		return visit{}, errors.New("the terms of use are declined, and the page has no button for it (a join needs none); the device does not enroll")
	}
	return visit{}, errors.New("the page has neither a button to accept the terms of use nor a redirect to redirect_uri")
}

// Offers reports which buttons, or links to redirect_uri, a page has.
func (t *Terms) Offers(page []byte) (accept, decline bool) {
	at, err := t.At()
	root, err2 := html.Parse(bytes.NewReader(page))
	if err != nil || err2 != nil {
		return false, false
	}
	has := func(refuse bool) bool {
		user := *t
		user.Refuse = refuse
		_, err := user.press(root, at)
		var asked *UnusableError
		return err == nil || errors.As(err, &asked) && asked.Asked != ""
	}
	return has(false), has(true)
}

// onceOnly are the words by which a page asks for a PIN that is no password.
var onceOnly = []string{"pin", "otp", "code", "one-time", "onetime"}

// AsksPassword returns the name of a field for a password on a page, or "password" if
// it has none; empty if there is no such field. A one-time PIN, which a page of the terms
// of use may ask for, is none.
func AsksPassword(page []byte) string {
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		return ""
	}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "input" || !strings.EqualFold(attribute(n, "type"), "password") {
			continue
		}
		all := ""
		for _, a := range n.Attr {
			all += " " + strings.ToLower(a.Val)
		}
		if !containsAny(all, onceOnly) {
			return cmp.Or(attribute(n, "name"), attribute(n, "id"), "password")
		}
	}
	return ""
}

// The words of the two buttons. The first list wins: "disagree" contains "agree".
var (
	declining = []string{"decline", "refuse", "reject", "disagree", "deny", "cancel", "do not", "don't", "false"}
	accepting = []string{"accept", "agree", "consent", "continue", "true"}
)

// means reports whether the first of the texts that says anything says what the user
// wants.
func (t *Terms) means(texts ...string) bool {
	for _, s := range texts {
		switch s = strings.ToLower(s); {
		case containsAny(s, declining):
			return t.Refuse
		case containsAny(s, accepting):
			return !t.Refuse
		}
	}
	return false
}

func undecided(texts ...string) bool {
	all := strings.ToLower(strings.Join(texts, " "))
	return !containsAny(all, declining) && !containsAny(all, accepting)
}

func containsAny(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// submits reports whether an element submits a form.
func submits(n *html.Node) bool {
	kind := strings.ToLower(attribute(n, "type"))
	switch n.Data {
	case "button":
		return kind == "" || kind == "submit"
	case "input":
		return kind == "submit" || kind == "image"
	}
	return false
}

// hidden reports whether an element cannot be pressed.
func hidden(n *html.Node) bool {
	if has(n, "disabled") {
		return true
	}
	for p := n; p != nil; p = p.Parent {
		style := strings.ReplaceAll(strings.ToLower(attribute(p, "style")), " ", "")
		if p.Type == html.ElementNode && (has(p, "hidden") || strings.Contains(style, "display:none")) {
			return true
		}
	}
	return false
}

// pressed is the request of a button.
func pressed(n *html.Node, at *url.URL) (visit, error) {
	f := &form{method: http.MethodGet, values: url.Values{}}
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Type == html.ElementNode && p.Data == "form" {
			f = readForm(p)
			for _, name := range []string{f.user, f.password} {
				if name != "" && f.values.Get(name) == "" {
					return visit{}, &UnusableError{Why: "the terms-of-use page asks for " + name + ", and dmwake does not know what to enter", Asked: name}
				}
			}
			for c := range p.Descendants() { // other buttons are not pressed
				if c.Type == html.ElementNode && submits(c) {
					f.values.Del(attribute(c, "name"))
				}
			}
			break
		}
	}
	if name := attribute(n, "name"); name != "" {
		f.values.Set(name, attribute(n, "value"))
	}
	if has(n, "formaction") {
		f.action = attribute(n, "formaction")
	}
	if has(n, "formmethod") {
		f.method = strings.ToUpper(attribute(n, "formmethod"))
	}
	to, err := at.Parse(f.action)
	if err != nil {
		return visit{}, errors.New("the form's action is not a URL")
	}
	return visit{at: to, method: f.method, values: f.values}, nil
}

// text is what an element shows.
func text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data + " ")
		}
	}
	return oneLine(b.String())
}
