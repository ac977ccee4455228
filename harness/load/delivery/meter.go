package delivery

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// meter counts what devices and server send each other.
type meter struct{ requests, bytes, connections atomic.Int64 }

// reading is what a meter has counted at a moment.
type reading struct{ requests, bytes, connections int64 }

func (m *meter) read() reading {
	return reading{m.requests.Load(), m.bytes.Load(), m.connections.Load()}
}

func (m *meter) request() { m.requests.Add(1) }

// conn counts a connection, and what goes through it.
func (m *meter) conn(c net.Conn) net.Conn {
	m.connections.Add(1)
	return &counted{c, m}
}

type counted struct {
	net.Conn
	meter *meter
}

// Read implements net.Conn.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.meter.bytes.Add(int64(n))
	return n, err
}

// Write implements net.Conn.
func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.meter.bytes.Add(int64(n))
	return n, err
}

// moment is a reading that is taken at a time.
type moment struct {
	meter *meter
	once  sync.Once
	done  chan struct{}
	value reading
	timer *time.Timer
}

// at reads the meter at a time.
func (m *meter) at(t time.Time) *moment {
	w := &moment{meter: m, done: make(chan struct{})}
	w.timer = time.AfterFunc(time.Until(t), w.now)
	return w
}

// now reads the meter, unless it was read.
func (w *moment) now() {
	w.once.Do(func() {
		w.value = w.meter.read()
		close(w.done)
	})
}

// wait returns the reading, at the latest when ctx ends.
func (w *moment) wait(ctx context.Context) reading {
	select {
	case <-w.done:
	case <-ctx.Done():
		w.timer.Stop()
		w.now()
		<-w.done
	}
	return w.value
}
