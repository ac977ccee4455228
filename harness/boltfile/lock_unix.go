//go:build unix

package boltfile

import (
	"os"
	"syscall"
)

// lock is bbolt's own lock of a file. Closing the file releases it.
func lock(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}
