//go:build !unix

package cli

import "os"

// alive reports whether a process runs; on Windows only then it is found.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	return p.Release() == nil
}
