//go:build unix

package load

import (
	"fmt"
	"syscall"
)

// enoughFiles raises the limit of open files as far as this run needs, or says
// what to do. Go has raised the soft limit to the hard one already.
func enoughFiles(o *Options) error {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return nil //nolint:nilerr // what cannot be asked for is tried
	}
	// Both ends of a connection are here where the server is; a session has one,
	// as has a trigger, and a resident device keeps its own.
	need := 4*o.Workers + 1000
	if o.Resident {
		need += 2 * o.own()
	}
	if lim.Cur < uint64(need) { //nolint:gosec // it is a positive number
		return fmt.Errorf("this run needs about %d open files, and the limit is %d: raise it (ulimit -n %d), or leave --resident out", need, lim.Cur, need)
	}
	return nil
}
