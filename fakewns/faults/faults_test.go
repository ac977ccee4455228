package faults

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
)

// client is a sender at a service on a real TLS socket.
type client struct {
	t       *testing.T
	wns     *fakewns.Local
	http    *http.Client
	woken   chan string
	channel string
	token   string
}

func newClient(t *testing.T) *client {
	t.Helper()
	c := &client{t: t, wns: fakewns.NewServer(fakewns.Config{Seed: 1}), woken: make(chan string, 100)}
	t.Cleanup(c.wns.Close)
	c.http = c.wns.Client()
	c.http.Timeout = time.Minute
	var err error
	c.channel, _, err = c.wns.OpenChannel(t.Context(), "device", fakewns.DefaultApp.PFN, func(b []byte) { c.woken <- string(b) })
	if err != nil {
		t.Fatal(err)
	}
	got := c.fetch()
	var out struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(got.body), &out); err != nil || out.Token == "" {
		t.Fatalf("token: %s %v", got.body, err)
	}
	c.token = out.Token
	return c
}

// answer is what a sender saw; err where it saw none.
type answer struct {
	status int
	header http.Header
	body   string
	err    error
}

func (c *client) do(req *http.Request) answer {
	resp, err := c.http.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b), err}
}

func (c *client) fetch() answer {
	a := fakewns.DefaultApp
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {a.PackageSID}, "client_secret": {a.Secret}, "scope": {"notify.windows.com"}}
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.wns.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.do(req)
}

func (c *client) push(payload string) answer {
	req, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.channel, strings.NewReader(payload))
	if err != nil {
		c.t.Fatal(err)
	}
	for k, v := range map[string]string{"Authorization": "Bearer " + c.token, "Content-Type": "application/octet-stream", "X-WNS-Type": "wns/raw", "X-WNS-Cache-Policy": "cache"} {
		req.Header.Set(k, v)
	}
	return c.do(req)
}

func (c *client) delivered(want ...string) {
	c.t.Helper()
	for _, w := range want {
		select {
		case got := <-c.woken:
			if got != w {
				c.t.Errorf("delivered %q, want %q", got, w)
			}
		case <-time.After(30 * time.Second):
			c.t.Fatalf("%q was not delivered", w)
		}
	}
	if len(c.woken) > 0 {
		c.t.Errorf("delivered %q, too", <-c.woken)
	}
}

func (c *client) inject(spec string) {
	c.t.Helper()
	f, err := Rule{Fault: spec}.Build()
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(c.wns.Inject(f))
}

// fresh makes the next request open a connection.
func (c *client) fresh() { c.http.CloseIdleConnections() }

func (a answer) is(status int, state string) error {
	if a.err != nil || a.status != status || a.header.Get("X-WNS-STATUS") != state {
		return fmt.Errorf("%d %q %w, want %d %q", a.status, a.header.Get("X-WNS-STATUS"), a.err, status, state)
	}
	return nil
}

func (a answer) none() error {
	if a.err == nil {
		return fmt.Errorf("answered %d, want a broken connection", a.status)
	}
	return nil
}

func TestMistakes(t *testing.T) {
	for line, want := range map[string]string{
		"":                           "name a fault",
		"nothing":                    "known faults: appthrottled, bad-headers, bad-json",
		"status":                     "needs an argument",
		"status=99":                  "not a status from 200 to 599",
		"status=200,a@=c":            "not of the form HEADER=VALUE",
		"status=200,a=b\x01":         "control character",
		"lost=1":                     "takes no argument",
		"delay=soon":                 "not a positive duration",
		"redirect=nowhere":           "not a URL",
		"redirect=304,https://x/":    "301, 302, 303, 307 or 308",
		"reset=now":                  "neither before nor after",
		"header-names=red":           "known: old, new, lower",
		"lost times=x":               "not a number",
		"lost probability=2":         "probability from 0 to 1",
		"lost on=everything":         "not token, notification or handshake",
		"lost on=handshake":          "does not apply to a handshake",
		"lost for=never":             "not a positive duration",
		"lost colour=blue":           "known words: on, app",
		"tls-fails on=notification2": "not token, notification",
	} {
		if _, err := Parse(line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", line, err, want)
		}
	}
	r, err := Parse("status=503 on=token app=a.b_t6e9vsyjkrw9w times=3 probability=0.5 for=1m device=D")
	if err != nil {
		t.Fatal(err)
	}
	f, err := r.Build()
	if err != nil || f.On != fakewns.Token || f.Times != 3 || f.Probability != 0.5 || f.For != time.Minute || f.Device != "D" || f.App != "a.b_t6e9vsyjkrw9w" {
		t.Errorf("%+v %v", f, err)
	}
}

