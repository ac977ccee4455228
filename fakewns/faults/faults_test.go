package faults

import (
	"encoding/json"
	"errors"
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
	f, err := Rule{Fault: spec}.Build(c.wns.Now())
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(c.wns.Inject(f))
}

// fresh makes the next request open a connection.
func (c *client) fresh() { c.http.CloseIdleConnections() }

func (a answer) is(status int, state string) error {
	if a.err != nil || a.status != status || a.header.Get("X-WNS-STATUS") != state {
		return fmt.Errorf("%d %q %v, want %d %q", a.status, a.header.Get("X-WNS-STATUS"), a.err, status, state)
	}
	return nil
}

func (a answer) none() error {
	if a.err == nil {
		return fmt.Errorf("answered %d, want a broken connection", a.status)
	}
	return nil
}

// trials are what a sender meets under each fault; a fault without one fails
// the test.
var trials = map[string]func(*client) error{
	"bad-headers": func(c *client) error { return c.push("x").none() },
	"bad-json": func(c *client) error {
		if a := c.fetch(); a.status != 200 || json.Valid([]byte(a.body)) {
			return fmt.Errorf("%d %s", a.status, a.body)
		}
		return nil
	},
	"channelthrottled": func(c *client) error {
		defer c.delivered()
		return c.push("x").is(200, "channelthrottled")
	},
	"delay=20ms": func(c *client) error {
		start := time.Now()
		a := c.push("x")
		c.delivered("x")
		if took := time.Since(start); took < 20*time.Millisecond {
			return fmt.Errorf("took %v", took)
		}
		return a.is(200, "received")
	},
	"dies-early=1m": func(c *client) error {
		a := c.fetch()
		var out struct {
			Token   string `json:"access_token"`
			Expires int    `json:"expires_in"`
		}
		if err := json.Unmarshal([]byte(a.body), &out); err != nil || out.Expires != 86400 {
			return fmt.Errorf("%s: %w", a.body, err)
		}
		c.token = out.Token
		if err := c.push("x").is(200, "received"); err != nil {
			return err
		}
		c.delivered("x")
		c.wns.Advance(time.Minute)
		return c.push("x").is(401, "dropped")
	},
	"drip=20ms": func(c *client) error {
		start := time.Now()
		a := c.push("x")
		if took := time.Since(start); took < 10*time.Millisecond {
			return fmt.Errorf("took %v", took)
		}
		c.delivered("x")
		return a.is(200, "received")
	},
	"dropped": func(c *client) error {
		defer c.delivered()
		return c.push("x").is(200, "dropped")
	},
	"expires-string": func(c *client) error { return expires(c, "86400") },
	"header-names=old": func(c *client) error {
		a := c.push("x")
		if a.header.Get("X-WNS-NotificationStatus") != "received" {
			return errors.New("the old header is missing")
		}
		c.delivered("x")
		return a.is(200, "")
	},
	"header-names=new": func(c *client) error {
		a := c.push("x")
		if a.header.Get("X-WNS-NotificationStatus") != "" {
			return errors.New("the old header is there")
		}
		c.delivered("x")
		return a.is(200, "received")
	},
	"header-names=lower": func(c *client) error {
		defer c.delivered("x")
		return c.push("x").is(200, "received") // Go's client reads them without regard to case
	},
	"html": func(c *client) error {
		if a := c.fetch(); a.status != 200 || a.header.Get("Content-Type") != "text/html" || !strings.HasPrefix(a.body, "<html>") {
			return fmt.Errorf("%d %s", a.status, a.body)
		}
		return nil
	},
	"late=20ms": func(c *client) error {
		a := c.push("x")
		c.delivered("x")
		return a.is(200, "received")
	},
	"lost": func(c *client) error {
		defer c.delivered()
		return c.push("x").is(200, "received")
	},
	"no-expires": func(c *client) error { return expires(c, nil) },
	"no-headers": func(c *client) error {
		defer c.delivered("x")
		return c.push("x").is(200, "")
	},
	"outage=10m": func(c *client) error {
		a := c.push("x")
		if err := a.is(503, "dropped"); err != nil || a.header.Get("Retry-After") == "" {
			return fmt.Errorf("%w, Retry-After %q", err, a.header.Get("Retry-After"))
		}
		c.wns.Advance(10 * time.Minute)
		defer c.delivered("x")
		return c.push("x").is(200, "received")
	},
	"redirect": func(c *client) error {
		a := c.push("x")
		if !strings.HasPrefix(a.header.Get("Location"), "https://db3.notify.windows.com/") {
			return fmt.Errorf("Location %q", a.header.Get("Location"))
		}
		c.delivered()
		return a.is(307, "dropped")
	},
	"reordered": func(c *client) error {
		if err := c.push("first").is(200, "received"); err != nil {
			return err
		}
		c.delivered()
		defer c.delivered("second", "first")
		return c.push("second").is(200, "received")
	},
	"reset": func(c *client) error {
		defer c.delivered()
		return c.push("x").none()
	},
	"reset=after": func(c *client) error {
		defer c.delivered("x")
		return c.push("x").none()
	},
	"short-lived=90s": func(c *client) error { return expires(c, 90.0) },
	"status=418,X-Tea=yes": func(c *client) error {
		a := c.push("x")
		if a.header.Get("X-Tea") != "yes" {
			return errors.New("the header is missing")
		}
		c.delivered()
		return a.is(418, "dropped")
	},
	"tls-fails": func(c *client) error {
		c.fresh()
		return c.push("x").none()
	},
	"truncated": func(c *client) error { return c.push("x").none() },
	"twice": func(c *client) error {
		defer c.delivered("x", "x")
		return c.push("x").is(200, "received")
	},
	"wrong-name": func(c *client) error {
		c.fresh()
		a := c.push("x")
		if a.err == nil || !strings.Contains(a.err.Error(), "wrong-name.notify.windows.com") {
			return fmt.Errorf("got %w", a.err)
		}
		return nil
	},
}

