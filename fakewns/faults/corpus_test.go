package faults

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
)

// written is a fault as a user writes it, and what it has to mean.
type written struct {
	Line, Error      string
	Name, On         string
	Status, Times    int
	App, Device, For string
	Matches          string // header=
	Probability      float64
	Header           map[string]string
	Absent           []string
}

func corpus(t *testing.T) []written {
	t.Helper()
	raw, err := os.ReadFile("../../harness/faultspec/testdata/faults.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ WNS, Device []written }
	if err := json.Unmarshal(raw, &all); err != nil || len(all.WNS) == 0 {
		t.Fatal(len(all.WNS), err)
	}
	return all.WNS
}

// TestWritten: every line of the corpus means what it says, or is the error that it
// says, in a flag, a file and a scenario (Parse) and in the control API (Build).
func TestWritten(t *testing.T) {
	for _, w := range corpus(t) {
		r, err := Parse(w.Line)
		if _, other := (Rule{Fault: w.Line}).Build(); (err == nil) != (other == nil) || err != nil && err.Error() != other.Error() {
			t.Errorf("%q: Parse says %v, Build %v", w.Line, err, other)
		}
		if w.Error != "" {
			if err == nil || !strings.Contains(err.Error(), w.Error) {
				t.Errorf("%q: %v, want %q", w.Line, err, w.Error)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", w.Line, err)
			continue
		}
		f, err := r.Build()
		if err != nil {
			t.Fatal(w.Line, err)
		}
		want := f
		want.Times, want.App, want.Device, want.Header, want.Probability = w.Times, w.App, w.Device, w.Matches, w.Probability
		if w.Name != "" {
			want.Name = w.Name
		}
		if w.On != "" {
			want.On = fakewns.Kind(w.On)
		}
		if w.Status != 0 {
			want.Status = w.Status
		}
		if w.For != "" {
			if want.For, err = time.ParseDuration(w.For); err != nil {
				t.Fatal(err)
			}
		}
		want.Do = f.Do
		if a, b := plain(f), plain(want); a != b {
			t.Errorf("%q: %s, want %s", w.Line, a, b)
		}
		if len(w.Header)+len(w.Absent) > 0 {
			c := newClient(t)
			c.inject(w.Line)
			has(t, w.Line, c.push("x").header, w.Header, w.Absent)
		}
	}
}

// plain is a fault without what it does, for comparison.
func plain(f fakewns.Fault) string {
	f.Do = nil
	raw, err := json.Marshal(f)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// has checks that an answer has headers, once each, and lacks others.
func has(t *testing.T, what string, h http.Header, want map[string]string, absent []string) {
	t.Helper()
	for name, value := range want {
		if got := h.Values(name); len(got) != 1 || got[0] != value {
			t.Errorf("%s: %s is %q, want %q once", what, name, got, value)
		}
	}
	for _, name := range absent {
		if got := h.Values(name); len(got) > 0 {
			t.Errorf("%s: %s is %q, want none", what, name, got)
		}
	}
}

// seen is an answer of the real service.
type seen struct {
	Name, Strength, Source string
	Fault                  string
	Device, Channel        string // its state
	App, Token             string
	Request                map[string]string
	Size                   int
	Status                 int
	Header                 map[string]string
	Absent                 []string
}

// TestAnswers: the service gives every answer that was documented or seen.
func TestAnswers(t *testing.T) {
	raw, err := os.ReadFile("../testdata/answers.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []seen
	if err := json.Unmarshal(raw, &all); err != nil || len(all) < 25 {
		t.Fatal(len(all), err)
	}
	for _, s := range all {
		t.Run(s.Name, func(t *testing.T) {
			if !strings.HasPrefix(s.Source, "https://") || s.Strength != "documented" && s.Strength != "seen" && s.Strength != "model" {
				t.Errorf("source %q, strength %q", s.Source, s.Strength)
			}
			a := answered(t, &s)
			if a.err != nil || a.status != s.Status {
				t.Fatalf("%d, %v; want %d (%v)", a.status, a.err, s.Status, a.header)
			}
			has(t, s.Name, a.header, s.Header, s.Absent)
		})
	}
}

// answered brings a service into the state of an entry and sends its notification.
func answered(t *testing.T, s *seen) answer {
	t.Helper()
	c := newClient(t)
	if s.Fault != "" {
		c.inject(s.Fault)
	}
	if s.Device == "disconnected" {
		c.wns.SetConnected("device", false)
	}
	switch s.Channel {
	case "closed":
		c.wns.CloseChannel(c.channel)
	case "expired":
		c.wns.ExpireChannel(c.channel)
	case "forgotten":
		c.wns.ForgetChannel(c.channel)
	}
	apps := c.wns.Apps()
	if s.App == "blocked" {
		apps[0].Blocked = true
	}
	if s.Token == "other-app" {
		apps = append(apps, fakewns.App{PFN: "other.app_8wekyb3d8bbwe", PackageSID: "ms-app://s-1-15-2-9", Secret: "x"})
	}
	if err := c.wns.SetApps(apps); err != nil {
		t.Fatal(err)
	}
	switch s.Token {
	case "other-app":
		var err error
		if c.channel, _, err = c.wns.OpenChannel(t.Context(), "device", "other.app_8wekyb3d8bbwe", nil); err != nil {
			t.Fatal(err)
		}
	case "revoked":
		c.wns.Advance(time.Second)
		c.wns.RevokeTokens()
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.channel, strings.NewReader(strings.Repeat("x", max(s.Size, 1))))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{"Authorization": "Bearer " + c.token, "Content-Type": "application/octet-stream", "X-WNS-Type": "wns/raw", "X-WNS-Cache-Policy": "cache"} {
		req.Header.Set(k, v)
	}
	for k, v := range s.Request {
		if v == "" {
			req.Header.Del(k)
		} else {
			req.Header.Set(k, v)
		}
	}
	return c.do(req)
}

// TestRefusedIsNotKept: what a fault refuses or drops does not wait for the device.
func TestRefusedIsNotKept(t *testing.T) {
	for _, line := range []string{"status=503", "dropped", "appthrottled", "redirect"} {
		c := newClient(t)
		c.inject(line)
		c.wns.SetConnected("device", false)
		c.push("x")
		if list := c.wns.Channels("device"); list[0].Cached {
			t.Errorf("%s: the notification is kept for the device", line)
		}
	}
}

// TestHosts: channels have hosts of both forms; a channel whose path is /w/ is reached
// there, and the journal tells when the path was changed.
func TestHosts(t *testing.T) {
	raw, err := os.ReadFile("../testdata/hosts.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct{ Host, Path, Source, Strength string }
	if err := json.Unmarshal(raw, &all); err != nil || len(all) == 0 {
		t.Fatal(err)
	}
	for _, h := range all {
		if !strings.HasSuffix(h.Host, ".notify.windows.com") || strings.Count(h.Host, ".") != 3 {
			t.Errorf("%s: not one label before notify.windows.com", h.Host)
		}
		c := newClient(t)
		uri := c.wns.MoveChannel(c.channel, h.Path)
		if !strings.Contains(uri, ".notify.windows.com"+h.Path+"?token=") {
			t.Fatalf("moved to %s: %s", h.Path, uri)
		}
		before := c.channel
		c.channel = uri
		if err := c.push("x").is(200, "received"); err != nil {
			t.Errorf("%s: %v", h.Path, err)
		}
		c.delivered("x")
		c.channel = before
		c.push("y")
		list := c.wns.Journal().Since(0, func(e *fakewns.Entry) bool { return e.Kind == fakewns.Notification })
		if changed := list[1].Violated(fakewns.RuleURI) != ""; list[0].Violated(fakewns.RuleURI) != "" || changed != (h.Path != "/") {
			t.Errorf("%s: %s; %s", h.Path, list[0], list[1])
		}
	}
	newer := 0
	for _, h := range fakewns.ChannelHosts {
		if strings.HasPrefix(h, "wns2-") {
			newer++
		}
	}
	if newer == 0 || newer == len(fakewns.ChannelHosts) {
		t.Errorf("%d of %d hosts are of the newer form", newer, len(fakewns.ChannelHosts))
	}
	if c := newClient(t); c.wns.MoveChannel("https://db3.notify.windows.com/?token=x", "/w/") != "" {
		t.Error("an unknown channel was moved")
	}
}
