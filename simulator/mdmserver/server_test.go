package mdmserver

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func newServer(t *testing.T, cfg Config) *Server {
	t.Helper()
	cfg.BaseURL, cfg.Username, cfg.Password = "https://mdm.example", "u", "p"
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.devices["D1"] = &Device{ID: "D1", Enrolled: time.Now(), Active: true, Push: PushState{URI: "https://db5p.notify.windows.com/?token=secret"}}
	s.devices["D2"] = &Device{ID: "D2"}
	return s
}

func TestAdmin(t *testing.T) {
	s := newServer(t, Config{})
	srv := httptest.NewServer(s.Admin("tok"))
	t.Cleanup(srv.Close)
	ask := func(method, path, token, body string) (int, string) {
		req, err := http.NewRequest(method, srv.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		buf := make([]byte, 4096)
		n, _ := resp.Body.Read(buf)
		return resp.StatusCode, string(buf[:n])
	}
	cases := []struct {
		method, path, token, body string
		status                    int
		text                      string
	}{
		{"GET", "/devices", "wrong", "", 401, "token of the admin API is missing or wrong"},
		{"GET", "/devices", "tok", "", 200, `"id":"D2"`},
		{"GET", "/devices/D1", "tok", "", 200, `"hasChannel":true`},
		{"GET", "/devices/nope", "tok", "", 404, "is not enrolled"},
		{"POST", "/devices/nope/push", "tok", "", 404, "is not enrolled"},
		{"POST", "/devices/D2/push", "tok", "", 409, "no channel URI"},
		{"POST", "/devices/D1/commands", "tok", `{"verb":"Get","locURI":"./DevInfo/Man"}`, 201, `"state":"queued"`},
		{"POST", "/devices/D1/commands", "tok", `{"verb":"Frob","locURI":"./x"}`, 400, "unknown verb"},
		{"POST", "/devices/D1/commands", "tok", `{"verb":"Get","locURI":"/x"}`, 400, "must start with ./"},
		{"POST", "/devices/D1/commands", "tok", `{"verb":"Get","loc":"./x"}`, 400, "cannot read"},
		{"POST", "/devices/D1/commands", "tok", `{`, 400, "cannot read"},
	}
	for _, c := range cases {
		status, text := ask(c.method, c.path, c.token, c.body)
		if status != c.status || !strings.Contains(text, c.text) {
			t.Errorf("%s %s %s: %d %s, want %d %s", c.method, c.path, c.body, status, text, c.status, c.text)
		}
	}
	if _, text := ask("GET", "/devices?active=true", "tok", ""); strings.Contains(text, "D2") || strings.Contains(text, "token=secret") {
		t.Errorf("only active devices, and no channel URI: %s", text)
	}
}

// TestFailedPushKeepsTheSecret: what is told of a push that could not be sent
// does not hold the channel URI.
func TestFailedPushKeepsTheSecret(t *testing.T) {
	s := newServer(t, Config{HTTP: &http.Client{Transport: failing{}}})
	_, _, err := s.sender.post("https://db5p.notify.windows.com/?token=secret", "t")
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("the error is %v", err)
	}
}

type failing struct{}

func (failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

// TestChannelHosts: a device chooses the channel URI; it must not aim the
// server at others.
func TestChannelHosts(t *testing.T) {
	s := newServer(t, Config{ChannelHosts: []string{".notify.windows.com", "127.0.0.1:7443"}})
	for uri, want := range map[string]bool{
		"https://db5p.notify.windows.com/?token=x": true, "https://127.0.0.1:7443/?token=x": true,
		"http://db5p.notify.windows.com/?token=x": false, "https://db5p.notify.windows.com.evil.example/": false, "https://notify.windows.com/": false,
		"https://a.b.notify.windows.com/": false, "https://user@db5p.notify.windows.com/": false, "https://127.0.0.1:22/": false, "https://169.254.169.254/": false,
		"https://evil.example/?.notify.windows.com": false, "": false, ":": false,
	} {
		if got := s.allowed(uri); got != want {
			t.Errorf("allowed(%q) = %v", uri, got)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("an empty Config")
	}
	for _, bad := range []Config{{AuthPolicy: "Kerberos"}, {AuthPolicy: Certificate}, {SessionAuth: "ntlm"}} {
		bad.BaseURL, bad.Username, bad.Password = "https://x", "u", "p"
		if _, err := New(bad); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}
