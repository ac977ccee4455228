package dmclient_test

import (
	"context"
	"net"
	"runtime"
	gosync "sync/atomic"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// TestKeep: a device remembers as many sessions as it is told, the last ones, and
// counts them all.
func TestKeep(t *testing.T) {
	r := newRig(t, nil)
	d := r.enrolled(func(c *dmclient.Config) { c.Keep = 2 })
	before := d.SessionCount()
	for range 5 {
		r.sync(d)
	}
	if n := len(d.Sessions()); n != 2 || d.SessionCount() != before+5 || len(d.EnrollExchanges()) > 2 {
		t.Errorf("%d sessions are remembered of %d, %d requests of the enrollment", n, d.SessionCount(), len(d.EnrollExchanges()))
	}
}

// TestConnections: an enrollment closes its connections when it is done; a
// hundred thousand of them have no place for those that would linger.
func TestConnections(t *testing.T) {
	r := newRig(t, nil)
	var opened, open gosync.Int64
	d := r.device(func(c *dmclient.Config) {
		c.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			opened.Add(1)
			open.Add(1)
			return &counted{conn, &open}, nil
		}
	})
	if err := d.Enroll(r.ctx(), dmclient.EnrollOptions{}); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); open.Load() > 0 && time.Now().Before(end); {
		runtime.Gosched() // a connection that is on its way back is closed by its own goroutine
	}
	if opened.Load() == 0 || open.Load() != 0 {
		t.Errorf("of %d connections of the enrollment %d are open", opened.Load(), open.Load())
	}
	r.sync(d)
	if open.Load() != 1 {
		t.Errorf("%d connections are open after a session, want the one that is kept", open.Load())
	}
}

// counted is a connection that is open until it is closed.
type counted struct {
	net.Conn
	open *gosync.Int64
}

func (c *counted) Close() error {
	if err := c.Conn.Close(); err != nil {
		return err
	}
	c.open.Add(-1)
	return nil
}
