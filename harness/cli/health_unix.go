//go:build unix

package cli

import (
	"errors"
	"syscall"
)

// alive reports whether a process runs (kill(2): signal 0 checks without sending one).
func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return pid > 0 && (err == nil || errors.Is(err, syscall.EPERM))
}