// TestWhichRequests: a fault affects the requests it names, for its time, and
// as often as its seed draws.
func TestWhichRequests(t *testing.T) {
	status := func(c *client, f fakewns.Fault) int {
		f.On, f.Status = fakewns.Notification, 500
		defer c.wns.Inject(f)()
		return c.push("x").status
	}
	c := newClient(t)
	now := c.wns.Now()
	for name, row := range map[string]struct {
		f    fakewns.Fault
		hits bool
	}{
		"its device":           {fakewns.Fault{Device: "device"}, true},
		"another device":       {fakewns.Fault{Device: "other"}, false},
		"its app":              {fakewns.Fault{App: strings.ToUpper(fakewns.DefaultApp.PFN)}, true},
		"another app":          {fakewns.Fault{App: "other.app_8wekyb3d8bbwe"}, false},
		"its channel":          {fakewns.Fault{Channel: c.channel}, true},
		"its channel by id":    {fakewns.Fault{Channel: c.wns.Channels("device")[0].ID}, true},
		"another channel":      {fakewns.Fault{Channel: c.channel + "x"}, false},
		"a header":             {fakewns.Fault{Header: "x-wns-type"}, true},
		"a header and value":   {fakewns.Fault{Header: "X-WNS-Type: wns/raw"}, true},
		"a header, not so":     {fakewns.Fault{Header: "X-WNS-Type: wns/toast"}, false},
		"a header that is not": {fakewns.Fault{Header: "X-WNS-Tag"}, false},
		"a window":             {fakewns.Fault{From: now.Add(-time.Hour), Until: now.Add(time.Hour)}, true},
		"before its window":    {fakewns.Fault{From: now.Add(time.Hour)}, false},
		"after its window":     {fakewns.Fault{Until: now.Add(-time.Hour)}, false},
	} {
		if got := status(c, row.f); (got == 500) != row.hits {
			t.Errorf("%s: %d", name, got)
		}
	}

	draw := func() (hits []bool) {
		c := newClient(t)
		defer c.wns.Inject(fakewns.Fault{On: fakewns.Notification, Status: 500, Probability: 0.5})()
		for range 40 {
			hits = append(hits, c.push("x").status == 500)
		}
		return hits
	}
	first, again := draw(), draw()
	n := 0
	for i := range first {
		if first[i] != again[i] {
			t.Fatal("the same seed drew otherwise")
		}
		if first[i] {
			n++
		}
	}
	if n < 8 || n > 32 {
		t.Errorf("half of 40 was %d", n)
	}
	token := newClient(t)
	defer token.wns.Inject(fakewns.Fault{On: fakewns.Token, App: "other.app_8wekyb3d8bbwe", Status: 500})()
	if got := token.fetch().status; got != 200 {
		t.Errorf("a token fault of another app: %d", got)
	}
	defer token.wns.Inject(fakewns.Fault{On: fakewns.Token, App: fakewns.DefaultApp.PFN, Status: 500, Times: 1})()
	if a, b := token.fetch().status, token.fetch().status; a != 500 || b != 200 {
		t.Errorf("a token fault, once: %d %d", a, b)
	}
}

// TestLosing: Fault.Lose alone says that an accepted notification is lost, so
// whoever reads a fault sees it.
func TestLosing(t *testing.T) {
	for spec, lost := range map[string]bool{"lost": true, "reset": true, "reset=before": true, "reset=after": false, "twice": false} {
		f, err := New(spec)
		if err != nil || f.Lose != lost {
			t.Errorf("%s: Lose is %v, want %v (%v)", spec, f.Lose, lost, err)
		}
	}
}

// TestDuration: a fault ends by itself after its For, whoever made it and however:
// by New, by a rule, or as a literal.
func TestDuration(t *testing.T) {
	byName, err := New("outage=5m")
	if err != nil {
		t.Fatal(err)
	}
	byRule, err := Rule{Fault: "outage", For: "5m"}.Build()
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]fakewns.Fault{
		"New": byName, "Build": byRule, "literal": {On: fakewns.Notification, Status: 503, For: 5 * time.Minute},
	} {
		c := newClient(t)
		c.wns.Inject(f)
		c.wns.Advance(5*time.Minute - time.Second)
		if got := c.push("x").status; got != 503 {
			t.Errorf("%s: %d before its end", name, got)
		}
		c.wns.Advance(time.Second)
		if got := c.push("x").status; got != 200 {
			t.Errorf("%s: %d after its end", name, got)
		}
	}
	c := newClient(t)
	until := c.wns.Now().Add(time.Hour)
	byName.Until = until
	c.wns.Inject(byName)
	if got := c.wns.Faults()[0].Until; !got.Equal(until) {
		t.Errorf("Until %s was replaced by %s", until, got)
	}
}
