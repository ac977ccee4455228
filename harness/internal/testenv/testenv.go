// Package testenv gives tests what they take from the machine: addresses for
// processes that are told where to listen.
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

// The ports that Addr chooses from: above those of well-known services, below
// those from which Linux (from 32768) and others (from 49152, RFC 6335 section
// 6) take the local end of a connection. A port of that upper range, found free
// now, may be that of a connection once another process listens at it.
const lowest, highest = 10000, 32000

var given struct {
	sync.Mutex
	ports map[int]bool
}

// Addr is a loopback address at which nobody listens, and that no connection
// and no listener at port 0 will be given. It is not given twice.
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

// firstEphemeral is where this machine's range for local ends begins; 0 where it
// does not say (ip-sysctl of the Linux kernel, ip_local_port_range).
func firstEphemeral() int {
	raw, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(raw), "\t")
	n, _ := strconv.Atoi(first)
	return n
}
