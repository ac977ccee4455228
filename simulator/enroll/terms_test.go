package enroll

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// termsServer answers with pages by path, and notes which requests had the token.
func termsServer(t *testing.T, pages map[string]string) (terms *Terms, seen *[]string) {
	t.Helper()
	seen = &[]string{}
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		line := r.Method + " " + r.URL.Path
		if r.Header.Get("Authorization") == "Bearer the-token" {
			line += " with token"
		}
		if len(body) > 0 {
			line += " " + string(body)
		}
		*seen = append(*seen, line)
		page, ok := pages[r.URL.Path]
		to, redirects := strings.CutPrefix(page, "-> ")
		switch {
		case !ok:
			http.Error(w, "the-token is not known here", http.StatusForbidden)
		case redirects:
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusFound)
		default:
			io.WriteString(w, page)
		}
	}))
	t.Cleanup(srv.Close)
	c := srv.Client()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Terms{HTTP: c, URL: srv.URL + "/terms?x=y", Token: "the-token", RequestID: "r"}, seen
}

const accepted = TermsRedirect + "?IsAccepted=true&OpaqueBlob=blob%2B1"

// TestTermsPages: pages that servers may make: the document only says that there are
// two buttons and where they lead.
func TestTermsPages(t *testing.T) {
	form := func(inner string) string { return `<form method="post" action="/answer">` + inner + `</form>` }
	both := form(`<input type=hidden name=t value=1><button name=a value=no>Decline</button><button name=a value=yes>Accept</button>`)
	for name, in := range map[string]struct {
		pages   map[string]string
		refuse  bool
		blob    string
		fails   string
		visited string
	}{
		"a redirect at once":         {pages: map[string]string{"/terms": "-> " + accepted}, blob: "blob+1", visited: "GET /terms with token"},
		"links":                      {pages: map[string]string{"/terms": `<a href="` + TermsRedirect + `?IsAccepted=false">No</a><a href="` + accepted + `">Yes</a>`}, blob: "blob+1"},
		"links, declined":            {pages: map[string]string{"/terms": `<a href="` + accepted + `">Yes</a><a href="` + TermsRedirect + `?IsAccepted=false">No</a>`}, refuse: true, fails: ErrTermsRefused.Error()},
		"two buttons":                {pages: map[string]string{"/terms": both, "/answer": "-> " + accepted}, blob: "blob+1", visited: "GET /terms with token; POST /answer a=yes&t=1"},
		"two buttons, declined":      {pages: map[string]string{"/terms": both, "/answer": "-> " + TermsRedirect + "?IsAccepted=false"}, refuse: true, fails: ErrTermsRefused.Error(), visited: "GET /terms with token; POST /answer a=no&t=1"},
		"disagree is no agreement":   {pages: map[string]string{"/terms": form(`<input type=submit name=a value="I disagree"><input type=submit name=a value="I agree">`), "/answer": "-> " + accepted}, blob: "blob+1", visited: "GET /terms with token; POST /answer a=I+agree"},
		"formaction":                 {pages: map[string]string{"/terms": form(`<button formaction="/no">Decline</button><button formaction="/yes">Accept</button>`), "/yes": "-> " + accepted}, blob: "blob+1"},
		"the form goes to the app":   {pages: map[string]string{"/terms": `<form action="` + TermsRedirect + `"><input type=hidden name=OpaqueBlob value="b c"><button name=IsAccepted value=true>Accept</button></form>`}, blob: "b c"},
		"one button, other language": {pages: map[string]string{"/terms": form(`<button>Weiter</button>`), "/answer": "-> " + accepted}, blob: "blob+1"},
		"a redirect to the page":     {pages: map[string]string{"/terms": "-> /page", "/page": both, "/answer": "-> " + accepted}, blob: "blob+1", visited: "GET /terms with token; GET /page with token; POST /answer a=yes&t=1"},
		"no blob":                    {pages: map[string]string{"/terms": "-> " + TermsRedirect + "?IsAccepted=true"}},
		"no button to decline":       {pages: map[string]string{"/terms": form(`<button>Accept</button>`)}, refuse: true, fails: "no button for it"},
		"no button":                  {pages: map[string]string{"/terms": "<p>Welcome</p>"}, fails: "neither a button"},
		"a script":                   {pages: map[string]string{"/terms": "<script>go()</script>"}, fails: "a script builds"},
		"an error":                   {pages: map[string]string{"/terms": "-> " + TermsRedirect + "?error=server_error&error_description=internal%20service%20error"}, fails: "the server refuses: server_error: internal service error"},
		"an error with the token":    {pages: map[string]string{"/terms": "-> " + TermsRedirect + "?error=access_denied&error_description=bad%20the-token"}, fails: "access_denied: bad [redacted]"},
		"no answer":                  {pages: map[string]string{"/terms": "-> " + TermsRedirect}, fails: "neither error nor IsAccepted"},
		"another app":                {pages: map[string]string{"/terms": "-> ms-appx-web://other/ToUResponse?IsAccepted=true"}, fails: "neither https nor the redirect_uri"},
		"a longer name":              {pages: map[string]string{"/terms": "-> " + TermsRedirect + "2?IsAccepted=true"}, fails: "neither https nor the redirect_uri"},
		"in clear":                   {pages: map[string]string{"/terms": "-> http://x.example/"}, fails: "neither https nor the redirect_uri"},
		"a hidden button":            {pages: map[string]string{"/terms": form(`<div style="display: none"><button name=a value=old>Accept</button></div><button name=a value=yes>Accept</button>`), "/answer": "-> " + accepted}, blob: "blob+1", visited: "GET /terms with token; POST /answer a=yes"},
		"a question":                 {pages: map[string]string{"/terms": form(`<input name=pin type=password><button>Accept</button>`)}, fails: "asks for pin"},
		"a status":                   {pages: map[string]string{}, fails: "HTTP status 403: [redacted] is not known here"},
		"a loop":                     {pages: map[string]string{"/terms": "-> /terms"}, fails: "no answer after 12 pages"},
	} {
		t.Run(name, func(t *testing.T) {
			terms, seen := termsServer(t, in.pages)
			terms.Refuse = in.refuse
			blob, err := terms.Answer(t.Context())
			var e *Error
			if blob != in.blob || (err == nil) != (in.fails == "") || err != nil && (!strings.Contains(err.Error(), in.fails) || !errors.As(err, &e) || e.Step != StepTerms || e.HResult() != "") {
				t.Errorf("%q, %v", blob, err)
			}
			if err != nil && strings.Contains(err.Error(), "the-token") {
				t.Errorf("the token is in the error: %v", err)
			}
			if got := strings.Join(*seen, "; "); in.visited != "" && got != in.visited {
				t.Errorf("visited %s\nwant    %s", got, in.visited)
			}
		})
	}
}

