package dmclient_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestEveryProfile enrolls a device of each profile and delivers a command to
// it.
func TestEveryProfile(t *testing.T) {
	r := newRig(t, nil)
	for _, p := range dmclient.Profiles() {
		d := r.enrolled(func(c *dmclient.Config) { c.Profile = p })
		r.queue(d, syncml.Get, "./DevDetail/SwV", "", "")
		s := r.sync(d)
		if got, want := r.result(d), "done 200 "+p.OSVersion; got != want {
			t.Errorf("%s: %s, want %s", p.Name, got, want)
		}
		if d.ChannelURI() == "" || !r.view(d).HasChannel {
			t.Errorf("%s has no channel", p.Name)
		}
		proto := s.Exchanges[0].Proto
		if want := map[bool]string{true: "HTTP/2.0", false: "HTTP/1.1"}[p.Quirks.HTTP2]; proto != want {
			t.Errorf("%s speaks %s, want %s", p.Name, proto, want)
		}
		if len(p.Quirks.Active()) == 0 {
			t.Errorf("%s: its quirks are %v", p.Name, p.Quirks.Active())
		}
	}
}

// staleNonce makes the first digests of a session with an old nonce.
type staleNonce struct{ times, used int }

func (f *staleNonce) Fault() string { return "stale nonce" }
func (f *staleNonce) Nonce(nonce []byte) []byte {
	if f.used++; f.used <= f.times {
		return []byte("old")
	}
	return nonce
}

// codesOf are the server's Statuses for a command.
func codesOf(s *dmclient.Session, cmd string) (out []int) {
	for _, m := range s.Received {
		for i := range m.Body {
			if m.Body[i].Verb == syncml.Status && m.Body[i].Cmd == cmd {
				out = append(out, m.Body[i].Code())
			}
		}
	}
	return out
}

func TestWBXMLSession(t *testing.T) {
	r := newRig(t, func(c *mdmserver.Config) { c.Encoding = syncml.MediaTypeWBXML })
	d := r.enrolled(nil)
	r.queue(d, syncml.Get, "./DevDetail/SwV", "", "")
	s := r.sync(d)
	if got := r.result(d); got != "done 200 10.0.22631.3155" {
		t.Error(got)
	}
	for _, ex := range s.Exchanges {
		if ct := ex.Header.Get("Content-Type"); ct != syncml.MediaTypeWBXML || ex.Request[0] != 0x03 {
			t.Errorf("sent %s, starting with %#x", ct, ex.Request[0])
		}
	}
}

func TestSignedMessages(t *testing.T) {
	r := newRig(t, func(c *mdmserver.Config) { c.RequireSigning = true })
	d := r.enrolled(nil)
	d.AddFault(scrambler{})
	r.sync(d) // signed as it is sent
	r.intercept = func(_ http.ResponseWriter, req *http.Request) bool {
		req.Header.Set("MS-Signature", "AAAA")
		return false
	}
	if _, err := d.Sync(r.ctx(), dmclient.SyncOptions{}); !errors.Is(err, dmclient.ErrRefused) {
		t.Errorf("a wrong signature: %v", err)
	}
}

type scrambler struct{}

func (scrambler) Fault() string                      { return "one more space" }
func (scrambler) Scramble(body []byte, _ int) []byte { return append(body, ' ') }

// TestMaxMsgSize: what does not fit into the server's MaxMsgSize comes in
// several messages; one result that does not comes in chunks where LrgObj is
// true, and ends the session where it is not.
func TestMaxMsgSize(t *testing.T) {
	const uri = "./Vendor/MSFT/Policy/Config/Area/Name"
	long := strings.Repeat("é&<long> ", 900)
	for _, large := range []bool{false, true} {
		r := newRig(t, func(c *mdmserver.Config) { c.MaxMsgSize = 2500 })
		d := r.enrolled(func(c *dmclient.Config) {
			c.Profile = dmclient.Win11()
			c.Profile.Quirks.LargeObjects = large
		})
		for i := range 20 {
			d.Tree().Provision(uri+strconv.Itoa(i), strings.Repeat("x", 300))
			r.queue(d, syncml.Get, uri+strconv.Itoa(i), "", "")
		}
		s := r.sync(d)
		if len(s.Sent) < 5 {
			t.Errorf("20 results of 300 bytes came in %d messages", len(s.Sent))
		}
		for i, c := range r.view(d).Commands {
			if c.State != "done" || c.Status != 200 || len(c.Result) != 300 {
				t.Fatalf("command %d: %+v", i, c)
			}
		}
		for i, ex := range s.Exchanges {
			if len(ex.Request) > 2500 {
				t.Errorf("message %d has %d bytes", i+1, len(ex.Request))
			}
		}
		d.Tree().Provision(uri, long)
		r.queue(d, syncml.Get, uri, "", "")
		s, err := d.Sync(r.ctx(), dmclient.SyncOptions{})
		if err != nil {
			t.Fatal(err)
		}
		got := r.view(d).Commands[20]
		switch {
		case large && got.Result != long:
			t.Errorf("the chunks made %d of %d bytes (%s)", len(got.Result), len(long), s.End)
		case !large && (got.Result != "" || !strings.Contains(s.End, "MaxMsgSize")):
			t.Errorf("%d bytes came; %s", len(got.Result), s.End)
		}
		for i, ex := range s.Exchanges {
			if len(ex.Request) > 2500 {
				t.Errorf("message %d has %d bytes", i+1, len(ex.Request))
			}
		}
	}
}

