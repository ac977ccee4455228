package load

import (
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// TestPolled: what no push brings is told apart once a poll does.
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
			measured := make(chan *Result, 1)
			go func() { measured <- play(t, run) }()
			g.Eventually(func() (n int) {
				run.mu.Lock()
				defer run.mu.Unlock()
				for _, list := range run.open {
					for _, w := range list {
						if w.queued != 0 && (!c.lose || w.atWNS != 0) {
							n++
						}
					}
				}
				return n
			}, time.Minute).Should(gomega.Equal(6))
			clock.Advance(16 * time.Minute) // the server has them poll after 15
			r := <-measured
			whole(t, r)
			if n := r.Counts.Polled; n != 6 || r.Stages[Polled].Count != n || r.Stages[Whole].Count != 0 || r.Stages[Polled].Max < (14*time.Minute).Microseconds() {
				t.Errorf("%+v %v, polled %+v", r.Counts, r.Errors, r.Stages[Polled].At)
			}
		})
	}
}

// TestNoPollInTime: where nobody pushes, and no device polls before the run is
// over, that is said before it begins, with how long to wait.
func TestNoPollInTime(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := options(t, "6", time.Second)
	o.Sender = SenderNone
	if _, err := Start(t.Context(), l, o); err == nil || !strings.Contains(err.Error(), "--drain 15m0s waits") {
		t.Errorf("%v", err)
	}
	o.Resident = true
	if _, err := Start(t.Context(), l, o); err == nil || !strings.Contains(err.Error(), "no sessions by schedule") {
		t.Errorf("%v", err)
	}
}
