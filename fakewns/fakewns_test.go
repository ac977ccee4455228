package fakewns

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// bench is a push service on a real TLS socket with one app, one channel and
// a valid token.
type bench struct {
	*Server
	t       *testing.T
	srv     *httptest.Server
	woken   chan struct{}
	channel string
	token   string
}

var otherApp = App{PFN: "other.app_8wekyb3d8bbwe", PackageSID: "ms-app://s-1-15-2-2", Secret: "s2"}

func newBench(t *testing.T, cfg Config) *bench {
	t.Helper()
	cfg.Apps = []App{DefaultApp, otherApp}
	b := &bench{Server: New(cfg), t: t, woken: make(chan struct{}, 100)}
	b.srv = httptest.NewTLSServer(b.Server)
	t.Cleanup(b.srv.Close)
	b.SetChannelBase(b.srv.URL + "/")
	var err error
	b.channel, _, err = b.OpenChannel(context.Background(), "device", DefaultApp.PFN, func([]byte) { b.woken <- struct{}{} })
	if err != nil {
		t.Fatal(err)
	}
	b.token = b.newToken(DefaultApp)
	return b
}

func (b *bench) form(v url.Values) (*http.Response, map[string]any) {
	b.t.Helper()
	resp, err := b.srv.Client().PostForm(b.srv.URL+TokenPath, v)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		b.t.Fatal(err)
	}
	return resp, out
}

func good(a App) url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "client_id": {a.PackageSID}, "client_secret": {a.Secret}, "scope": {"notify.windows.com"}}
}

func (b *bench) newToken(a App) string {
	resp, out := b.form(good(a))
	token, _ := out["access_token"].(string)
	if resp.StatusCode != 200 || token == "" || out["token_type"] != "bearer" || out["expires_in"] != float64(86400) {
		b.t.Fatalf("token request: %d %v", resp.StatusCode, out)
	}
	if resp.Header.Get("Cache-Control") != "no-store" {
		b.t.Errorf("Cache-Control %q", resp.Header.Get("Cache-Control"))
	}
	return token
}

// send posts a sound notification that edit may spoil.
func (b *bench) send(edit func(*http.Request)) *http.Response {
	b.t.Helper()
	req, err := http.NewRequest(http.MethodPost, b.channel, strings.NewReader("payload"))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+b.token)
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Header.Set("X-WNS-Type", "wns/raw")
	req.Header.Set("X-WNS-Cache-Policy", "cache")
	if edit != nil {
		edit(req)
	}
	resp, err := b.srv.Client().Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp
}

func body(s string) func(*http.Request) {
	return func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(s)), int64(len(s))
		if s == "" {
			r.Body = http.NoBody
		}
	}
}

func set(k, v string) func(*http.Request) { return func(r *http.Request) { r.Header.Set(k, v) } }

