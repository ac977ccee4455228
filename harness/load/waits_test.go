package load

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestConcurrentSessions: a slow session does not delay others. If they reach the
// limit of concurrent sessions, a note says how often devices waited.
func TestConcurrentSessions(t *testing.T) {
	for _, c := range []struct {
		name            string
		devices, atMost int // concurrent sessions; 0: the default
		held            int // sessions that wait until so many have begun
		waited          string
	}{
		{"a hundred", 100, 0, 100, ""},
		{"three", 12, 3, 3, "9 times a device was woken while as many sessions as workers (3) were under way"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var armed atomic.Bool
			var sessions, woken sync.WaitGroup
			sessions.Add(c.held)
			woken.Add(c.devices)
			var n atomic.Int64
			l, err := lab.Start(fronted(t, func(_ http.ResponseWriter, r *http.Request) bool {
				if armed.Load() && r.Header.Get("Content-Type") == syncml.MediaType && n.Add(1) <= int64(c.held) {
					sessions.Done()
					sessions.Wait()
					woken.Wait()
				}
				return false
			}), lab.Options{Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			o := options(t, "1", time.Second)
			o.Devices, o.Workers, o.Storm, o.Resident, o.Sender, o.Work = c.devices, c.atMost, true, true, SenderWNS, Work{Kind: "none"}
			run, err := Start(t.Context(), l, o)
			if err != nil {
				t.Fatal(err)
			}
			defer run.Close()
			arrived := run.pool.woken
			run.pool.woken = func(device string) {
				arrived(device)
				woken.Done()
			}
			armed.Store(true)
			r := play(t, run)
			whole(t, r)
			if r.Counts.Done != int64(c.devices) || r.Stages[result.Wait].Count != r.Counts.Done {
				t.Errorf("%+v, %d waits", r.Counts, r.Stages[result.Wait].Count)
			}
			if notes := strings.Join(r.Notes, " "); !strings.Contains(notes, c.waited) || (c.waited == "") == strings.Contains(notes, "Raise workers") {
				t.Errorf("notes: %s", notes)
			}
		})
	}
}

// TestBusy: the time until a busy server (429) accepts a message is the server's, not
// the device's.
func TestBusy(t *testing.T) {
	zero := time.Unix(1, 0)
	at := func(ms int) time.Time { return zero.Add(time.Duration(ms) * time.Millisecond) }
	exchange := func(from, left, took, status int) *dmclient.Exchange {
		return &dmclient.Exchange{At: at(from), Left: time.Duration(left) * time.Millisecond, Duration: time.Duration(took) * time.Millisecond, Status: status}
	}
	list := []*dmclient.Exchange{exchange(0, 2, 5, 429), exchange(15, 1, 3, 429), exchange(30, 1, 4, 200), exchange(40, 1, 2, 429), exchange(50, 1, 7, 200)}
	got := turnsOf(list)
	if len(got) != 2 || !got[0].left.Equal(at(2)) || !got[0].reply.Equal(at(34)) || !got[1].left.Equal(at(41)) || !got[1].reply.Equal(at(57)) {
		t.Errorf("%v", got)
	}
	if got := turnsOf(list[:1]); len(got) != 1 || !got[0].left.Equal(at(2)) || !got[0].reply.Equal(at(5)) {
		t.Errorf("429 alone: %v", got)
	}
}
