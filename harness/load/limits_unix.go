//go:build unix

package load

import (
	"fmt"
	"os"

	"github.com/dmwake/dmwake/harness/lab"
)

// A session takes both ends of a connection if the server is embedded. If it is
// not, the trigger takes a connection too.
const filesPerSession = 4

// ports is how many local ports the kernel has for connections to one address; 0
// if it does not tell.
func ports() int {
	raw, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0 // not Linux
	}
	var from, to int
	if _, err := fmt.Sscan(string(raw), &from, &to); err != nil {
		return 0
	}
	return to - from + 1
}

// checkLimits checks that this machine has enough ports and open files for the
// run. Go has already raised the soft limit of open files to the hard limit.
func (o *Options) checkLimits() error {
	if n := ports(); o.Resident && n > 0 && o.own() > n {
		return optionError("Resident", "%d resident devices need a port each, and this machine has %d for one address (net.ipv4.ip_local_port_range); leave %s out, or divide the devices among machines (%s)",
			o.own(), n, Field("Resident"), Field("Share"))
	}
	need, have := o.filesWithoutSessions()+filesPerSession*o.Workers, lab.OpenFiles()
	switch {
	case have >= need:
		return nil
	case o.Resident:
		return optionError("Resident", "this run needs about %d open files, and the limit is %d; raise it (ulimit -n %d), or leave %s out", need, have, need, Field("Resident"))
	}
	return optionError("Workers", "this run needs about %d open files, and the limit is %d; raise it (ulimit -n %d), or take fewer %s", need, have, need, Field("Workers"))
}

func (o *Options) filesWithoutSessions() int {
	need := 1000
	if o.sends(SenderHook) {
		need += 1000 // connections of the hooks
	}
	if o.Resident {
		need += 2 * o.own()
	}
	return need
}

// reasonableWorkers is the default of Workers. 1,024 sessions suffice for a
// server that takes a second per session at a thousand sessions a second. There
// are fewer if the limit of open files requires it.
func (o *Options) reasonableWorkers() int {
	return min(max((lab.OpenFiles()-o.filesWithoutSessions())/filesPerSession, 64), maxSessions)
}
