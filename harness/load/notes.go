package load

import (
	"fmt"

	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/wording"
)

// Notes name options by the words that are the same as flags of dmwake load and
// as keys in k6: drain, workers, resident.

// slowWait is the p99 of late and wait from which a note explains it.
const slowWait = 10_000 // microseconds

// CPU shares from which a note explains them. Little stolen time is enough: it
// comes in pieces of a tenth of a second, and p99 is one in a hundred.
const (
	fullShare   = 0.9
	stolenShare = 0.003
)

// notes explain figures that the reader would misread otherwise.
func (r *Run) notes(out *result.Result, batches []*batch, was before) (list []string) {
	note := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	excluded := 0
	for _, n := range r.pool.excluded {
		excluded += n
	}
	if excluded > 0 {
		note("%d of %d devices could not be enrolled and did not take part.", excluded, r.opts.own())
	}
	if r.pool.damaged != "" {
		note("Devices may be missing: %s.", r.pool.damaged)
	}
	moving, noPorts, late := false, false, int64(0)
	for _, b := range batches {
		moving, noPorts, late = moving || b.moving, noPorts || b.tally.noPorts, late+b.late
	}
	if moving && out.Aborted == "" {
		note("Sessions were still succeeding %s after the end of the plan (drain). Wake-ups that had none by then count as lost. Raise drain to see how late they are.", r.opts.Drain)
	}
	if n := out.Counts.Empty; n > 0 {
		note("%d of %d done wake-ups delivered nothing of their work (%s), and no other session delivered it since it was queued. Does the queue hook queue the command?", n, out.Counts.Done, out.Config.Work)
	}
	if late > 0 {
		note("%s due while the device's previous one was not over. They waited for it, and one session served all that waited; the stages wait, open and whole include the time.", wording.Counted(late, "check-in was", "check-ins were"))
	}
	if o := r.opts; o.Speed > 0 && o.Speed != 1 {
		note("The plan ran %g times as fast as it is written: its durations, intervals and rates are those of the plan, and measured times are real.", o.Speed)
	}
	if n := r.missed - was.missed; n > 0 {
		note("The journal of WNS dropped %s unread. The stages trigger and wake lack what they tell.", wording.Count(n, "request"))
	}
	if late := out.Stages[result.Late]; late.Count > 0 && late.At["p99"] > slowWait {
		note("dmwake itself was late by %s at the 99th percentile: this machine is too small for the rate. The stage whole includes the delay.", result.Micros(late.At["p99"]))
	}
	wait := out.Stages[result.Wait]
	switch n := r.pool.waited() - was.waited; {
	case n > 0:
		note("%s a device was woken while as many sessions as workers (%d) were under way, and waited for one to end. The stages wait, open and out include the time. Raise workers if this machine is not busy.", wording.Count(n, "time"), r.opts.Workers)
	case wait.Count > 0 && wait.At["p99"] > slowWait && !isFull(out.CPU):
		note("1 %% of the sessions began more than %s after the notification arrived, mostly because the device was still in its previous session. The stages wait, open and out include the time. With more devices or a lower rate each device is woken less often.", result.Micros(wait.At["p99"]))
	}
	list = append(list, cpuNotes(out.CPU)...)
	if noPorts {
		note("This machine ran out of ports. Each session opens a connection, and a port to another machine stays in use for a minute afterwards: 28,000 ports allow about 470 sessions a second. Keep connections (resident), set net.ipv4.tcp_tw_reuse=1, widen net.ipv4.ip_local_port_range, or divide the load among machines.")
	}
	if n := out.Counts.Offline; n > 0 {
		note("%s no network. Its wake-ups are lost, unless a poll delivers their work.", wording.Counted(n, "device had", "devices had"))
	}
	if r.opts.Rehearse {
		note("This was a rehearsal: no device was woken, and times depend on the numbers of the wake-ups only.")
	} else if !r.opts.Resident {
		note("Every session opens a connection with a full TLS handshake. The option resident keeps connections instead.")
	}
	return list
}

// isFull tells whether anything that waited may have waited for a processor.
func isFull(c *result.CPU) bool { return c != nil && c.Busy+c.Stolen >= fullShare }

func cpuNotes(c *result.CPU) (out []string) {
	if c == nil {
		return nil
	}
	if isFull(c) {
		out = append(out, fmt.Sprintf("The processors of this machine were %.0f %% busy (dmwake itself %.0f %%), and all times include waits for a processor. Use a lower rate or a larger machine.", 100*c.Busy, 100*c.Own))
	}
	if c.Stolen >= stolenShare {
		out = append(out, fmt.Sprintf("The host of this virtual machine gave %.1f %% of its processor time to others: the highest percentiles may come from the host. Measure again, or on a dedicated machine.", 100*c.Stolen))
	}
	return out
}
