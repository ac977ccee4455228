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

// listeners are those that a configuration asks for, by what they are for. Those
// that nobody took are closed by close.
type listeners map[string]net.Listener

// listenAll opens a listener for each address that is not empty. All that cannot
// be opened are told in one error, one a line: who has three ports to change wants
// to know it at once.
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
				text = fmt.Sprintf("%s: %s is the address of %s already; choose another port for one of them", what, addr, earlier[0])
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

// take gives a listener to who serves it; nil where none was asked for.
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
