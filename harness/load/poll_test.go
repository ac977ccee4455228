package load

import (
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// TestPolled: work that a poll delivers, and no push, is counted separately.
func TestPolled(t *testing.T) {
	for name, c := range map[string]struct {
		sender string
		lose   bool
	}{"nobody pushes": {SenderNone, false}, "the notifications are lost": {SenderHook, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := gomega.NewWithT(t)
			l, err := lab.Start(nil, lab.Options{Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			clock := dmclient.NewVirtualClock(time.Now())
			o := options(t, "6", time.Second)
			o.Devices, o.Sender, o.clock, o.Drain = 6, c.sender, clock, time.Hour
			run, err := Start(t.Context(), l, o)
			if err != nil {
				t.Fatal(err)
			}
			defer run.Close()
			if c.lose {
				l.WNS.Inject(fakewns.Fault{Name: "lost", On: fakewns.Notification, Lose: true})
			}
			measured := make(chan *result.Result, 1)
			go func() { measured <- play(t, run) }()
			g.Eventually(func() (n int) {
				run.mu.Lock()
				defer run.mu.Unlock()
				for i := range run.devices {
					for _, w := range run.devices[i].open {
						if w.queued != 0 && (!c.lose || w.notified != 0) {
							n++
						}
					}
				}
				return n
			}, time.Minute).Should(gomega.Equal(6))
			clock.Advance(16 * time.Minute) // devices poll every 15 minutes
			r := <-measured
			whole(t, r)
			if n := r.Counts.Polled; n != 6 || r.Stages[result.Polled].Count != n || r.Stages[result.Whole].Count != 0 || r.Stages[result.Polled].Max < (14*time.Minute).Microseconds() {
				t.Errorf("%+v %v, polled %+v", r.Counts, r.Errors, r.Stages[result.Polled].At)
			}
		})
	}
}

// TestNoPollInTime: if nobody pushes and no device polls before the end of the run, an
// error says so before it starts, and which drain time is enough.
func TestNoPollInTime(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := options(t, "6", time.Second)
	o.Sender = SenderNone
	if err := refused(t, l, o, "Drain"); !strings.Contains(err.Error(), "Drain 15m0s waits") {
		t.Error(err)
	}
	o.Resident = true
	refused(t, l, o, "Resident")
}
