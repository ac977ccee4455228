package report

import (
	"fmt"
	"time"
)

// Doing shows how many scenarios are done and what runs. left is the estimated time
// left, 0 if unknown.
func (t *Terminal) Doing(done, total int, running []string, left time.Duration) {
	if t.Status == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	line := fmt.Sprintf("%d of %d", done, total)
	if t.failed > 0 {
		line += "  " + t.paint(red, fmt.Sprintf("%d failed", t.failed))
	}
	if left > 0 {
		line += "  about " + roughly(left) + " left"
	}
	if len(running) > 0 {
		line += "  running " + fewIDs(running)
	}
	t.Status(line)
}

// fewIDs lists the first ids of those that run.
func fewIDs(list []string) string {
	const shown = 3
	more := ""
	if n := len(list) - shown; n > 1 {
		list, more = list[:shown], fmt.Sprintf(" and %d more", n)
	}
	line := ""
	for i, id := range list {
		if i > 0 {
			line += ", "
		}
		line += inLine(id)
	}
	return line + more
}

// clear removes the progress; the caller holds the lock.
func (t *Terminal) clear() {
	if t.Status != nil {
		t.Status()
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
