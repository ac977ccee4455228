// Package testenv gives tests free addresses, for processes that need to be
// told where to listen.
package testenv

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// The ports that Addr chooses from: above well-known services, below the
// ephemeral ports of Linux (from 32768) and others (from 49152, RFC 6335
// section 6). A free ephemeral port may become the local end of a connection
// before the process listens.
const lowest, highest = 10000, 32000

var given struct {
	sync.Mutex
	ports map[int]bool
}

// Addr returns a free loopback address, outside the ephemeral ports, and never
// the same one twice.
func Addr(t testing.TB) string {
	t.Helper()
	top := highest
	if first := firstEphemeral(); first > lowest+1000 && first < top {
		top = first
	}
	given.Lock()
	defer given.Unlock()
	if given.ports == nil {
		given.ports = map[int]bool{}
	}
	for range 1000 {
		port := lowest + rand.IntN(top-lowest) //nolint:gosec // no secret: spread over the range
		if given.ports[port] {
			continue
		}
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		ln.Close()
		given.ports[port] = true
		return addr
	}
	t.Fatalf("no free port from %d to %d", lowest, top)
	return ""
}

// firstEphemeral is the first ephemeral port of this machine; 0 if unknown
// (ip-sysctl of the Linux kernel, ip_local_port_range).
func firstEphemeral() int {
	raw, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(raw), "\t")
	n, _ := strconv.Atoi(first)
	return n
}
