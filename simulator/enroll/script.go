package enroll

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Script signs in on a page by steps, for pages with more than one form to fill in
// or whose scripts send requests. It is done as soon as a page has a form with
// wresult. HTTP must not follow redirects by itself: the script does.
type Script struct {
	HTTP *http.Client
	// URL is AuthenticationServiceUrl, LoginHint the user's UPN. A Get without a URL
	// opens the page as Windows does.
	URL, LoginHint string
	AppRU          string // default AppRU
	Secret         string // hidden in errors
	Steps          []Step
}

// Step is one step of a Script. One of Get, Fill, Follow, Post and Take is set;
// addresses are relative to the last page.
type Step struct {
	Get  *string           // opens a page; empty: the sign-in page
	Fill map[string]string // fills in a form of the page, by the names of its inputs, and submits it
	Form string            // which form: part of its id, name or action; default the first that has these inputs
	// Follow follows the first link whose text, id or address contains it.
	Follow string
	// Post sends Body to an address, as the page's script would: JSON if it begins
	// with a brace, a form otherwise.
	Post, Body string
	// Take finds wresult in the last reply: its first group.
	Take *regexp.Regexp
}

// name is the step's action.
func (s *Step) name() string {
	switch {
	case s.Fill != nil:
		return "fill"
	case s.Follow != "":
		return "follow"
	case s.Post != "":
		return "post"
	case s.Take != nil:
		return "take"
	}
	return "get"
}

// Token returns wresult. Errors are *Error with StepSignIn, and name the step.
func (s *Script) Token(ctx context.Context) ([]byte, error) {
	page := &SignIn{URL: s.URL, LoginHint: s.LoginHint, AppRU: s.AppRU}
	at, err := page.at()
	if err != nil {
		return nil, &Error{Step: StepSignIn, Err: err}
	}
	v, err := newVisitor(s.HTTP, at, s.Secret)
	if err != nil {
		return nil, &Error{Step: StepSignIn, Err: err}
	}
	v.at = at
	for i := range s.Steps {
		step := &s.Steps[i]
		token, err := step.run(ctx, v, at)
		if err == nil && token == nil && v.page != nil {
			token, err = v.result(cmp.Or(s.AppRU, AppRU))
		}
		if err != nil {
			return nil, &Error{Step: StepSignIn, Status: v.status, Err: fmt.Errorf("step %d (%s): %w", i+1, step.name(), err)}
		}
		if token != nil {
			return token, nil
		}
	}
	return nil, &Error{Step: StepSignIn, Status: v.status, Err: fmt.Errorf("after the last of %d steps the page has no form with wresult; it says %q", len(s.Steps), OwnWords(v.raw, s.Secret))}
}

// run does the step; token is what Take found.
func (s *Step) run(ctx context.Context, v *visitor, first *url.URL) (token []byte, err error) {
	switch {
	case s.Get != nil && *s.Get == "":
		return nil, v.open(ctx, http.MethodGet, first, "", "")
	case s.Get != nil:
		to, err := v.at.Parse(*s.Get)
		if err != nil {
			return nil, err
		}
		return nil, v.open(ctx, http.MethodGet, to, "", "")
	case s.Post != "":
		to, err := v.at.Parse(s.Post)
		if err != nil {
			return nil, err
		}
		kind := "application/x-www-form-urlencoded"
		if strings.HasPrefix(strings.TrimSpace(s.Body), "{") {
			kind = "application/json"
		}
		return nil, v.open(ctx, http.MethodPost, to, kind, s.Body)
	}
	if v.page == nil {
		return nil, errors.New("there is no page yet; begin with get")
	}
	switch {
	case s.Take != nil:
		m := s.Take.FindSubmatch(v.raw)
		if m == nil {
			return nil, fmt.Errorf("%q finds nothing in the last reply", s.Take)
		}
		if token = m[len(m)-1]; len(token) == 0 {
			return nil, errors.New("wresult is empty")
		}
		return token, nil
	case s.Follow != "":
		return nil, v.follow(ctx, s.Follow)
	}
	return nil, v.fillIn(ctx, s)
}

// fillIn fills in a form and submits it.
func (v *visitor) fillIn(ctx context.Context, s *Step) error {
	var have []string
	for n := range v.page.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" {
			continue
		}
		f := readForm(n)
		name := cmp.Or(attribute(n, "id"), attribute(n, "name"), f.action, "without a name")
		have = append(have, fmt.Sprintf("%s (%s)", name, strings.Join(slices.Sorted(maps.Keys(f.values)), ", ")))
		if s.Form != "" && !contains(s.Form, attribute(n, "id"), attribute(n, "name"), f.action) {
			continue
		}
		if s.Form == "" && slices.ContainsFunc(slices.Collect(maps.Keys(s.Fill)), func(name string) bool { return !f.values.Has(name) }) {
			continue
		}
		for name, value := range s.Fill {
			f.values.Set(name, value)
		}
		return v.submit(ctx, f)
	}
	wanted := strings.Join(slices.Sorted(maps.Keys(s.Fill)), ", ")
	if have == nil {
		err := fmt.Errorf("the page has no form to fill in with %s", wanted)
		if scripted(v.page) {
			err = fmt.Errorf("%w: a script builds it; send its request with post, or use target.signin.browser", err)
		}
		return err
	}
	return fmt.Errorf("no form has %s; the page has %s", cmp.Or(s.Form, wanted), strings.Join(have, "; "))
}

// follow opens the first link that contains a text.
func (v *visitor) follow(ctx context.Context, text string) error {
	var have []string
	for n := range v.page.Descendants() {
		if n.Type != html.ElementNode || n.Data != "a" || attribute(n, "href") == "" {
			continue
		}
		label := strings.Join(strings.Fields(textContent(n)), " ")
		if !contains(text, label, attribute(n, "id"), attribute(n, "href")) {
			have = append(have, cmp.Or(label, attribute(n, "href")))
			continue
		}
		to, err := v.at.Parse(attribute(n, "href"))
		if err != nil {
			return err
		}
		return v.open(ctx, http.MethodGet, to, "", "")
	}
	const most = 10
	return fmt.Errorf("no link contains %q; the page has %q", text, have[:min(len(have), most)])
}

func textContent(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

// contains reports whether one of the texts contains s, in any case.
func contains(s string, texts ...string) bool {
	return slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(strings.ToLower(t), strings.ToLower(s)) })
}
