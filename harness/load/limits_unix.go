//go:build unix

package load

import (
	"fmt"
	"os"

	"github.com/dmwake/dmwake/harness/lab"
)

// ports is how many the kernel has for connections to one address; 0 where it
// does not say.
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

// enough says what to do where this machine has not the ports and open files that
// a run needs. Go has raised the soft limit of files to the hard one already.
func enough(o *Options) error {
	if n := ports(); o.Resident && n > 0 && o.own() > n {
		return fmt.Errorf("%d resident devices keep as many connections to one address, and this machine has %d ports for them (net.ipv4.ip_local_port_range): leave --resident out, or divide the devices among machines (--share)", o.own(), n)
	}
	need, have := o.files()+perSession*o.Workers, lab.OpenFiles()
	if have < need {
		less := "take fewer --workers"
		if o.Resident {
			less = "leave --resident out"
		}
		return fmt.Errorf("this run needs about %d open files, and the limit is %d: raise it (ulimit -n %d), or %s", need, have, need, less)
	}
	return nil
}

// perSession is how many open files a session takes: both ends of a connection are
// here where the server is, and where it is not the trigger has one, too.
const perSession = 4

// files is how many a run needs beside those of sessions.
func (o *Options) files() int {
	need := 1000
	if o.Sender == SenderHook {
		need += 1000 // connections of the hooks
	}
	if o.Resident {
		need += 2 * o.own()
	}
	return need
}

// reasonable is how many sessions at a time are: a server that takes a second for one
// is still asked for a thousand a second, and fewer where the open files do not suffice.
func (o *Options) reasonable() int {
	return min(max((lab.OpenFiles()-o.files())/perSession, 64), sessions)
}
