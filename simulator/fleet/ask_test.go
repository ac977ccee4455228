package fleet

import (
	"context"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// TestAsk: a device does what it is asked to, one task after the other, before and while
// the fleet runs, and it does not poll by the server's schedule if the caller decides.
func TestAsk(t *testing.T) {
	cfg, _ := config(t)
	clock := dmclient.NewVirtualClock(time.Now())
	polled := make(chan struct{}, 100)
	cfg.Device.Clock, cfg.Device.Unscheduled = clock, true
	cfg.OnSession = func(*dmclient.Device, *dmclient.Session, error) { polled <- struct{}{} }
	f := New(cfg)
	i, err := f.Add(dmclient.Win11(), identity(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Do(t.Context(), i, func(d *dmclient.Device) error {
		if err := d.Enroll(t.Context(), dmclient.EnrollOptions{}); err != nil {
			return err
		}
		if next, ok := d.Next(); ok && next.What == "poll" {
			t.Errorf("the device is to poll: %+v", next)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if st := f.Stats(); st.Enrolled != 1 {
		t.Errorf("%d enrolled", st.Enrolled)
	}
	done := make(chan int, 3)
	task := func(n int) Task {
		return func(ctx context.Context, d *dmclient.Device) {
			if _, err := d.Sync(ctx, dmclient.SyncOptions{Origin: dmclient.OriginSchedule, NoRetry: true}); err != nil {
				t.Error(err)
			}
			done <- n
		}
	}
	f.Ask(i, task(1)) // waits for Run
	f.Ask(i, task(2))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	if a, b := <-done, <-done; a != 1 || b != 2 {
		t.Errorf("tasks in the order %d, %d", a, b)
	}
	clock.Advance(3 * time.Hour) // 15 minutes is the server's first interval
	f.Ask(i, task(3))
	<-done
	cancel()
	<-ended
	if st := f.Stats(); len(polled) > 0 || st.Polls > 0 {
		t.Errorf("%d sessions beside the tasks: %+v", len(polled), st)
	}
}
