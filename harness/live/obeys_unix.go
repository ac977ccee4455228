//go:build !windows

package live

import "os"

// obeys reports whether a terminal obeys sequences.
func obeys(*os.File) bool { return true }
