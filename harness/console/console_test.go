package console

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
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

// TestNotices: what a newcomer stumbles on, and that it is told no longer than it is so.
func TestNotices(t *testing.T) {
	t.Parallel()
	attempt := func(cause intercept.Cause, host string) func(*bench) {
		return func(b *bench) {
			b.wns.Attempted(intercept.Attempt{Cause: cause, Host: host, Peer: "127.0.0.1:9", Error: "tls: unknown certificate authority"})
		}
	}
	token := func(b *bench) { b.tokenRequest(b.wns.Apps()[0].Secret) }
	wrong := func(b *bench) { b.tokenRequest("wrong") }
	own := func(b *bench) { b.push(b.open("D"), nil) }
	pushed := func(b *bench) {
		b.request("POST", b.open("E").URI, http.Header{"Authorization": {"Bearer x"}, "X-Wns-Type": {"wns/raw"}}, "hi")
	}
	for name, c := range map[string]struct {
		before []func(*bench)
		want   []string // the words of the notices, and a part of what they say
	}{
		"nobody came":                      {nil, []string{"waiting: No server has connected to the fake WNS yet"}},
		"the console's own push":           {[]func(*bench){own}, []string{"waiting: No server has connected to the fake WNS yet"}},
		"our certificate was refused":      {[]func(*bench){attempt(intercept.Untrusted, "login.live.com"), attempt(intercept.Untrusted, "login.live.com")}, []string{"no request: The sender does not trust the certificate"}},
		"a host that is not allowed":       {[]func(*bench){attempt(intercept.OtherHost, "a.example:443")}, []string{"no request: The proxy does not connect to a.example:443"}},
		"plain HTTP":                       {[]func(*bench){attempt(intercept.NoTLS, "")}, []string{"no request: The sender speaks plain HTTP"}},
		"refused, and then it came":        {[]func(*bench){attempt(intercept.Untrusted, "login.live.com"), token, pushed}, nil},
		"a host, and then it came":         {[]func(*bench){attempt(intercept.OtherHost, "a.example:443"), token, pushed}, []string{"host not allowed: The proxy does not connect to a.example:443"}},
		"a wrong secret":                   {[]func(*bench){wrong}, []string{"token refused: The server's last token request was refused: client_secret does not match the app"}},
		"a wrong secret, then a right one": {[]func(*bench){wrong, token, pushed}, nil},
		"a token without a push":           {[]func(*bench){token}, []string{"no push yet: A server has a token"}},
	} {
		b := plain(t, nil)
		for _, f := range c.before {
			f(b)
		}
		got := (&console{Options: Options{WNS: b.wns, Unreached: (&lab.Lab{}).Unreached}}).notices()
		if len(got) != len(c.want) {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		for i, n := range got {
			if s := n.Word + ": " + n.Saw; !strings.HasPrefix(s, c.want[i]) || n.Do == "" {
				t.Errorf("%s: %s, to do: %s", name, s, n.Do)
			}
		}
	}
}

// TestSearch: every filter of the notifications, alone and with others.
func TestSearch(t *testing.T) {
	t.Parallel()
	b := plain(t, nil)
	one, two := b.open("ALPHA-1"), b.open("BETA-2")
	b.push(one, nil)                                                 // 0: delivered
	b.push(one, http.Header{"X-WNS-Cache-Policy": {"no-cache"}})     // 1: a rule broken, delivered
	b.wns.SetConnected("BETA-2", false)                              //
	b.push(two, nil)                                                 // 2: cached
	b.push(two, http.Header{"X-WNS-Cache-Policy": {"no-cache"}})     // 3: dropped
	b.tokenRequest("wrong")                                          // 4: refused
	b.wns.Attempted(intercept.Attempt{Cause: intercept.NoTLS})       // 5
	b.push(one, http.Header{"Content-Type": {"application/secret"}}) // 6: refused
	c := &console{Options: Options{WNS: b.wns}}
	for query, want := range map[string]string{
		"": "6 5 4 3 2 1 0", "kind=notification": "6 3 2 1 0", "kind=token": "4", "kind=attempt": "5", "verdict=rules broken": "6 4 3 1", "verdict=no rule broken": "2 0",
		"became=cached": "2", "became=dropped": "3", "became=refused": "6 4", "became=delivered": "1 0", "device=BETA-2": "3 2", "q=alpha": "6 1 0", "q=alpha cache-policy": "1",
		"channel=" + two.ID: "3 2", "rule=cache-policy": "3 1", "status=400": "6 4", "before=3": "2 1 0", "q=#2": "2", "q=application/secret": "", "q=" + one.URI[len(one.URI)-20:]: "",
		"became=delivered&verdict=rules broken": "1", "q=nothing of that": "",
	} {
		q, err := url.ParseQuery(strings.ReplaceAll(strings.ReplaceAll(query, " ", "+"), "#", "%23"))
		if err != nil {
			t.Fatal(err)
		}
		a, err := ask(q)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range c.search(a).Page {
			got = append(got, itoa(e.Seq))
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: %s, want %s", query, s, want)
		}
	}
	// A chip counts what it would show.
	a, _ := ask(url.Values{"verdict": {"rules broken"}})
	for _, list := range c.search(a).Choices {
		for _, ch := range list.List {
			if ch.On {
				continue
			}
			u, _ := url.Parse(ch.To)
			next, err := ask(u.Query())
			if err != nil {
				t.Fatal(err)
			}
			if got := c.search(next).Total; got != ch.Count {
				t.Errorf("chip %s counts %d and leads to %d", ch.Word, ch.Count, got)
			}
		}
	}
}

// TestPaging: every entry is on one page, and no page is longer than the others.
func TestPaging(t *testing.T) {
	t.Parallel()
	b := plain(t, nil)
	ch := b.open("D")
	const n = 3*perPage + 7
	for range n {
		b.push(ch, nil)
	}
	link := regexp.MustCompile(`href="([^"]*)" rel="next"`)
	row := regexp.MustCompile(`<tr id="(n\d+)"`)
	var seen []string
	at := "notifications?device=D"
	for pages := 0; pages < 10 && at != ""; pages++ {
		_, body := b.get(at)
		rows := row.FindAllStringSubmatch(body, -1)
		if len(rows) > perPage {
			t.Fatalf("%s has %d rows", at, len(rows))
		}
		for _, r := range rows {
			if slices.Contains(seen, r[1]) {
				t.Fatalf("%s is on two pages", r[1])
			}
			seen = append(seen, r[1])
		}
		at = ""
		if m := link.FindStringSubmatch(body); m != nil {
			at = strings.TrimPrefix(strings.ReplaceAll(m[1], "&amp;", "&"), Prefix)
		}
	}
	if len(seen) != n || seen[0] != fmt.Sprintf("n%d", n-1) {
		t.Errorf("%d of %d, from %s", len(seen), n, seen[0])
	}
}
