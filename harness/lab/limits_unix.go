//go:build unix

package lab

import (
	"math"
	"syscall"
)

// OpenFiles is how many files and sockets this process may open; math.MaxInt if
// unknown. Go raised the soft limit to the hard one when the process started.
func OpenFiles() int {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil || lim.Cur > math.MaxInt {
		return math.MaxInt
	}
	return int(lim.Cur)
}