// TestNotificationAnswers is every answer of the endpoint, each with the rule
// that the journal says was broken.
func TestNotificationAnswers(t *testing.T) {
	b := newBench(t, Config{})
	foreign := b.newToken(otherApp)
	revoked, _, err := b.OpenChannel(context.Background(), "device2", DefaultApp.PFN, func([]byte) {})
	if err != nil {
		t.Fatal(err)
	}
	b.CloseChannel(revoked)
	forgotten, _, err := b.OpenChannel(context.Background(), "device3", DefaultApp.PFN, func([]byte) {})
	if err != nil {
		t.Fatal(err)
	}
	b.ForgetChannel(forgotten)
	to := func(uri string) func(*http.Request) {
		return func(r *http.Request) {
			u, err := url.Parse(uri)
			if err != nil {
				t.Fatal(err)
			}
			r.URL = u
		}
	}
	cases := []struct {
		name   string
		edit   func(*http.Request)
		status int
		rule   Rule // that must be noted; empty for none
		woken  bool
	}{
		{"sound", nil, 200, "", true},
		{"GET", func(r *http.Request) { r.Method = "GET"; r.Body = nil; r.ContentLength = 0 }, 405, RuleMethod, false},
		{"PUT", func(r *http.Request) { r.Method = "PUT" }, 405, RuleMethod, false},
		{"no Authorization", func(r *http.Request) { r.Header.Del("Authorization") }, 401, RuleAuthorization, false},
		{"lower-case bearer", set("Authorization", "bearer x"), 401, RuleAuthorization, false},
		{"unknown token", set("Authorization", "Bearer nope"), 401, RuleToken, false},
		{"another app's token", set("Authorization", "Bearer "+foreign), 403, RuleToken, false},
		{"unknown channel", to(b.srv.URL + "/?token=nope"), 404, "", false},
		{"no channel", to(b.srv.URL + "/"), 404, "", false},
		{"forgotten channel", to(forgotten), 404, "", false},
		{"revoked channel", to(revoked), 410, "", false},
		{"charset", set("Content-Type", "application/octet-stream; charset=utf-8"), 400, RuleContentType, false},
		{"text/xml for raw", set("Content-Type", "text/xml"), 400, RuleContentType, false},
		{"no type", func(r *http.Request) { r.Header.Del("X-WNS-Type") }, 400, RuleType, false},
		{"unknown type", set("X-WNS-Type", "wns/what"), 400, RuleType, false},
		{"chunked", func(r *http.Request) { r.ContentLength = -1 }, 400, RuleContentLength, false},
		{"empty: taken, the device refuses it", body(""), 200, RuleEmpty, true},
		{"5000 bytes", body(strings.Repeat("x", 5000)), 200, "", true},
		{"5001 bytes", body(strings.Repeat("x", 5001)), 413, RuleSize, false},
		{"70,000 bytes", body(strings.Repeat("x", 70000)), 413, RuleSize, false},
		{"no cache", func(r *http.Request) { r.Header.Del("X-WNS-Cache-Policy") }, 200, RuleCachePolicy, true},
		{"unknown cache policy", set("X-WNS-Cache-Policy", "maybe"), 400, RuleCachePolicy, false},
		{"bad TTL", set("X-WNS-TTL", "soon"), 400, RuleTTL, false},
		{"negative TTL", set("X-WNS-TTL", "-1"), 400, RuleTTL, false},
		{"TTL", set("X-WNS-TTL", "60"), 200, "", true},
		{"TTL 0 with cache", set("X-WNS-TTL", "0"), 400, RuleTTL, false},
		{"TTL 0 without a policy", func(r *http.Request) { r.Header.Set("X-WNS-TTL", "0"); r.Header.Del("X-WNS-Cache-Policy") }, 400, RuleTTL, false},
		{"TTL 0 without cache", func(r *http.Request) {
			r.Header.Set("X-WNS-TTL", "0")
			r.Header.Set("X-WNS-Cache-Policy", "no-cache")
		}, 200, RuleCachePolicy, true},
		{"TTL without cache", func(r *http.Request) {
			r.Header.Set("X-WNS-TTL", "60")
			r.Header.Set("X-WNS-Cache-Policy", "no-cache")
		}, 400, RuleTTL, false},
		{"TTL without a policy", func(r *http.Request) { r.Header.Set("X-WNS-TTL", "60"); r.Header.Del("X-WNS-Cache-Policy") }, 200, RuleCachePolicy, true},
		{"bad RequestForStatus", set("X-WNS-RequestForStatus", "yes"), 400, RuleStatusAsked, false},
		{"a type twice", func(r *http.Request) { r.Header.Add("X-WNS-Type", "wns/raw") }, 400, RuleOnce, false},
		{"tag of 16", set("X-WNS-Tag", strings.Repeat("t", 16)), 200, "", true},
		{"tag of 17", set("X-WNS-Tag", strings.Repeat("t", 17)), 400, RuleTag, false},
		{"group with a space", set("X-WNS-Group", "a b"), 400, RuleTag, false},
		{"SuppressPopup on a Windows channel", set("X-WNS-SuppressPopup", "true"), 400, RuleTag, false},
		{"DELETE without a match", func(r *http.Request) { r.Method = "DELETE" }, 400, RuleMatch, false},
		{"DELETE of all toasts", func(r *http.Request) { r.Method = "DELETE"; r.Header.Set("X-WNS-Match", "type:wns/toast;all") }, 200, "", false},
		{"DELETE by group and tag", func(r *http.Request) {
			r.Method = "DELETE"
			r.Header.Set("X-WNS-Match", "type:wns/toast;group=a;tag=b")
		}, 200, "", false},
		{"toast is not for DMClient", func(r *http.Request) {
			r.Header.Set("X-WNS-Type", "wns/toast")
			r.Header.Set("Content-Type", "text/xml")
		}, 200, "", false},
		{"tile", func(r *http.Request) {
			r.Header.Set("X-WNS-Type", "wns/tile")
			r.Header.Set("Content-Type", "text/xml")
			r.Header.Del("X-WNS-Cache-Policy")
		}, 200, "", false},
		{"badge with a raw one's Content-Type", set("X-WNS-Type", "wns/badge"), 400, RuleContentType, false},
		{"percent-encodings in upper case mean the same", func(r *http.Request) { r.URL.RawQuery = r.URL.Query().Encode() }, 200, "", true},
		{"URI encoded twice", func(r *http.Request) { r.URL.RawQuery = strings.ReplaceAll(r.URL.RawQuery, "%", "%25") }, 404, "", false},
		{"a parameter added", func(r *http.Request) { r.URL.RawQuery += "&x=1" }, 200, RuleURI, true},
		{"plus decoded to a space", func(r *http.Request) { r.URL.RawQuery = strings.ReplaceAll(r.URL.RawQuery, "%2b", "+") }, 200, RuleURI, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			mark := b.Journal().Mark()
			resp := b.send(c.edit)
			if resp.StatusCode != c.status {
				t.Errorf("answered %d, want %d", resp.StatusCode, c.status)
			}
			want := "received"
			if c.status != 200 {
				want = "dropped"
			}
			for _, h := range []string{"X-WNS-STATUS", "X-WNS-NOTIFICATIONSTATUS"} {
				if got := resp.Header.Get(h); got != want {
					t.Errorf("%s is %q, want %q", h, got, want)
				}
			}
			if id := resp.Header.Get("X-WNS-MSG-ID"); id == "" || len(id) > 16 {
				t.Errorf("X-WNS-MSG-ID %q", id)
			}
			if (resp.Header.Get("X-WNS-ERROR-DESCRIPTION") == "") != (c.status == 200) {
				t.Errorf("X-WNS-ERROR-DESCRIPTION %q with %d", resp.Header.Get("X-WNS-ERROR-DESCRIPTION"), c.status)
			}
			list := b.Journal().Since(mark, nil)
			if len(list) != 1 || list[0].Status != c.status {
				t.Fatalf("journal: %v", list)
			}
			if c.rule == "" && len(list[0].Violations) > 0 || c.rule != "" && list[0].Violated(c.rule) == "" {
				t.Errorf("violations %v, want rule %q", list[0].Violations, c.rule)
			}
			if got := list[0].Delivery == Woken; got != c.woken {
				t.Errorf("delivery %q", list[0].Delivery)
			}
			if c.woken {
				select { // the wake-up follows the answer
				case <-b.woken:
				case <-time.After(30 * time.Second):
					t.Error("the device was not woken")
				}
			}
		})
	}
}