// TestChunkedCommand: a value the server sends in chunks is answered 213 until
// it is whole.
func TestChunkedCommand(t *testing.T) {
	r := newRig(t, func(c *mdmserver.Config) { c.ChunkSize = 100 })
	d := r.enrolled(func(c *dmclient.Config) { c.Quirks = append(c.Quirks, "large-objects") })
	const uri = "./Vendor/MSFT/Policy/Config/Browser/HomePages"
	value := strings.Repeat("0123456é9", 55)
	r.queue(d, syncml.Replace, uri, "chr", value)
	s := r.sync(d)
	if got, _ := d.Tree().Get(uri); got != value {
		t.Errorf("%d of %d bytes arrived", len(got), len(value))
	}
	var codes []string
	for _, m := range s.Sent {
		for i := range m.Body {
			if m.Body[i].Verb == syncml.Status && m.Body[i].Cmd == "Replace" {
				codes = append(codes, m.Body[i].Data)
			}
		}
	}
	if want := "213 213 213 213 213 200"; strings.Join(codes, " ") != want {
		t.Errorf("answered %v, want %s", codes, want)
	}
}

// TestAsyncResult: an installation is answered 202, and its result comes as
// Alert 1226 with the next session.
func TestAsyncResult(t *testing.T) {
	r := newRig(t, nil)
	d := r.enrolled(nil)
	const uri = "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7BAF9257BA-6BBD-4624-AA9B-0182D50292C3%7D/DownloadInstall"
	r.queue(d, syncml.Add, uri, "", "")
	r.queue(d, syncml.Exec, uri, "xml", `<MsiInstallJob><Product Version="1.4"><Download><ContentURLList><ContentURL>x</ContentURL></ContentURLList></Download></Product></MsiInstallJob>`)
	r.sync(d)
	if got := r.result(d); got != "done 202 " {
		t.Error(got)
	}
	due, ok := d.Next()
	if !ok || due.What != "job" {
		t.Fatalf("next is %+v", due)
	}
	s, err := d.Act(r.ctx(), due)
	if err != nil {
		t.Fatal(err)
	}
	alert := s.Sent[0].Body[2]
	if alert.Code() != syncml.AlertGeneric || alert.Items[0].Source.LocURI != uri || alert.Items[0].Data != "0" ||
		alert.Items[0].Meta.Type != "Reversed-Domain-Name:com.microsoft.mdm.win32csp_install" || alert.Items[0].Meta.Mark != "informational" {
		t.Errorf("%+v", alert)
	}
	if apps := d.Inventory().Apps; len(apps) != 1 || !strings.HasSuffix(apps[0], " 1.4") {
		t.Errorf("installed: %v", apps)
	}
	if s := r.sync(d); len(s.Sent[0].Body) != 3 {
		t.Error("the result is told twice")
	}
}

