package load

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// TestGrow: a run takes more devices between two batches, and a batch may wake the first
// ones only. Devices that the server refuses are counted.
func TestGrow(t *testing.T) {
	for name, resident := range map[string]bool{"records": false, "resident": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var closed atomic.Bool
			l, err := lab.Start(fronted(t, func(w http.ResponseWriter, r *http.Request) bool {
				refused := closed.Load() && strings.HasSuffix(r.URL.Path, "/Enrollment.svc")
				if refused {
					http.Error(w, "no more licences", http.StatusForbidden)
				}
				return refused
			}), lab.Options{Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			o := options(t, "10", time.Second)
			o.Devices, o.Resident, o.Sender, o.Work = 4, resident, SenderWNS, Work{Kind: "none"}
			run, err := Start(t.Context(), l, o)
			if err != nil {
				t.Fatal(err)
			}
			defer run.Close()
			drive := func(among int) (woken map[string]bool) {
				t.Helper()
				woken = map[string]bool{}
				mark := l.WNS.Journal().Mark()
				r, err := run.Drive(t.Context(), &Batch{Plan: o.Plan, Among: among})
				if err != nil {
					t.Fatal(err)
				}
				whole(t, r)
				if r.Counts.Done != 10 || r.Config.Devices != run.Len() {
					t.Errorf("%+v %v of %d devices", r.Counts, r.Errors, r.Config.Devices)
				}
				if !run.Idle(t.Context(), time.Minute) {
					t.Error("the run does not become idle")
				}
				for _, e := range l.WNS.Journal().Since(mark, func(e *fakewns.Entry) bool { return e.Kind == fakewns.Notification }) {
					woken[e.Device] = true
				}
				return woken
			}
			if got := len(drive(2)); got != 2 {
				t.Errorf("%d devices were woken, want 2", got)
			}
			if failed, _, err := run.Grow(t.Context(), 5); failed > 0 || err != nil || run.Len() != 9 {
				t.Errorf("%d failed, %d devices: %v", failed, run.Len(), err)
			}
			if got := len(drive(0)); got != 9 {
				t.Errorf("%d devices were woken, want 9", got)
			}
			closed.Store(true)
			if failed, reason, err := run.Grow(t.Context(), 2); failed != 2 || reason != "RST: refused" || err != nil || run.Len() != 9 {
				t.Errorf("%d failed (%s), %d devices: %v", failed, reason, run.Len(), err)
			}
			if _, _, err := run.Grow(t.Context(), MaxDevices); err == nil || !strings.HasPrefix(err.Error(), "Devices: ") {
				t.Errorf("too many: %v", err)
			}
		})
	}
}

// TestMerged: a device that is woken several times during a session holds one more
// session for all of them.
func TestMerged(t *testing.T) {
	var slow atomic.Bool
	release := make(chan struct{})
	l, err := lab.Start(fronted(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if slow.Load() && r.URL.Path == mdmserver.ManagementPath {
			<-release
		}
		return false
	}), lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := options(t, "10", time.Second)
	o.Devices, o.Sender, o.Work = 1, SenderWNS, Work{Kind: "none"}
	run, err := Start(t.Context(), l, o)
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	slow.Store(true)
	arrived := 0
	r, err := run.Drive(t.Context(), &Batch{Plan: o.Plan, Progress: func(p Progress) {
		if p.Counts.Started == 10 && arrived == 0 {
			arrived++
			close(release)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	whole(t, r)
	if n := run.Merged(); r.Counts.Done != 10 || n < 5 || n > 9 {
		t.Errorf("%d of %d wake-ups shared a session", n, r.Counts.Done)
	}
}
