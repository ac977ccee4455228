package report

import (
	"fmt"
	"time"
)

// Where no line can be rewritten, as in a log of CI, a status comes this often,
// and not at all of a few scenarios.
const (
	statusEvery = 10 * time.Second
	statusFrom  = 10
)

// Doing tells how far the run is. left is how long it takes on, 0 if that is not
// known. On a terminal the line is rewritten, and gone before anything else is
// written; into a log it is written every ten seconds.
func (t *Terminal) Doing(done, total int, left time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	line := fmt.Sprintf("%d/%d", done, total)
	if left > 0 {
		line += ", about " + roughly(left) + " left"
	}
	if t.Live {
		// Without auto-wrap a narrow window cuts the line. One that wrapped could
		// not be erased.
		fmt.Fprintf(t.W, "\r\x1b[K\x1b[?7l%s\x1b[?7h", line)
		t.status = true
		return
	}
	now := time.Now()
	if t.Clock != nil {
		now = t.Clock()
	}
	if t.said.IsZero() {
		t.said = now
	}
	if total < statusFrom || now.Sub(t.said) < statusEvery {
		return
	}
	t.said = now
	fmt.Fprintln(t.W, t.paint(gray, line))
}

// Clear takes the status line away. Whoever writes to W by other ways calls it
// before.
func (t *Terminal) Clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.erase()
}

func (t *Terminal) erase() {
	if t.status {
		fmt.Fprint(t.W, "\r\x1b[K")
		t.status = false
	}
}

// roughly is a duration as an estimate deserves it.
func roughly(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%d s", max(1, int(d.Round(time.Second).Seconds())))
	case d < 100*time.Second:
		return fmt.Sprintf("%d s", int(d.Round(5*time.Second).Seconds()))
	}
	return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
}