func TestFaults(t *testing.T) {
	cases := []struct {
		f     Fault
		code  int
		state string
		retry string
	}{
		{Fault{Status: 406, RetryAfter: "7"}, 406, "dropped", "7"},
		{Fault{Status: 500}, 500, "dropped", ""},
		{Fault{Status: 503, RetryAfter: "1"}, 503, "dropped", "1"},
		{Fault{WNSStatus: "dropped"}, 200, "dropped", ""},
		{Fault{WNSStatus: "channelthrottled"}, 200, "channelthrottled", ""},
		{Fault{Lose: true}, 200, "received", ""},
	}
	for _, c := range cases {
		b := newBench(t, Config{})
		c.f.Name, c.f.On, c.f.Times = "test", Notification, 1
		b.Inject(c.f)
		resp := b.send(nil)
		if resp.StatusCode != c.code || resp.Header.Get("X-WNS-STATUS") != c.state || resp.Header.Get("Retry-After") != c.retry {
			t.Errorf("%+v: %d %s Retry-After %q", c.f, resp.StatusCode, resp.Header.Get("X-WNS-STATUS"), resp.Header.Get("Retry-After"))
		}
		if len(b.woken) != 0 {
			t.Errorf("%+v woke the device", c.f)
		}
		if got := b.send(nil).StatusCode; got != 200 {
			t.Errorf("%+v applied twice: %d", c.f, got)
		}
	}
	b := newBench(t, Config{})
	other, _, err := b.OpenChannel(context.Background(), "d2", DefaultApp.PFN, func([]byte) {})
	if err != nil {
		t.Fatal(err)
	}
	remove := b.Inject(Fault{On: Notification, Channel: other, Status: 500})
	if got := b.send(nil).StatusCode; got != 200 {
		t.Errorf("a fault of another channel applied: %d", got)
	}
	b.channel = other
	if got := b.send(nil).StatusCode; got != 500 {
		t.Errorf("fault of the channel: %d", got)
	}
	remove()
	if got := b.send(nil).StatusCode; got != 200 {
		t.Errorf("a removed fault applied: %d", got)
	}
}

