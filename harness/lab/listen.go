package lab

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
)

// Listen opens a TCP listener; its errors say what to do.
func Listen(what, addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s: %s is in use by another program; stop it or choose another port", what, addr)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s: this user may not listen on %s; run as root or choose a port over 1023", what, addr)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return ln, nil
}

// listeners are the configured listeners by purpose. close closes the ones that
// were not taken.
type listeners map[string]net.Listener

// listenAll opens a listener for each non-empty address. One error lists all
// failures, one per line, so that the user can fix all ports at once.
func listenAll(want [][2]string) (listeners, error) {
	open := listeners{}
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
			if earlier[1] == addr && open[earlier[0]] != nil {
				text = fmt.Sprintf("%s: %s is also the address of %s; choose another port for one of them", what, addr, earlier[0])
			}
		}
		wrong = append(wrong, text)
	}
	if wrong != nil {
		open.close()
		return nil, errors.New(strings.Join(wrong, "\n"))
	}
	return open, nil
}

// take hands a listener over to its server; nil if none was configured.
func (o listeners) take(what string) net.Listener {
	ln := o[what]
	delete(o, what)
	return ln
}

func (o listeners) close() {
	for _, ln := range o {
		ln.Close()
	}
}
