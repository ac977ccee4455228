package guard

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestWhoIsAdmitted: over a real socket, with the headers that browsers set.
func TestWhoIsAdmitted(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "in") })
	serve := func(o Options) string {
		srv := httptest.NewServer(Handler(page, o))
		t.Cleanup(srv.Close)
		return srv.URL
	}
	open := serve(Options{Name: "page", Open: []string{"/healthz"}})
	closed := serve(Options{Name: "page", Token: "sesame"})
	anywhere := serve(Options{Name: "page", AnyHost: true})
	cases := []struct {
		what, url, method, host string
		header                  map[string]string
		status                  int
	}{
		{"this machine", open, "POST", "", nil, 200},
		{"localhost", open, "POST", "localhost:1", nil, 200},
		{"IPv6 loopback", open, "POST", "[::1]:1", nil, 200},
		{"a name that resolves here", open, "GET", "rebound.example", nil, 403},
		{"a name that begins with an address", open, "GET", "127.0.0.1.rebound.example", nil, 403},
		{"no name", open, "GET", " ", nil, 403},
		{"every address of the machine", open, "GET", "0.0.0.0:1", nil, 403},
		{"health needs nothing", open + "/healthz", "GET", "rebound.example", nil, 200},
		{"a form of another page", open, "POST", "", map[string]string{"Origin": "https://evil.example"}, 403},
		{"a page from a file", open, "POST", "", map[string]string{"Origin": "null"}, 403},
		{"a page on another port", open, "POST", "", map[string]string{"Origin": "http://127.0.0.1:1"}, 403},
		{"another site's fetch", open, "GET", "", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403},
		{"another site's WebSocket", open, "GET", "", map[string]string{"Origin": "https://evil.example", "Connection": "Upgrade", "Upgrade": "websocket"}, 403},
		{"a link that was followed", open, "GET", "", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200},
		{"a form that navigates", open, "POST", "", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 403},
		{"a frame", open, "GET", "", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403},
		{"the address bar", open, "GET", "", map[string]string{"Sec-Fetch-Site": "none"}, 200},
		{"no token", closed, "GET", "", nil, 401},
		{"half a token", closed, "GET", "", map[string]string{"Authorization": "Bearer sesam"}, 401},
		{"no scheme", closed, "GET", "", map[string]string{"Authorization": "sesame"}, 401},
		{"token under any name", closed, "GET", "lab.example", map[string]string{"Authorization": "Bearer sesame"}, 200},
		{"token and another site", closed, "POST", "", map[string]string{"Authorization": "Bearer sesame", "Origin": "https://evil.example"}, 403},
		{"any name", anywhere, "GET", "lab.example", nil, 200},
		{"any name, another site", anywhere, "POST", "lab.example", map[string]string{"Origin": "https://evil.example"}, 403},
	}
	for _, c := range cases {
		req, err := http.NewRequestWithContext(t.Context(), c.method, c.url, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = c.host
		for k, v := range c.header {
			req.Header.Set(k, v)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		raw, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != c.status {
			t.Errorf("%s: %d, want %d: %s %v", c.what, resp.StatusCode, c.status, raw, err)
			continue
		}
		var e struct{ Error string }
		switch {
		case c.status == 200 && string(raw) != "in":
			t.Errorf("%s: %s", c.what, raw)
		case c.status == 401 || c.status == 403:
			if json.Unmarshal(raw, &e) != nil || e.Error == "" {
				t.Errorf("%s: no word of what is wrong: %s", c.what, raw)
			}
		}
	}
}
