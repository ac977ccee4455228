package report

import (
	"fmt"
	"time"
)

// If lines cannot be rewritten, as in a CI log, the status is printed this often,
// and only for runs of at least so many scenarios.
const (
	statusEvery = 10 * time.Second
	statusFrom  = 10
)

// Doing shows the progress of the run. left is the estimated time left, 0 if
// unknown. On a terminal the line is rewritten, and erased before any other output;
// in a log it appears every ten seconds.
func (t *Terminal) Doing(done, total int, left time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	line := fmt.Sprintf("%d/%d", done, total)
	if left > 0 {
		line += ", about " + roughly(left) + " left"
	}
	if t.Live {
		// Without auto-wrap a narrow window cuts the line. A wrapped line could not be
		// erased.
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

// Clear erases the status line. Call it before writing to W directly.
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

// roughly formats a duration with the precision of an estimate.
func roughly(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%d s", max(1, int(d.Round(time.Second).Seconds())))
	case d < 100*time.Second:
		return fmt.Sprintf("%d s", int(d.Round(5*time.Second).Seconds()))
	}
	return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
}
