package enroll

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// stepServer is a sign-in of several pages: a link leads to the form, the form asks
// for a tenant, its script sends the password as JSON.
func stepServer(t *testing.T) *httptest.Server {
	t.Helper()
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/auth":
			http.SetCookie(w, &http.Cookie{Name: "appru", Value: r.URL.Query().Get("appru"), Secure: true})
			fmt.Fprint(w, `<form action="/search"><input name="q"></form><a href="/help">Help</a> <a id="sso" href="tenant">Sign in <b>with SSO</b></a>`)
		case "/tenant":
			fmt.Fprint(w, `<form id="lang" method="post" action="/lang"><input name="lang"></form><form id="tenant" method="post" action="/user"><input name="tenant"><input type="hidden" name="csrf" value="7"></form>`)
		case "/user":
			if r.PostFormValue("tenant") != "contoso" || r.PostFormValue("csrf") != "7" {
				http.Error(w, "no such tenant", http.StatusForbidden)
				return
			}
			fmt.Fprint(w, `<div id="app"></div><script src="/app.js"></script>`)
		case "/api/login":
			var in struct{ User, Password string }
			if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Header.Get("Content-Type") != "application/json" {
				http.Error(w, "want JSON", http.StatusBadRequest)
				return
			}
			if in.Password != "right-1" {
				http.Error(w, "wrong password "+in.Password, http.StatusForbidden)
				return
			}
			fmt.Fprint(w, `{"next":"/done","wresult":"the token"}`)
		case "/done":
			c, err := r.Cookie("appru")
			if err != nil {
				http.Error(w, "no cookie", http.StatusBadRequest)
				return
			}
			http.Redirect(w, r, "/form?appru="+c.Value, http.StatusFound)
		case "/form":
			fmt.Fprintf(w, `<form method="post" action="%s"><input type="hidden" name="wresult" value="a &amp; b"></form>`, html.EscapeString(r.URL.Query().Get("appru")))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(srv.Close)
	return srv
}

// TestScript: steps sign in where no form can be filled in by itself, and a step
// that fails says which, why, and what the page has instead.
func TestScript(t *testing.T) {
	srv := stepServer(t)
	client := srv.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	get := func(at string) Step { return Step{Get: &at} }
	fill := func(pairs ...string) Step {
		s := Step{Fill: map[string]string{}}
		for i := 0; i < len(pairs); i += 2 {
			s.Fill[pairs[i]] = pairs[i+1]
		}
		return s
	}
	post := func(password string) Step {
		return Step{Post: "/api/login", Body: `{"User":"u","Password":"` + password + `"}`}
	}
	page := []Step{get(""), {Follow: "with sso"}}
	for name, c := range map[string]struct {
		steps []Step
		token string
		want  string
	}{
		"a form with wresult": {append(page[:2:2], fill("tenant", "contoso"), post("right-1"), get("/done")), "a & b", ""},
		"taken of a reply":    {append(page[:2:2], fill("tenant", "contoso"), post("right-1"), Step{Take: regexp.MustCompile(`"wresult":"([^"]+)"`)}), "the token", ""},
		"no such input":       {append(page[:2:2], fill("user", "u")), "", "step 3 (fill): no form has user; the page has lang (lang); tenant (csrf, tenant)"},
		"a form by its id":    {append(page[:2:2], Step{Form: "TENANT", Fill: map[string]string{"tenant": "other"}}), "", "step 3 (fill): HTTP status 403: no such tenant"},
		"no such form":        {append(page[:2:2], Step{Form: "login", Fill: map[string]string{"a": "b"}}), "", "no form has login; the page has"},
		"a form by a script":  {append(page[:2:2], fill("tenant", "contoso"), fill("password", "x")), "", "step 4 (fill): the page has no form to fill in with password: a script builds it; send its request with post, or use target.signin.browser"},
		"no such link":        {[]Step{get(""), {Follow: "Google"}}, "", `step 2 (follow): no link contains "Google"; the page has ["Help" "Sign in with SSO"]`},
		"refused":             {append(page[:2:2], post("wrong-pass-1")), "", "step 3 (post): HTTP status 403: wrong password [redacted]"},
		"nothing to take":     {[]Step{get(""), {Take: regexp.MustCompile("token=(.*)")}}, "", `step 2 (take): "token=(.*)" finds nothing in the last reply`},
		"no page":             {[]Step{fill("a", "b")}, "", "step 1 (fill): there is no page yet; begin with get"},
		"too few":             {[]Step{get("")}, "", "after the last of 1 steps the page has no form with wresult"},
		"not https":           {[]Step{get("http://127.0.0.1/")}, "", "is not https"},
		"people only":         {[]Step{get("https://login.microsoftonline.com/x")}, "", "the sign-in page leads to login.microsoftonline.com"},
	} {
		token, err := (&Script{HTTP: client, URL: srv.URL + "/auth", LoginHint: "u@x", Secret: "wrong-pass-1", Steps: c.steps}).Token(t.Context())
		var e *Error
		switch {
		case c.want == "":
			if err != nil || string(token) != c.token {
				t.Errorf("%s: %q, %v", name, token, err)
			}
		case err == nil || !strings.Contains(err.Error(), c.want) || !errors.As(err, &e) || e.Step != StepSignIn:
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
