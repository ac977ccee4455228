package control

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestWhoMayAsk: with the token; without a configured token, by this machine's
// names; and never from another origin's page.
func TestWhoMayAsk(t *testing.T) {
	open, closed := newDesk(t, Options{}), newDesk(t, Options{Token: "sesame"})
	cases := []struct {
		name   string
		d      *desk
		method string
		path   string
		edit   func(*http.Request)
		status int
	}{
		{"loopback", open, "GET", "/v1/apps", nil, 200},
		{"a name that resolves here", open, "GET", "/v1/apps", func(r *http.Request) { r.Host = "rebound.example" }, 403},
		{"localhost", open, "GET", "/v1/apps", func(r *http.Request) { r.Host = "localhost:1" }, 200},
		{"another origin", open, "POST", "/v1/tokens/revoke", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403},
		{"another site", open, "DELETE", "/v1/journal", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
		{"no token", closed, "GET", "/v1/apps", nil, 401},
		{"no token for metrics", closed, "GET", "/metrics", nil, 401},
		{"health needs none", closed, "GET", "/healthz", nil, 200},
		{"wrong token", closed, "GET", "/v1/apps", func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, 401},
		{"token", closed, "GET", "/v1/apps", func(r *http.Request) { r.Header.Set("Authorization", "Bearer sesame") }, 200},
		{"token under any name", closed, "GET", "/v1/apps", func(r *http.Request) { r.Host = "lab.example"; r.Header.Set("Authorization", "Bearer sesame") }, 200},
		{"nothing there", open, "GET", "/v2", nil, 404},
		{"wrong method", open, "PATCH", "/v1/apps", nil, 405},
		{"too long", open, "PUT", "/v1/apps", func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(`["` + strings.Repeat("x", maxBody) + `"]`))
		}, 413},
		{"no JSON", open, "POST", "/v1/push", func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("device=x")) }, 400},
		{"unknown field", open, "POST", "/v1/push", func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(`{"devise":"x"}`)) }, 400},
		{"two values", open, "POST", "/v1/clock", func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(`{"advance":"1h"}{"advance":"1h"}`))
		}, 400},
	}
	for _, c := range cases {
		req, err := http.NewRequest(c.method, c.d.srv.URL+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.edit != nil {
			c.edit(req)
		}
		resp := must(http.DefaultClient.Do(req))(t)
		var e ErrorReply
		raw, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Errorf("%s: %d %s", c.name, resp.StatusCode, raw)
		}
		if c.status >= 400 && (json.Unmarshal(raw, &e) != nil || e.Error == "") {
			t.Errorf("%s: no word of what is wrong: %s", c.name, raw)
		}
	}
}
