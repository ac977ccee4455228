package console

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/devices"
	"github.com/dmwake/dmwake/harness/lab"
)

// bench is a console with what it shows.
type bench struct {
	t    testing.TB
	url  string // of the server, without a path
	wns  *fakewns.Server
	pool *devices.Pool
}

// start serves a console of a lab with the embedded reference server.
func start(t testing.TB, edit func(*Options)) *bench {
	t.Helper()
	l, err := lab.Start(nil, lab.Options{Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	pool := devices.New(devices.ForLab(l))
	t.Cleanup(pool.Close)
	return serve(t, Options{WNS: l.WNS, Devices: pool, Environment: func() string { return "export HTTPS_PROXY=http://127.0.0.1:1" }, Unreached: l.Unreached}, pool, edit)
}

// plain serves a console of a fake WNS alone.
func plain(t testing.TB, edit func(*Options)) *bench {
	t.Helper()
	return serve(t, Options{WNS: fakewns.New(fakewns.Config{Seed: 5, JournalSize: 16384})}, nil, edit)
}

func serve(t testing.TB, o Options, pool *devices.Pool, edit func(*Options)) *bench {
	if edit != nil {
		edit(&o)
	}
	srv := httptest.NewServer(Handler(o))
	t.Cleanup(srv.Close)
	t.Cleanup(srv.CloseClientConnections)
	return &bench{t: t, url: srv.URL, wns: o.WNS, pool: pool}
}

// open gives a device a channel.
func (b *bench) open(device string) fakewns.Channel {
	b.t.Helper()
	if _, _, err := b.wns.OpenChannel(b.t.Context(), device, b.wns.Apps()[0].PFN, nil); err != nil {
		b.t.Fatal(err)
	}
	return b.wns.Channels(device)[0]
}

// push sends a notification to a channel.
func (b *bench) push(c fakewns.Channel, header http.Header) *fakewns.Entry {
	b.t.Helper()
	_, _, e, err := b.wns.Push(context.Background(), c, "wns/raw", []byte("wake up"), header)
	if err != nil {
		b.t.Fatal(err)
	}
	return e
}

// request sends a request of a server to the fake WNS.
func (b *bench) request(method, target string, header http.Header, body string) {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RequestURI = r.URL.RequestURI()
	r.Header = header
	b.wns.ServeHTTP(httptest.NewRecorder(), r)
}

// tokenRequest asks for a token with that secret.
func (b *bench) tokenRequest(secret string) {
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"notify.windows.com"}, "client_id": {b.wns.Apps()[0].PackageSID}, "client_secret": {secret}}
	b.request("POST", "https://login.live.com/accesstoken.srf", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, form.Encode())
}

