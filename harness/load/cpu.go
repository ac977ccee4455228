package load

import (
	"fmt"

	"github.com/prometheus/procfs"
)

// CPU is how the processors of the machine were used while a run was measured, as
// shares of all of them together: 1 is all the time of all. A percentile of a
// machine that was full, or whose time its host gave to others, is the machine's.
type CPU struct {
	Own    float64 `json:"own"`    // by dmwake: devices, WNS, and the server where it is embedded
	Busy   float64 `json:"busy"`   // by all that runs here
	Stolen float64 `json:"stolen"` // by the host, for other machines of its
}

// From these shares on a run says so. Of stolen time a small share is enough: it
// comes in pieces of a tenth of a second, and the 99th percentile is one in a
// hundred.
const (
	fullShare   = 0.9
	stolenShare = 0.003
)

// used is what the kernel counted until now, in seconds of one processor
// (proc_stat(5)); ok is false where it does not tell.
type used struct {
	own, busy, stolen, all float64
	ok                     bool
}

func usage() (u used) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return u // not Linux
	}
	all, err1 := fs.Stat()
	self, err2 := fs.Self()
	if err1 != nil || err2 != nil {
		return u
	}
	own, err := self.Stat()
	if err != nil {
		return u
	}
	c := all.CPUTotal // guests are in User already
	u.own, u.stolen, u.ok = own.CPUTime(), c.Steal, true
	u.busy = c.User + c.Nice + c.System + c.IRQ + c.SoftIRQ
	u.all = u.busy + c.Idle + c.Iowait + c.Steal
	return u
}

// share is how the processors were used between two moments; nil where that is
// not known.
func (u used) share(from used) *CPU {
	all := u.all - from.all
	if !u.ok || !from.ok || all <= 0 {
		return nil
	}
	part := func(now, before float64) float64 { return min((now-before)/all, 1) } // the parts are rounded to ticks
	c := &CPU{Own: part(u.own, from.own), Busy: part(u.busy, from.busy), Stolen: part(u.stolen, from.stolen)}
	// The whole is sampled at the kernel's ticks, and what begins by a timer runs
	// just after one; that of a process is exact.
	c.Busy = max(c.Busy, c.Own)
	return c
}

// full tells that what waited may have waited for a processor.
func (c *CPU) full() bool { return c != nil && c.Busy+c.Stolen >= fullShare }

// remarks are what a reader of percentiles has to know of it.
func (c *CPU) remarks() (out []string) {
	if c == nil {
		return nil
	}
	if c.full() {
		out = append(out, fmt.Sprintf("The processors of this machine were %.0f %% busy (dmwake itself %.0f %%): the times have in them that something waited for a processor. Take a lower rate, or a larger machine.", 100*c.Busy, 100*c.Own))
	}
	if c.Stolen >= stolenShare {
		out = append(out, fmt.Sprintf("The host of this virtual machine gave %.1f %% of its processors' time to others meanwhile: the highest percentiles may be the host's. Measure again, or on a machine of its own.", 100*c.Stolen))
	}
	return out
}
