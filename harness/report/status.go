package report

import (
	"fmt"
	"time"
)

// Doing shows the progress of the run on a terminal, in a line that is rewritten, and
// erased before any other output. left is the estimated time left, 0 if unknown. A file
// or a pipe gets no progress: it has a line for each scenario.
func (t *Terminal) Doing(done, total int, left time.Duration) {
	if !t.Live {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	line := fmt.Sprintf("%d/%d", done, total)
	if left > 0 {
		line += ", about " + roughly(left) + " left"
	}
	// Without auto-wrap a narrow window cuts the line. A wrapped line could not be
	// erased.
	fmt.Fprintf(t.W, "\r\x1b[K\x1b[?7l%s\x1b[?7h", line)
	t.status = true
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
