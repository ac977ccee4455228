//go:build unix

package cli

import (
	"net"
	"sync"
	"syscall"
)

var masked sync.Mutex

// listenPrivate makes a socket of mode 0600. It has that mode from the start: nobody
// can connect before it is changed.
func listenPrivate(path string) (net.Listener, error) {
	masked.Lock()
	defer masked.Unlock()
	before := syscall.Umask(0o177)
	defer syscall.Umask(before)
	return net.Listen("unix", path)
}