// TestTermsTokenStaysAtHome: another host does not get the token.
func TestTermsTokenStaysAtHome(t *testing.T) {
	other, seen := termsServer(t, map[string]string{"/terms": "-> " + accepted})
	terms, first := termsServer(t, map[string]string{"/terms": "-> " + other.URL})
	terms.HTTP = other.HTTP // one client trusts both: they share a certificate
	blob, err := terms.Answer(t.Context())
	if err != nil || blob != "blob+1" || strings.Join(*first, "; ") != "GET /terms with token" || strings.Join(*seen, "; ") != "GET /terms" {
		t.Errorf("%q, %v, visited %v and %v", blob, err, *first, *seen)
	}
}

// TestTermsParameters compares them with the published table.
func TestTermsParameters(t *testing.T) {
	terms := &Terms{URL: "https://mdm.example/TermsOfUse?tenant=1", RequestID: "34be581c-6ebd-49d6-a4e1-150eff4b7213"}
	for join, want := range map[bool]string{
		false: "api-version=1.0&client-request-id=34be581c-6ebd-49d6-a4e1-150eff4b7213&redirect_uri=" + url.QueryEscape(TermsRedirect) + "&tenant=1",
		true:  "api-version=1.0&client-request-id=34be581c-6ebd-49d6-a4e1-150eff4b7213&mode=azureadjoin&redirect_uri=" + url.QueryEscape(TermsRedirect) + "&tenant=1",
	} {
		terms.Join = join
		if at, err := terms.At(); err != nil || at.RawQuery != want {
			t.Errorf("%v: %v %v, want %s", join, at, err, want)
		}
	}
	if _, err := (&Terms{URL: "http://mdm.example"}).Answer(t.Context()); err == nil || !strings.Contains(err.Error(), "https") {
		t.Error(err)
	}
}

// TestTermsOffers: which buttons a page has.
func TestTermsOffers(t *testing.T) {
	terms := &Terms{URL: "https://mdm.example/TermsOfUse"}
	for page, want := range map[string][2]bool{
		`<form><button>Accept</button><button>Decline</button></form>`:                                   {true, true},
		`<form><button>Accept</button><button disabled>Decline</button></form>`:                          {true, false},
		`<form><button>Accept</button><p hidden><button>Decline</button></p></form>`:                     {true, false},
		`<form><button>Weiter</button></form>`:                                                           {true, false},
		`<form><input name=pin type=password><button>I agree</button><button>I disagree</button></form>`: {true, true},
		`<a href="` + accepted + `">Yes</a><a href="` + TermsRedirect + `?IsAccepted=false">No</a>`:      {true, true},
		`<p>Welcome</p>`: {false, false},
		``:               {false, false},
		`<script>build()</script><form><button>Accept</button></form>`: {true, false},
	} {
		if accept, decline := terms.Offers([]byte(page)); [2]bool{accept, decline} != want {
			t.Errorf("%s: accept %v, decline %v", page, accept, decline)
		}
	}
}

// TestAsksPassword: a one-time PIN is no password (Learn, "Microsoft Entra integration
// with MDM").
func TestAsksPassword(t *testing.T) {
	for page, want := range map[string]string{
		`<input type=password name=pw>`:                              "pw",
		`<input type="Password" id=pw>`:                              "pw",
		`<input type=password>`:                                      "password",
		`<input type=text name=user>`:                                "",
		`<input type=password name=pin>`:                             "",
		`<input type=password name=a autocomplete="one-time-code">`:  "",
		`<input type=password name=otp><input type=password name=x>`: "x",
		``: "",
	} {
		if got := AsksPassword([]byte(page)); got != want {
			t.Errorf("%s: %q, want %q", page, got, want)
		}
	}
}
