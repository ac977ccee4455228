package boltfile

import (
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// lock is bbolt's own lock of a file. Closing the file releases it.
func lock(f *os.File) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_FAIL_IMMEDIATELY|windows.LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0,
		&windows.Overlapped{Offset: math.MaxUint32, OffsetHigh: math.MaxUint32})
}