// get reads a page.
func (b *bench) get(path string) (status int, body string) {
	b.t.Helper()
	resp, err := http.Get(b.url + Prefix + path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

// pagesOf are all pages of a console, with one of each kind of deep link.
func (b *bench) pagesOf() []string {
	out := []string{"", "devices", "devices?state=enrolled&q=desktop", "notifications", "notifications?verdict=rules+broken", "notifications/0", "notifications/1", "channels", "channels?state=open", "faults", "clock", "nowhere"}
	for _, d := range b.pool.List(devices.Filter{}) {
		out = append(out, "devices/"+d.ID, "devices/"+d.ID+"/tree", "devices/"+d.ID+"/sessions/1")
	}
	return append(out, "devices/other")
}

// enroll makes a device of the pool that is enrolled and has a channel.
func (b *bench) enroll() devices.Device {
	b.t.Helper()
	d, err := b.pool.Create(devices.Spec{})
	if err == nil {
		d, err = b.pool.Enroll(b.t.Context(), d.ID, devices.Enrollment{})
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return d
}

// TestPages: every page is there, whole, forbids what it does not need, and shows no
// secret.
func TestPages(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	b.enroll()
	ch := b.open("other")
	b.tokenRequest("a-secret-that-is-wrong")
	b.request("POST", ch.URI, http.Header{"Authorization": {"Bearer a-token-of-somebody"}, "X-Api-Key": {"a-key-of-somebody"}, "Content-Type": {"text/plain"}}, "hi")
	secrets := []string{"a-secret-that-is-wrong", "a-token-of-somebody", "a-key-of-somebody", b.wns.Apps()[0].Secret}
	for _, c := range b.wns.Channels("") {
		_, token, _ := strings.Cut(c.URI, "token=")
		secrets = append(secrets, token)
	}
	for _, p := range b.pagesOf() {
		resp, err := http.Get(b.url + Prefix + p)
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		want := http.StatusOK
		if p == "nowhere" {
			want = http.StatusNotFound
		}
		if resp.StatusCode != want || !strings.HasSuffix(strings.TrimSpace(string(raw)), "</html>") {
			t.Errorf("%s: %d\n%.600s", p, resp.StatusCode, raw)
		}
		if csp := resp.Header.Get("Content-Security-Policy"); csp != policy || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", p, csp)
		}
		if regexp.MustCompile(`(?i)<script(?: [^>]*)?>[^<]|\son[a-z]+="|\sstyle="|<style`).Match(raw) {
			t.Errorf("%s has a script or a style of its own", p)
		}
		for _, s := range secrets {
			if strings.Contains(string(raw), s) || strings.Contains(string(raw), url.QueryEscape(s)) {
				t.Errorf("%s shows the secret %s", p, s)
			}
		}
	}
	for _, p := range []string{"notifications?colour=red", "notifications?before=x", "channels?x=1", "devices?x=1", "faults?x=1"} {
		if status, body := b.get(p); status != http.StatusBadRequest {
			t.Errorf("%s: %d %.300s", p, status, body)
		}
	}
	for _, p := range []string{"static/htmx.min.js", "static/console.js", "static/console.css", "static/page.css", "static/page.js", "static/NOTICE", "static/htmx.LICENSE", "static/icon.svg"} {
		if status, body := b.get(p); status != http.StatusOK || len(body) < 100 {
			t.Errorf("%s: %d, %d bytes", p, status, len(body))
		}
	}
	if status, _ := b.get("static/..%2fconsole.go"); status == http.StatusOK {
		t.Error("a file outside of static is served")
	}
}

// TestTextsOfOthers: what a sender wrote stays text.
func TestTextsOfOthers(t *testing.T) {
	t.Parallel()
	b := plain(t, nil)
	ch := b.open(`<img src=x onerror=alert(1)>`)
	b.push(ch, http.Header{"X-WNS-Type": {"<script>alert(1)</script>\u202e"}})
	for _, p := range []string{"", "notifications", "notifications/0", "channels", "devices", devicePath(ch.Device)[len(Prefix):], "notifications?q=" + url.QueryEscape(`"><script>alert(2)</script>`)} {
		_, body := b.get(p)
		if strings.Contains(body, "<img src=x") || strings.Contains(body, "<script>alert") || strings.Contains(body, "\u202e") {
			t.Errorf("%s: %s", p, body)
		}
	}
}

// TestOnlyItsOwnPages: other web pages cannot press the buttons, and other names do not
// reach the console.
func TestOnlyItsOwnPages(t *testing.T) {
	t.Parallel()
	b := plain(t, nil)
	send := func(method, host string, header map[string]string) int {
		r, err := http.NewRequestWithContext(t.Context(), method, b.url+Prefix+"do/revoke-tokens", strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for k, v := range header {
			r.Header.Set(k, v)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	for _, c := range []struct {
		what, method, host string
		header             map[string]string
		want               int
	}{
		{"its own page", "POST", "", map[string]string{"Sec-Fetch-Site": "same-origin"}, 200},
		{"another page", "POST", "", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"another page of an old browser", "POST", "", map[string]string{"Origin": "https://evil.example"}, 403},
		{"another port", "POST", "", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		{"a name that was rebound", "POST", "evil.example", nil, 403},
		{"a link", "GET", "", map[string]string{"Sec-Fetch-Site": "same-origin"}, 404},
	} {
		before := b.wns.TokensRevoked()
		got := send(c.method, c.host, c.header)
		if changed := b.wns.TokensRevoked() != before; got != c.want || changed != (c.want == 200) {
			t.Errorf("%s: %d, want %d; it did something: %v", c.what, got, c.want, changed)
		}
	}
}
