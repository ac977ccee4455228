package fleet

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/link"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// The push services that devices really have.
var (
	_ dmclient.WNS = (*fakewns.Server)(nil)
	_ dmclient.WNS = (*link.Client)(nil)
)

// told is a push service that notes what it is told of devices.
type told struct {
	dmclient.WNS
	mu   sync.Mutex
	what []string
}

func (w *told) note(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.what = append(w.what, what)
}

func (w *told) SetConnected(_ string, connected bool) {
	w.note(map[bool]string{true: "connected", false: "disconnected"}[connected])
}

func (w *told) Led(_, session string) { w.note("led to " + session) }

// through is a decorator of which nothing is written by hand.
type through struct{ dmclient.WNS }

// TestDecoratorsPassOn: what a device tells its push service gets there through
// the fleet's own decorator and another one, neither of which forwards it by hand.
func TestDecoratorsPassOn(t *testing.T) {
	cfg, p := config(t)
	wns := &told{WNS: p}
	cfg.Device.WNS = through{through{wns}}
	f := New(cfg)
	enrollAll(t, f, 1)
	err := f.Do(ctx(t), 0, func(d *dmclient.Device) error {
		d.SetPower(dmclient.PowerOff)
		d.SetPower(dmclient.PowerNormal)
		_, err := d.Sync(context.Background(), dmclient.SyncOptions{Origin: dmclient.OriginPush, SessionID: "7"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"disconnected", "connected", "led to 7"}; !slices.Equal(wns.what, want) {
		t.Errorf("the push service was told %q, want %q", wns.what, want)
	}
}
