package load

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/sender"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/fleet"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// fronted is a target with the reference server behind a front. The front tells
// whether it answered itself.
func fronted(t *testing.T, front func(w http.ResponseWriter, r *http.Request) bool) *target.Config {
	t.Helper()
	dir := t.TempDir()
	ca, err := intercept.LoadCA(dir)
	if err != nil {
		t.Fatal(err)
	}
	var server *mdmserver.Server
	ln, err := lab.Listen("the server", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "https://" + ln.Addr().String()
	srv := lab.NewHTTPServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !front(w, r) {
			server.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(func() { srv.Close() })
	if server, err = mdmserver.New(mdmserver.Config{BaseURL: base, Username: "u@mdm.example", Password: "p", PFN: fakewns.DefaultApp.PFN}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	go srv.Serve(tls.NewListener(ln, ca.ServerTLS(true)))
	cfg := &target.Config{Target: target.Target{Discovery: base + mdmserver.DiscoveryPath, Username: "u@mdm.example", Password: target.NewSecret("p"), CA: ca.CertFile},
		WNS: target.WNS{Mode: "proxy", Listen: "127.0.0.1:0", Proxy: "127.0.0.1:0", CADir: dir}}
	cfg.Defaults()
	return cfg
}

// TestHalfRefused: devices that cannot be enrolled are left out. The result says how
// many and why, and the others are measured.
func TestHalfRefused(t *testing.T) {
	var n atomic.Int64
	l, err := lab.Start(fronted(t, func(w http.ResponseWriter, r *http.Request) bool {
		refused := strings.HasSuffix(r.URL.Path, "/Enrollment.svc") && r.Method == http.MethodPost && n.Add(1)%2 == 0
		if refused {
			http.Error(w, "no more licences", http.StatusForbidden)
		}
		return refused
	}), lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := options(t, "20", time.Second)
	o.Sender, o.Work = SenderWNS, Work{Kind: "none"}
	run, err := Start(t.Context(), l, o)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	r := play(t, run)
	whole(t, r)
	if r.Counts.Done != 20 || r.Excluded["RST: refused"] != 6 || !strings.Contains(strings.Join(r.Notes, " "), "6 of 12 devices could not be enrolled") {
		t.Errorf("%+v, excluded %v, %q", r.Counts, r.Excluded, r.Notes)
	}
}

// TestOutage: wake-ups fail while WNS is down, and succeed before and after.
func TestOutage(t *testing.T) {
	o := options(t, "40", 3*time.Second)
	o.Sender, o.Work = SenderWNS, Work{Kind: "none"}
	r := measure(t, o, func(l *lab.Lab) {
		from := l.WNS.Now().Add(time.Second)
		l.WNS.Inject(fakewns.Fault{Name: "outage", On: fakewns.Notification, From: from, Until: from.Add(time.Second), Status: http.StatusServiceUnavailable})
	})
	whole(t, r)
	// On a busy machine notifications come late, and two of them may wake a device once.
	if n, c := r.Errors["trigger: WNS answered 503"], r.Counts; n == 0 || n != c.Failed || c.Done == 0 || c.Done+c.Lost+c.Failed != c.Started {
		t.Errorf("%d failed in the outage: %v, %+v", n, r.Errors, r.Counts)
	}
}

// TestOutageRetried: a server that tries again gets through once WNS is back. The time
// until then belongs to the stage trigger.
func TestOutageRetried(t *testing.T) {
	o := options(t, "40", 2*time.Second)
	o.Work = Work{Kind: "none"}
	r := measure(t, o, func(l *lab.Lab) {
		l.WNS.Inject(fakewns.Fault{Name: "outage", On: fakewns.Notification, Times: 5, Status: http.StatusServiceUnavailable})
	})
	whole(t, r)
	// The reference server tries again after half a second. The other times depend
	// on the machine.
	if h := r.Stages[result.Trigger]; r.Counts.Done != 80 || h.Count != 80 || h.Max < 500_000 {
		t.Errorf("%+v %v, trigger %v", r.Counts, r.Errors, h.At)
	}
}

// TestStateFile: devices of a state file are used, as many as asked for.
func TestStateFile(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file := filepath.Join(t.TempDir(), "devices.db")
	store, err := fleet.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	base, err := l.DeviceConfig()
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		base.Profile, base.Identity = dmclient.Win11(), l.NewIdentity()
		d, err := dmclient.New(base)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Enroll(t.Context(), dmclient.EnrollOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Sync(t.Context(), dmclient.SyncOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := store.Keep(d, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(t.TempDir(), "damaged.db")
	raw[bytes.Index(raw, []byte(base.Identity.DeviceID))+3] ^= 1 // its record, or its number
	if err := os.WriteFile(damaged, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		file        string
		bound, want int
		note        bool
	}{{file, 100, 3, false}, {file, 2, 2, false}, {damaged, 100, 3, true}} {
		o := options(t, "10", time.Second)
		o.State, o.Devices = c.file, c.bound
		run, err := Start(t.Context(), l, o)
		if err != nil {
			t.Fatal(err)
		}
		r := play(t, run)
		whole(t, r)
		if n := run.pool.roster.len(); n != c.want && !(c.note && n == c.want-1) || r.Counts.Done != 10 {
			t.Errorf("%d devices, want %d; %+v", run.pool.roster.len(), c.want, r.Counts)
		}
		if slices.ContainsFunc(r.Notes, func(n string) bool { return strings.HasPrefix(n, "Devices may be missing: the state file") }) != c.note {
			t.Errorf("of the damaged file: %v, the notes say %q", c.note, r.Notes)
		}
		run.Close()
	}
	o := options(t, "10", time.Second)
	o.State = file + "x"
	if err := refused(t, l, o, "State"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing state file: %v", err)
	}
}

// TestNoPort: a machine that ran out of ports is a separate kind of error, and a note
// says what to do.
func TestNoPort(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := options(t, "15", time.Second)
	o.Sender = SenderWNS
	run, err := Start(t.Context(), l, o)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	client := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)}
	}}}
	run.send = sender.New(sender.Config{TokenURL: "https://127.0.0.1/", Client: client})
	r := play(t, run)
	whole(t, r)
	if r.Errors["trigger: no free port"] != 15 || !strings.Contains(strings.Join(r.Notes, " "), "ran out of ports") {
		t.Errorf("%v %q", r.Errors, r.Notes)
	}
}

// TestTooLate: a wake-up that is far too late is not started and counts as failed, so
// that a run at an impossible rate ends.
func TestTooLate(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := options(t, "10", time.Second)
	run, err := Start(t.Context(), l, o)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	b := run.newBatch(&Batch{Plan: o.Plan})
	now := time.Since(run.zero)
	for _, late := range []time.Duration{tooLate / 2, tooLate + time.Second} {
		run.start(t.Context(), &wakeup{batch: b, device: 0, due: now - late, started: now, counted: true}, 0)
	}
	b.ended = true
	run.drain(t.Context(), b)
	b.hooks.Wait()
	r := outcomeOf(t, run, b)
	whole(t, r)
	if r.Counts.Done != 1 || r.Counts.Failed != 1 || r.Errors["not triggered: dmwake was late by more than 10s, this machine is too small for the rate"] != 1 {
		t.Errorf("%+v %v", r.Counts, r.Errors)
	}
}
