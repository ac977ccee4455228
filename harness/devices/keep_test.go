package devices_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/devices"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/fleet"
)

// TestRestart: with a file, devices are what they were after a restart, also after one
// without a proper end. Their channels go on, or are made anew and told to the server.
func TestRestart(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	l, err := lab.Start(nil, lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	store, err := fleet.Open(filepath.Join(t.TempDir(), "lab.db.devices"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	pool := func() *devices.Pool {
		cfg := devices.ForLab(l)
		cfg.Store = store
		p := devices.New(cfg)
		t.Cleanup(p.Close)
		return p
	}
	push := func(p *devices.Pool, id string) {
		t.Helper()
		channels := l.WNS.Channels(id)
		at := slices.IndexFunc(channels, func(c fakewns.Channel) bool { return !c.Revoked })
		if at < 0 {
			t.Fatal("no channel", channels)
		}
		if status, _, _, err := l.WNS.Push(ctx, channels[at], "wns/raw", []byte("x"), nil); err != nil || status != 200 {
			t.Fatal(status, err)
		}
		if _, err := p.Wait(ctx, id, devices.Condition{For: "session", Origin: "push", Timeout: "1m"}); err != nil {
			t.Error(err)
		}
	}
	p := pool()
	d, err := p.Create(devices.Spec{Key: "ec", Namespace: "kept", Labels: map[string]string{"a": "b"}, Faults: []string{"slow=1ms"}, Clock: "1h", Quirks: []string{"alert-1200"}})
	if err != nil {
		t.Fatal(err)
	}
	gone, err := p.Create(devices.Spec{Key: "ec"})
	if err != nil {
		t.Fatal(err)
	}
	if d, err = p.Enroll(ctx, d.ID, devices.Enrollment{}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.SetNode(ctx, d.ID, "./DevDetail/Ext/Microsoft/DeviceName", "PC-KEPT"); err != nil {
		t.Fatal(err)
	}
	if err := p.Remove(gone.ID); err != nil {
		t.Fatal(err)
	}
	uri := d.Push.URI

	p = pool() // the first one did not end
	all := p.List(devices.Filter{})
	if len(all) != 1 {
		t.Fatalf("%d devices: %+v", len(all), all)
	}
	got := all[0]
	if got.ID != d.ID || got.Namespace != "kept" || got.Labels["a"] != "b" || !slices.Equal(got.Faults, d.Faults) || !slices.Equal(got.Quirks, d.Quirks) || got.Clock.Offset != "1h0m0s" ||
		got.State != "enrolled" || got.Push.URI != uri || !got.Created.Equal(d.Created) {
		t.Errorf("%+v\nwas\n%+v", got, d)
	}
	if n, err := p.Tree(d.ID, "./DevDetail/Ext/Microsoft/DeviceName", false); err != nil || n[0].Data != "PC-KEPT" {
		t.Errorf("%+v %v", n, err)
	}
	push(p, d.ID)
	p.Close()

	for _, c := range l.WNS.Channels(d.ID) { // as a push service without its state
		l.WNS.ForgetChannel(c.URI)
	}
	p = pool()
	if _, err := p.Wait(ctx, d.ID, devices.Condition{For: "session", Origin: "csp", Timeout: "1m"}); err != nil {
		t.Error(err)
	}
	push(p, d.ID)
	if not := p.NotReady(); not != nil {
		t.Error(not)
	}
}