func TestRegistration(t *testing.T) {
	b := newBench(t, Config{})
	ctx := context.Background()
	revoked := App{PFN: "revoked.app_8wekyb3d8bbwe", PackageSID: "ms-app://s-1-15-2-3", Revoked: true}
	if err := b.SetApps([]App{DefaultApp, otherApp, revoked}); err != nil {
		t.Fatal(err)
	}
	b.SetConnection("offline", Disconnected)
	for _, c := range []struct{ device, pfn, reason string }{
		{"d", DefaultApp.PFN, ""},
		{"d", strings.ToUpper(DefaultApp.PFN), ""},
		{"d", "unknown.app_8wekyb3d8bbwe", "unknown"},
		{"d", "52314Publisher.TestWNS_1.1.0.0_x86__t6e9vsyjkrw9w", "malformed"},
		{"d", "52314publisher.testwns_t6e9vsyjkrw9", "malformed"},   // hash of 12
		{"d", "52314publisher.testwns_t6e9vsyjkrw9i", "malformed"},  // i is not in the alphabet
		{"d", "52314publisher.testwns_t6e9vsyjkrw9w0", "malformed"}, // hash of 14
		{"d", "t6e9vsyjkrw9w", "malformed"},
		{"d", "", "malformed"},
		{"d", revoked.PFN, "revoked"},
		{"offline", DefaultApp.PFN, "offline"},
	} {
		uri, expires, err := b.OpenChannel(ctx, c.device, c.pfn, func([]byte) {})
		var r interface{ Reason() string }
		switch {
		case c.reason == "" && (err != nil || uri == b.channel || expires.Sub(b.Now()) < 29*24*time.Hour):
			t.Errorf("%q: %q %v %v", c.pfn, uri, expires, err)
		case c.reason != "" && (!errors.As(err, &r) || r.Reason() != c.reason):
			t.Errorf("%q: %v, want %s", c.pfn, err, c.reason)
		}
	}
	if got := len(b.Channels("d")); got != 2 {
		t.Errorf("%d channels of d", got)
	}
	real := New(Config{})
	uri, _, err := real.OpenChannel(ctx, "d", DefaultApp.PFN, func([]byte) {})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "https" || u.Port() != "" || strings.Count(strings.TrimSuffix(u.Host, ".notify.windows.com"), ".") != 0 ||
		!strings.HasSuffix(u.Host, ".notify.windows.com") || u.Query().Get("token") == "" || !strings.Contains(u.RawQuery, "%") {
		t.Errorf("channel URI %q has not the real form", uri)
	}
}

// TestHeaderNamesAsWritten: the real service writes its header names in upper
// case, and a client that compares text relies on it.
func TestHeaderNamesAsWritten(t *testing.T) {
	b := newBench(t, Config{})
	conn, err := tls.Dial("tcp", b.srv.Listener.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	u, _ := url.Parse(b.channel)
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/octet-stream\r\nX-WNS-Type: wns/raw\r\n"+
		"X-WNS-RequestForStatus: true\r\nMS-CV: abc.1\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx", u.RequestURI(), b.token)
	raw, err := io.ReadAll(bufio.NewReader(conn))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"HTTP/1.1 200 OK\r\n", "\r\nX-WNS-STATUS: received\r\n", "\r\nX-WNS-NOTIFICATIONSTATUS: received\r\n",
		"\r\nX-WNS-MSG-ID: ", "\r\nX-WNS-DEBUG-TRACE: ", "\r\nX-WNS-DEVICECONNECTIONSTATUS: connected\r\n", "\r\nMS-CV: abc.1\r\n", "\r\nContent-Length: 0\r\n"} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("%q is not in the reply:\n%s", want, raw)
		}
	}
}

func TestJournal(t *testing.T) {
	b := newBench(t, Config{JournalSize: 3})
	mark := b.Journal().Mark()
	done := make(chan []*Entry)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		list, err := b.Journal().Await(ctx, mark, 2, func(e *Entry) bool { return e.Kind == Notification })
		if err != nil {
			t.Error(err)
		}
		done <- list
	}()
	b.send(nil)
	b.send(nil)
	if list := <-done; len(list) != 2 {
		t.Errorf("awaited %d", len(list))
	}
	for range 5 {
		b.send(nil)
	}
	if got := len(b.Journal().Since(0, nil)); got != 3 {
		t.Errorf("%d entries kept, want 3", got)
	}
	text := b.Journal().Since(0, nil)[0].String()
	u, _ := url.Parse(b.channel)
	if strings.Contains(text, u.Query().Get("token")) || strings.Contains(text, u.RawQuery) || strings.Contains(text, b.token) {
		t.Errorf("a secret in %s", text)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := b.Journal().Await(ctx, b.Journal().Mark(), 1, nil); err == nil {
		t.Error("Await must end with its context")
	}
}
