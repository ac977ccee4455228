package scenarios

import (
	"net"
	"sync/atomic"
)

// trap is a listener that nobody should connect to.
type trap struct {
	addr string
	n    atomic.Int64
}

func (p *trap) caught() int64 { return p.n.Load() }

// trap sets one until the scenario ends.
func (t *T) trap() *trap {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.NotApplicable("no trap could be set: %v", err)
	}
	t.after(func() { ln.Close() })
	p := &trap{addr: ln.Addr().String()}
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