// TestSyncApplicationVersion: what a server gets by setting it.
func TestSyncApplicationVersion(t *testing.T) {
	r := newRig(t, nil)
	d := r.enrolled(nil)
	version := dmclient.ProviderURI(d.Provider()) + "/SyncApplicationVersion"
	for range 11 {
		r.sync(d)
	}
	r.queue(d, syncml.Replace, version, "chr", "5.0")
	r.sync(d)
	r.queue(d, syncml.Get, "./Nope", "", "")
	s, err := d.Sync(r.ctx(), dmclient.SyncOptions{Origin: dmclient.OriginPush, Batched: []dmclient.Origin{dmclient.OriginSchedule}})
	if err != nil {
		t.Fatal(err)
	}
	if s.ID != "E" {
		t.Errorf("the 14th SessionID is %q", s.ID)
	}
	if got := s.Exchanges[0].Header["UserAgentOrigin"]; !slices.Equal(got, []string{"3,2"}) {
		t.Errorf("UserAgentOrigin %v", got)
	}
	if body := string(s.Exchanges[1].Request); !strings.Contains(body, `<Data msft:originalerror="0x86000002">404</Data>`) || !strings.Contains(body, "<SyncBody xmlns:msft=") {
		t.Errorf("no originalerror in %s", body)
	}
	// It cannot be set back to 1.0 (MS-MDE2 2.2.9.3).
	r.queue(d, syncml.Replace, version, "chr", "1.0")
	r.sync(d)
	if s = r.sync(d); s.ID != "10" || s.Exchanges[0].Header["UserAgentOrigin"] == nil {
		t.Errorf("after 1.0: SessionID %q, %v", s.ID, s.Exchanges[0].Header)
	}
}

// TestLoginStatus: who is logged in shows in package 1, in the query and in
// what user-scope commands are answered.
func TestLoginStatus(t *testing.T) {
	r := newRig(t, nil)
	d := r.enrolled(nil)
	const uri = "./User/Vendor/MSFT/Policy/Config/Browser/HomePages"
	for _, c := range []struct {
		login  dmclient.Login
		mode   string
		status string
	}{{dmclient.LoginNone, "mode=Machine", "done 405 "}, {dmclient.LoginOthers, "mode=Maintenance", "done 405 "}, {dmclient.LoginUser, "mode=Maintenance", "done 200 "}} {
		d.SetLogin(c.login)
		r.queue(d, syncml.Replace, uri, "", "1")
		s := r.sync(d)
		if got := r.result(d); got != c.status || !strings.Contains(s.Exchanges[0].URL, c.mode) || s.Sent[0].Body[1].Items[0].Data != string(c.login) {
			t.Errorf("%s: %s, %s", c.login, got, s.Exchanges[0].URL)
		}
	}
}

// TestRetries: a connection that fails is tried again as the account says; a
// server that is busy is waited for.
func TestRetries(t *testing.T) {
	r := newRig(t, nil)
	clock := dmclient.NewVirtualClock(start)
	d := r.enrolled(func(c *dmclient.Config) { c.Clock, c.NoRetry = clock, false })
	fails := 2
	r.intercept = func(w http.ResponseWriter, _ *http.Request) bool {
		if fails--; fails < 0 {
			return false
		}
		panic(http.ErrAbortHandler)
	}
	done := make(chan error, 1)
	mark := d.SessionCount()
	go func() {
		_, err := d.Sync(r.ctx(), dmclient.SyncOptions{})
		done <- err
	}()
	// The reference server provisions 30 s, and the wait doubles.
	for _, wait := range []int{30, 60} {
		advance(t, clock, wait)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := d.SessionCount() - mark; n != 3 {
		t.Errorf("%d tries", n)
	}
	busy := 1
	r.intercept = func(w http.ResponseWriter, _ *http.Request) bool {
		if busy--; busy < 0 {
			return false
		}
		w.Header().Set("Retry-After", "77")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}
	go func() {
		_, err := d.Sync(r.ctx(), dmclient.SyncOptions{})
		done <- err
	}()
	advance(t, clock, 77)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestHooks: a caller sees every message.
func TestHooks(t *testing.T) {
	r := newRig(t, nil)
	var sent, got int
	d := r.enrolled(func(c *dmclient.Config) {
		c.OnSend = func(*dmclient.Session, *syncml.Message) { sent++ }
		c.OnReceive = func(*dmclient.Session, *syncml.Message) { got++ }
	})
	if s := d.Sessions()[0]; sent != len(s.Sent) || got != len(s.Received) || sent == 0 {
		t.Errorf("saw %d sent and %d received of %d and %d", sent, got, len(s.Sent), len(s.Received))
	}
	ctx, cancel := context.WithCancel(r.ctx())
	cancel()
	if _, err := d.Sync(ctx, dmclient.SyncOptions{}); err == nil {
		t.Error("a session in a context that ended")
	}
}
