package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/wording"
)

// drainTime is how long the lab goes on after a signal, for what it accepted.
const drainTime = 10 * time.Second

// warner prints what a user must not miss.
type warner struct {
	printer
	color bool
}

func (w *warner) red(text string) {
	if w.color {
		text = "\x1b[31m" + text + "\x1b[0m"
	}
	w.line("%s", text)
}

// state tells that the state file can no longer be written, or that it can be again.
func (w *warner) state(err error) {
	if err != nil {
		w.red(err.Error() + "; until it can be, notifications are refused with 503")
		return
	}
	w.line("the state file can be written again")
}

// endLab ends the lab without losing what it accepted, and tells what is lost.
func endLab(ctx context.Context, l *lab.Lab, held *labDevices, state string, warn *warner, watch *journalWatch, err error) error {
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	l.Drain(drain)
	held.close()
	if watch.end() {
		watch.summary()
	}
	dropped := l.WNS.Stats().Deliveries[fakewns.Dropped]
	l.Close()
	if n := l.WNS.Stats().Deliveries[fakewns.Dropped] - dropped; n > 0 {
		warn.line("%s, which were not to wait: their devices could not be reached any more", wording.Counted(int(n), "notification was dropped", "notifications were dropped")) //nolint:gosec // a number of notifications
	}
	if n := l.WNS.Waiting(); n > 0 && state == "" {
		warn.line("%s for devices that are not connected; without --state they end with the lab", wording.Counted(n, "notification waits", "notifications wait"))
	}
	if lost := l.StateError(); lost != nil {
		lost = fmt.Errorf("the last changes are not kept: %w", lost)
		if err == nil {
			return usage(lost)
		}
		warn.red(lost.Error()) // the command's own exit code stays
	}
	return err
}
