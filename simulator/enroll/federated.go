package enroll

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// AppRU is where a sign-in page posts its result: the enrollment client's own
// address (Learn, "Federated authentication device enrollment").
const AppRU = "ms-app://windows.immersivecontrolpanel"

// SignIn drives a server's authentication page as the web authentication broker
// does. It opens the page, fills in forms and submits them, until a form posts
// wresult, the token, to appru. HTTP must not follow redirects by itself.
type SignIn struct {
	HTTP               *http.Client
	URL                string // AuthenticationServiceUrl
	LoginHint          string // the user's UPN
	Username, Password string
	// AppRU replaces the address that gets the result.
	AppRU string
}

const maxPages = 12 // more pages mean a loop

// Open returns the raw page and its HTTP status.
func (s *SignIn) Open(ctx context.Context) (page []byte, status int, err error) {
	at, err := s.at()
	if err != nil {
		return nil, 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, 0, err
	}
	resp, err := s.HTTP.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	page, err = io.ReadAll(io.LimitReader(resp.Body, MaxMessage))
	return page, resp.StatusCode, err
}

// at is the page's URL with the client's parameters.
func (s *SignIn) at() (*url.URL, error) {
	at, err := url.Parse(s.URL)
	if err != nil || at.Scheme != "https" || at.Host == "" {
		return nil, fmt.Errorf("AuthenticationServiceUrl %q is not an absolute https URL", s.URL)
	}
	q := at.Query()
	q.Set("appru", cmp.Or(s.AppRU, AppRU))
	q.Set("login_hint", s.LoginHint)
	at.RawQuery = q.Encode()
	return at, nil
}

// Token returns wresult. Errors are *Error with StepSignIn.
func (s *SignIn) Token(ctx context.Context) ([]byte, error) {
	token, status, err := s.token(ctx)
	if err != nil {
		return nil, &Error{Step: StepSignIn, Status: status, Err: err}
	}
	return token, nil
}

// UnusableError is a sign-in page that simulated devices cannot use: it leads
// to another organisation's directory, or scripts build it. The server is not
// to blame.
type UnusableError struct {
	Why string
	Err error // the error instead of a page; nil if a page came
}

func (e *UnusableError) Error() string {
	if e.Err == nil {
		return e.Why
	}
	return fmt.Sprintf("%s (%v)", e.Why, e.Err)
}

// Unwrap returns that error.
func (e *UnusableError) Unwrap() error { return e.Err }

// directories are hosts where only people sign in. Devices send nothing there.
var directories = []string{"login.microsoftonline.com", "login.microsoft.com", "login.windows.net", "login.live.com", "accounts.google.com"}

// unusable reports that a step of the sign-in failed at another host, with err
// or because the page has no form. It returns nil if the server may be to
// blame.
func (s *SignIn) unusable(at *url.URL, err error) error {
	own, parseErr := url.Parse(s.URL)
	if parseErr != nil || strings.EqualFold(own.Hostname(), at.Hostname()) {
		return nil
	}
	return leadsAway(at, err)
}

func leadsAway(at *url.URL, err error) error {
	return &UnusableError{fmt.Sprintf("the sign-in page leads to %s, where no simulated device can sign in", at.Hostname()), err}
}

func (s *SignIn) token(ctx context.Context) ([]byte, int, error) {
	appru := cmp.Or(s.AppRU, AppRU)
	at, err := s.at()
	if err != nil {
		return nil, 0, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, 0, err
	}
	browser := *s.HTTP
	browser.Jar = jar
	method, values := http.MethodGet, url.Values{}
	asked := false
	for range maxPages {
		if slices.Contains(directories, strings.ToLower(at.Hostname())) {
			return nil, 0, leadsAway(at, nil)
		}
		page, next, status, err := s.fetch(ctx, &browser, method, at, values)
		if err != nil {
			if u := s.unusable(at, err); u != nil && status == 0 && ctx.Err() == nil {
				err = u
			}
			return nil, status, err
		}
		if next != nil { // a redirect
			at, method, values = next, http.MethodGet, nil
			continue
		}
		f := signInForm(page)
		if f == nil {
			if u := s.unusable(at, nil); u != nil {
				return nil, status, u
			}
			if scripted(page) {
				return nil, status, &UnusableError{Why: "a script builds the sign-in page, and dmwake runs no scripts"}
			}
			return nil, status, errors.New("the page has no form to sign in or to return wresult")
		}
		if token, ok := f.values["wresult"]; ok {
			if f.action != appru || !strings.EqualFold(f.method, http.MethodPost) {
				return nil, status, fmt.Errorf("expected the form with wresult to POST to appru %q, saw %s to %q", appru, f.method, f.action)
			}
			if token[0] == "" {
				return nil, status, errors.New("wresult is empty")
			}
			return []byte(token[0]), status, nil
		}
		if f.password != "" && asked {
			return nil, status, &Fault{Code: "Receiver", Subcode: FaultAuthentication, Reason: "the page asks for the password again: the user name or the password is wrong"}
		}
		asked = asked || f.password != ""
		s.fill(f)
		to, err := at.Parse(f.action)
		if err != nil {
			return nil, status, fmt.Errorf("the form's action %q: %w", f.action, err)
		}
		if to.Scheme != "https" {
			return nil, status, fmt.Errorf("the form's action %q is not https", f.action)
		}
		at, method, values = to, f.method, f.values
	}
	return nil, 0, fmt.Errorf("no wresult after %d pages", maxPages)
}

// fill enters the user's name and password into a form.
func (s *SignIn) fill(f *form) {
	if f.user != "" {
		f.values.Set(f.user, s.Username)
	}
	if f.password != "" {
		f.values.Set(f.password, s.Password)
	}
}

func (s *SignIn) fetch(ctx context.Context, c *http.Client, method string, at *url.URL, values url.Values) (page *html.Node, next *url.URL, status int, err error) {
	var body io.Reader
	to := *at
	if strings.EqualFold(method, http.MethodPost) {
		body = strings.NewReader(values.Encode())
	} else if len(values) > 0 {
		to.RawQuery = values.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, strings.ToUpper(method), to.String(), body)
	if err != nil {
		return nil, nil, 0, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, nil, 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		next, err := resp.Location()
		if err != nil || next.Scheme != "https" {
			return nil, nil, resp.StatusCode, fmt.Errorf("HTTP status %d without an https Location", resp.StatusCode)
		}
		return nil, next, resp.StatusCode, nil
	}
	if resp.StatusCode != http.StatusOK {
		err := fmt.Errorf("HTTP status %d", resp.StatusCode)
		raw, _ := io.ReadAll(io.LimitReader(resp.Body, MaxMessage)) // a part is enough for a hint
		if words := OwnWords(raw, s.Password); words != "" {
			err = fmt.Errorf("%w: %s", err, words)
		}
		return nil, nil, resp.StatusCode, err
	}
	page, err = html.Parse(io.LimitReader(resp.Body, MaxMessage))
	return page, nil, resp.StatusCode, err
}

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

// DiscoveryURL is the discovery service for the domain of an e-mail address
// (MS-MDE2 3.1.4.1).
func DiscoveryURL(email string) (string, error) {
	_, domain, ok := strings.Cut(email, "@")
	if !ok || domain == "" || strings.ContainsAny(domain, "/?#@ ") {
		return "", fmt.Errorf("%q is not an e-mail address, so it has no domain to discover a server in", email)
	}
	return "https://enterpriseenrollment." + domain + "/EnrollmentServer/Discovery.svc", nil
}
