package lab

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/dmwake/dmwake/harness/target"
)

// Address is an address to listen on. "auto" is a free port on loopback, "HOST:auto"
// a free port of that host.
func Address(addr string) string {
	if addr == target.AutoPort {
		return "127.0.0.1:0"
	}
	if host, ok := strings.CutSuffix(addr, ":"+target.AutoPort); ok {
		return host + ":0"
	}
	return addr
}

// Listen opens a TCP listener at an address as Address reads it; its errors say
// what to do.
func Listen(what, addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", Address(addr))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: %s is in use by another program; stop it, or choose another port or auto", what, addr)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s: this user may not listen on %s; run as root or choose a port over 1023", what, addr)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s: this machine does not have the address of %s; choose one that it has, such as 127.0.0.1", what, addr)
	case err != nil:
		return nil, fmt.Errorf("%s: %q is no address; write HOST:PORT with a port up to 65535, such as 127.0.0.1:7443, or auto", what, addr)
	}
	return ln, nil
}

// Listeners are open listeners by purpose. Close closes the ones that were not
// taken.
type Listeners map[string]net.Listener

// ListenAll opens a listener for each pair of a purpose and a non-empty address. One
// error lists all failures, one per line, so that the user can fix all ports at once.
func ListenAll(want ...[2]string) (Listeners, error) {
	open := Listeners{}
	var wrong []string
	for i, w := range want {
		what, addr := w[0], w[1]
		if addr == "" {
			continue
		}
		ln, err := Listen(what, addr)
		if err == nil {
			open[what] = ln
			continue
		}
		text := err.Error()
		for _, earlier := range want[:i] {
			if earlier[1] == addr {
				text = fmt.Sprintf("%s: %s is also the address of %s; choose another port or auto for one of them", what, addr, earlier[0])
				break
			}
		}
		wrong = append(wrong, text)
	}
	if wrong != nil {
		open.Close()
		return nil, errors.New(strings.Join(wrong, "\n"))
	}
	return open, nil
}

// Take hands a listener over to its server; nil if none was configured.
func (o Listeners) Take(what string) net.Listener {
	ln := o[what]
	delete(o, what)
	return ln
}

// Close closes what was not taken.
func (o Listeners) Close() {
	for _, ln := range o {
		ln.Close()
	}
}
