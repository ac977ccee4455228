package console

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestLogin: with a token, nothing is shown before it is given, and it is never in a URL
// or in the cookie.
func TestLogin(t *testing.T) {
	t.Parallel()
	b := plain(t, func(o *Options) { o.Token = "sesame-open" })
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var visited []string
	client := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		visited = append(visited, r.URL.String())
		return nil
	}}
	at := func(method, path string, form url.Values) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, b.url+Prefix+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		return resp, string(raw)
	}
	b.open("D1")
	for _, p := range []string{"", "devices", "notifications?device=D1", "nowhere"} {
		if resp, body := at("GET", p, nil); resp.StatusCode != http.StatusUnauthorized || strings.Contains(body, "Notifications") || !strings.Contains(body, `type="password"`) {
			t.Errorf("%s: %d %s", p, resp.StatusCode, body)
		}
	}
	if resp, _ := at("POST", "do/revoke-tokens", nil); resp.StatusCode != http.StatusUnauthorized || !b.wns.TokensRevoked().IsZero() {
		t.Errorf("a button without a login: %d", resp.StatusCode)
	}
	for _, wrong := range []string{"", "sesame", "sesame-open "} {
		if resp, body := at("POST", "login", url.Values{"token": {wrong}}); resp.StatusCode != http.StatusUnauthorized || !strings.Contains(body, "not the token") || len(resp.Cookies()) > 0 {
			t.Errorf("%q: %d %v", wrong, resp.StatusCode, resp.Cookies())
		}
	}
	if resp, _ := at("GET", "?token=sesame-open", nil); resp.StatusCode != http.StatusUnauthorized {
		t.Error("the token in a URL is taken")
	}
	for to, want := range map[string]string{"//evil.example/": Prefix, "https://evil.example/console/": Prefix, `/console/\evil`: Prefix, Prefix + "faults": Prefix + "faults"} {
		visited = nil
		resp, body := at("POST", "login", url.Values{"token": {"sesame-open"}, "to": {to}})
		if resp.StatusCode != http.StatusOK || !strings.Contains(body, "Log out") || len(visited) != 1 || visited[0] != b.url+want {
			t.Errorf("to %s: %d, by %v", to, resp.StatusCode, visited)
		}
	}
	here, _ := url.Parse(b.url + Prefix)
	cookies := jar.Cookies(here)
	if len(cookies) != 1 || strings.Contains(cookies[0].Value, "sesame") {
		t.Fatalf("cookies: %v", cookies)
	}
	raw := newDoor("sesame-open").cookie(httptest.NewRequest("GET", b.url, nil), "x", 1)
	if !raw.HttpOnly || raw.SameSite != http.SameSiteStrictMode || raw.Path != Prefix {
		t.Errorf("the cookie is %v", raw)
	}
	// A cookie of another token, of another process and a longer one are worth nothing.
	other := plain(t, func(o *Options) { o.Token = "sesame-open" })
	until, sum, _ := strings.Cut(cookies[0].Value, ".")
	for _, c := range []struct{ url, value string }{{other.url, cookies[0].Value}, {b.url, "9" + until + "." + sum}, {b.url, until + "."}, {b.url, ""}} {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", c.url+Prefix, nil)
		r.AddCookie(&http.Cookie{Name: cookieName(r.Clone(t.Context())), Value: c.value})
		r.AddCookie(&http.Cookie{Name: "dmwake_console_" + r.URL.Port(), Value: c.value})
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("cookie %q: %d", c.value, resp.StatusCode)
		}
	}
	if resp, body := at("POST", "logout", nil); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("after the logout: %d %s", resp.StatusCode, body)
	}
}