func expires(c *client, want any) error {
	a := c.fetch()
	var out map[string]any
	if err := json.Unmarshal([]byte(a.body), &out); err != nil || a.status != 200 || out["expires_in"] != want || out["access_token"] == "" {
		return fmt.Errorf("%d %s %w", a.status, a.body, err)
	}
	return nil
}

func TestEveryFault(t *testing.T) {
	tried := map[string]bool{}
	for spec, trial := range trials {
		name, _, _ := strings.Cut(spec, "=")
		tried[name] = true
		t.Run(spec, func(t *testing.T) {
			c := newClient(t)
			c.inject(spec)
			if err := trial(c); err != nil {
				t.Error(err)
			}
			if got := c.wns.Faults(); len(got) != 1 || got[0].Hits == 0 {
				t.Errorf("the fault was not counted: %+v", got)
			}
			hit := c.wns.Journal().Since(0, func(e *fakewns.Entry) bool { return e.Fault == spec })
			if len(hit) == 0 {
				t.Error("the journal does not name the fault")
			}
			// It is gone once it is removed.
			c.wns.RemoveFault(c.wns.Faults()[0].ID)
			c.fresh()
			if a := c.fetch(); a.err != nil || expires(c, 86400.0) != nil {
				t.Errorf("the fault is removed, but tokens are spoilt: %+v", a)
			}
		})
	}
	for _, k := range All() {
		if !tried[k.Name] {
			t.Errorf("fault %s has no trial", k.Name)
		}
	}
}

func TestMistakes(t *testing.T) {
	for line, want := range map[string]string{
		"":                           "a fault is missing",
		"nothing":                    "there are bad-headers, bad-json",
		"status":                     "needs an argument",
		"status=99":                  "no status from 200 to 599",
		"status=200,a@=c":            "not of the form HEADER=VALUE",
		"status=200,a=b\x01":         "not of the form HEADER=VALUE",
		"lost=1":                     "takes no argument",
		"delay=soon":                 "no duration",
		"redirect=nowhere":           "no URL",
		"reset=now":                  "neither before nor after",
		"header-names=red":           "none of old, new, lower",
		"lost times=x":               "no number",
		"lost probability=2":         "probability from 0 to 1",
		"lost on=everything":         "none of token, notification, handshake",
		"lost on=handshake":          "not of a handshake",
		"lost for=never":             "no duration",
		"lost colour=blue":           "the words after a fault are",
		"tls-fails on=notification2": "none of token",
	} {
		if _, err := Parse(line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", line, err, want)
		}
	}
	r, err := Parse("status=503 on=token app=a.b_t6e9vsyjkrw9w times=3 probability=0.5 for=1m device=D")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	f, err := r.Build(now)
	if err != nil || f.On != fakewns.Token || f.Times != 3 || f.Probability != 0.5 || !f.Until.Equal(now.Add(time.Minute)) || f.Device != "D" || f.App != "a.b_t6e9vsyjkrw9w" {
		t.Errorf("%+v %v", f, err)
	}
}

// TestWhichRequests: a fault meets those that it names, for as long as it is
// said, and as often as its seed draws.
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
