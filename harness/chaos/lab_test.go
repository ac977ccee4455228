package chaos

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dmwake/dmwake/fakewns/link"
)

// TestLabKilled: over kills of the lab under load, every accepted notification is
// delivered once, or the journal says that it was dropped. In the middle of some the
// disk is full; what is refused then is not lost, for the sender knows.
func TestLabKilled(t *testing.T) {
	kills, fullEvery, devices := 4, 2, 20
	if *full {
		kills, fullEvery = 100, 3 // the first ten of these; later the file has room of its own
	}
	disk, mounted := small(t, "48m")
	if !mounted {
		t.Log("NOT RUN: a full disk, for mounting one is refused here; the kills run")
	}
	l, b := newLab(t, t.TempDir()), newBook()
	state := filepath.Join(disk, "lab.db")
	l.start("--state", state)
	c, uris := l.devices(b, devices)
	token := l.token()
	r := rand.New(rand.NewPCG(1, 2))
	filled := 0
	for k := range kills {
		l.connected(devices)
		s := l.send(b, token, uris, 4000)
		from := b.taken.Load()
		await(t, "notifications are accepted", func() bool { return b.taken.Load() >= from+10 })
		if k%2 == 0 { // then some wait for their devices, and some are dropped or replaced
			await(t, "there is a link to cut", c.Cut)
		}
		await(t, "more are", func() bool { return b.taken.Load() >= from+30+int64(r.IntN(100)) })
		free := func() {}
		if mounted && k%fullEvery == 1 && filled < 10 {
			filled++
			b.mu.Lock()
			before := b.refused
			b.mu.Unlock()
			free = fill(t, disk)
			await(t, "a notification is refused", func() bool {
				b.mu.Lock()
				defer b.mu.Unlock()
				return b.refused > before+20
			})
			const said = "cannot be written: no space left on device; until it can be, notifications are refused with 503"
			await(t, "the lab says so", func() bool { return strings.Contains(l.output(), said) })
			b.mu.Lock()
			reason := b.reason
			b.mu.Unlock()
			if !strings.Contains(reason, "no space left on device") || l.metric("dmwake_wns_state_failing") != "1" || strings.Count(l.output(), said) != 1 {
				t.Errorf("refused because of %q, metric %q, told %d times", reason, l.metric("dmwake_wns_state_failing"), strings.Count(l.output(), said))
			}
			if filled%2 == 0 { // it goes on
				free()
				from := b.taken.Load()
				await(t, "notifications are accepted again", func() bool { return b.taken.Load() >= from+30 })
			}
		}
		l.kill()
		close(s.stop)
		s.wg.Wait()
		free()
		l.start("--state", state)
		l.read(b)
	}
	l.connected(devices)
	l.account(b, fmt.Sprintf("%d kills, %d of them with a full disk, %d links", kills, filled, c.Resumes()))
	l.stop(syscall.SIGTERM)
}

// TestLabStopped: a clean stop loses none, with a state file and without one.
func TestLabStopped(t *testing.T) {
	stops, devices := 3, 20
	if *full {
		stops = 20
	}
	for _, kept := range []bool{true, false} {
		l, b := newLab(t, t.TempDir()), newBook()
		var args []string
		if kept {
			args = []string{"--state", "lab.db"}
		}
		for k := range stops {
			l.start(args...)
			var c *link.Client
			var uris []string
			if c, uris = l.devices(b, devices); k == 0 {
				l.connected(devices)
			}
			s := l.send(b, l.token(), uris, 100)
			from := b.taken.Load()
			await(t, "notifications are accepted", func() bool { return b.taken.Load() >= from+300 })
			l.stop([]os.Signal{os.Interrupt, syscall.SIGTERM}[k%2])
			close(s.stop)
			s.wg.Wait()
			if missing := b.missing(); len(missing) > 0 {
				t.Errorf("state %v, stop %d: %d of %d accepted did not come: %v", kept, k, len(missing), b.taken.Load(), missing)
			}
			c.Close()
		}
		accepted, delivered, _, _, again := b.sum()
		t.Logf("state %v, %d stops: accepted %d, delivered %d, again %d", kept, stops, accepted, delivered, again)
	}
}
