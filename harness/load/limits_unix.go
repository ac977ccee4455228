//go:build unix

package load

import (
	"fmt"
	"os"
	"syscall"
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
