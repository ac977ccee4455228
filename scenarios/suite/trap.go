package suite

import (
	"net"
	"sync/atomic"
)

// Trap is a listener that nobody should connect to.
type Trap struct {
	Addr string
	n    atomic.Int64
}

// Caught returns how many connections it got.
func (p *Trap) Caught() int64 { return p.n.Load() }

// Trap opens a trap; it closes when the scenario ends.
func (t *T) Trap() *Trap {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Error("no trap could be set: %v", err)
	}
	t.After(func() { ln.Close() })
	p := &Trap{Addr: ln.Addr().String()}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			p.n.Add(1)
			c.Close()
		}
	}()
	return p
}
