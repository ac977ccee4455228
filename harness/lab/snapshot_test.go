package lab

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// TestSnapshot: everything that a scenario can leave behind in a lab is told in
// words, and nothing where it leaves nothing.
func TestSnapshot(t *testing.T) {
	l := served(t, "", whole, func(cfg *target.Config, addr string) {
		cfg.Target.Discovery, cfg.Target.SharedDevice = "https://u:hidden@"+addr+mdmserver.DiscoveryPath, true
		cfg.Target.Hooks.Queue = &target.Hook{HTTP: &target.HTTPHook{URL: "http://127.0.0.1:1/", Headers: map[string]string{"Authorization": "hidden"}}}
	})
	if err := l.Preflight(t.Context()); err != nil {
		t.Fatal(err)
	}
	d, err := l.Shared(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	outage := l.WNS.InjectID(fakewns.Fault{Name: "of the configuration", On: fakewns.Token, Status: 503})
	base := l.WNS.Settings().ChannelBase
	for name, c := range map[string]struct {
		leave, undo func()
		want        []string
	}{
		"nothing":     {func() {}, func() {}, nil},
		"a fault":     {func() { outage++; outage = l.WNS.InjectID(fakewns.Fault{Name: "lost", Lose: true}) }, func() { l.WNS.RemoveFault(outage) }, []string{`the fake WNS still has the fault "lost"`}},
		"an app":      {func() { set(t, l, fakewns.App{PFN: "a.b_8wekyb3d8bbwe", PackageSID: "ms-app://s-1"}) }, func() { set(t, l) }, []string{"the fake WNS has a new app a.b_8wekyb3d8bbwe"}},
		"the clock":   {func() { l.WNS.Advance(time.Hour) }, func() { l.WNS.Advance(-time.Hour) }, []string{"the clock of the fake WNS was moved by 1h0m0s"}},
		"the base":    {func() { l.WNS.SetChannelBase("https://x/") }, func() { l.WNS.SetChannelBase(base) }, []string{"the base of channel URIs was " + base + ", is https://x/"}},
		"a timeout":   {func() { l.Config.Timeouts.Push += time.Second }, func() { l.Config.Timeouts.Push -= time.Second }, []string{`the configuration's timeouts.push was "15s", is "16s"`}},
		"the list":    {func() { l.Config.WNS.Allow = []string{"h"} }, func() { l.Config.WNS.Allow = nil }, []string{`the configuration's wns.allow.0 was "", is "h"`}},
		"the address": {func() { l.Config.Target.Discovery += "x" }, func() { l.Config.Target.Discovery = strings.TrimSuffix(l.Config.Target.Discovery, "x") }, []string{"the configuration's target.discovery was"}},
		"a secret": {func() { l.Config.Target.Password = target.NewSecret("hidden") }, func() { l.Config.Target.Password = target.NewSecret("p") },
			[]string{"a secret of the configuration was changed"}},
		"a hook": {func() { l.Config.Target.Hooks.Queue.HTTP.Headers["Authorization"] = "hidden too" }, func() { l.Config.Target.Hooks.Queue.HTTP.Headers["Authorization"] = "hidden" },
			[]string{"the configuration's target.hooks.queue.http.headers.Authorization was changed"}},
		"the device": {func() { d.SetWNSOffline(true); d.AddFault(&dmclient.AnswerWith{}) }, func() { d.SetWNSOffline(false); d.ClearFaults() },
			[]string{"the shared device's power was normal, is off", "the shared device's faults was"}},
		"the health": {func() { l.usual.Store(500) }, func() { l.usual.Store(0) }, []string{"which answers of the target count as healthy was changed"}},
	} {
		before := l.Snapshot()
		c.leave()
		got := before.Diff(l.Snapshot())
		if !slices.EqualFunc(got, c.want, strings.HasPrefix) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if strings.Contains(strings.Join(got, " "), "hidden") {
			t.Errorf("%s: a secret is shown: %q", name, got)
		}
		c.undo()
		if got := before.Diff(l.Snapshot()); got != nil {
			t.Errorf("%s, and put back: %q", name, got)
		}
	}
}

// TestSnapshotLearns: what is learned meanwhile is nobody's doing.
func TestSnapshotLearns(t *testing.T) {
	l, err := Start(nil, Options{Keys: testKeys, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	before := l.Snapshot()
	l.Leniency()
	if got := before.Diff(l.Snapshot()); got != nil {
		t.Errorf("%q", got)
	}
	known := l.Snapshot()
	l.lenient().opts = dmclient.EnrollOptions{PlainCSR: true}
	if got := known.Diff(l.Snapshot()); len(got) != 1 {
		t.Errorf("%q", got)
	}
}

func set(t *testing.T, l *Lab, more ...fakewns.App) {
	t.Helper()
	if err := l.WNS.SetApps(append([]fakewns.App{fakewns.DefaultApp}, more...)); err != nil {
		t.Error(err)
	}
}
