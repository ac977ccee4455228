package load

import (
	"github.com/prometheus/procfs"

	"github.com/dmwake/dmwake/harness/load/result"
)

// cpuTime is the processor time that the kernel has counted so far, in seconds of
// one processor (proc_stat(5)). ok is false if the system does not tell.
type cpuTime struct {
	own, busy, stolen, all float64
	ok                     bool
}

func cpuNow() (t cpuTime) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return t // not Linux
	}
	all, err1 := fs.Stat()
	self, err2 := fs.Self()
	if err1 != nil || err2 != nil {
		return t
	}
	own, err := self.Stat()
	if err != nil {
		return t
	}
	c := all.CPUTotal // User includes guests
	t.own, t.stolen, t.ok = own.CPUTime(), c.Steal, true
	t.busy = c.User + c.Nice + c.System + c.IRQ + c.SoftIRQ
	t.all = t.busy + c.Idle + c.Iowait + c.Steal
	return t
}

// since is the processor use since an earlier moment; nil if it is unknown.
func (t cpuTime) since(before cpuTime) *result.CPU {
	all := t.all - before.all
	if !t.ok || !before.ok || all <= 0 {
		return nil
	}
	share := func(now, then float64) float64 { return min((now-then)/all, 1) } // ticks are rounded
	c := &result.CPU{Own: share(t.own, before.own), Busy: share(t.busy, before.busy), Stolen: share(t.stolen, before.stolen)}
	// The kernel samples the total at its ticks and misses work that starts just
	// after one. Its figure for a process is exact.
	c.Busy = max(c.Busy, c.Own)
	return c
}
