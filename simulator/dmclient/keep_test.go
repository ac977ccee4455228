package dmclient_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
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

// TestConnections: an enrollment closes its connections. With a hundred
// thousand devices, no connection may linger.
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

// TestLeft: a request has left once it is on a connection, whose TLS handshake was
// before that; the next one has the same connection.
func TestLeft(t *testing.T) {
	r := newRig(t, nil)
	var answered gosync.Pointer[time.Time] // when the server's side of the last handshake began to come
	d := r.enrolled(func(c *dmclient.Config) {
		c.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			return &greeted{Conn: conn, at: &answered}, err
		}
	})
	d.Disconnect()
	s := r.sync(d)
	first, second := s.Exchanges[0], s.Exchanges[1]
	hello := answered.Load().Sub(first.At)
	if hello <= 0 || first.Left < hello || first.Left >= first.Duration {
		t.Errorf("the request left after %s, the handshake was answered after %s, and the reply came after %s", first.Left, hello, first.Duration)
	}
	if second.Left <= 0 || second.Left >= second.Duration || answered.Load().After(second.At) {
		t.Errorf("on a kept connection the request left after %s of %s", second.Left, second.Duration)
	}
}

// greeted notes when the first bytes came.
type greeted struct {
	net.Conn
	at   *gosync.Pointer[time.Time]
	once sync.Once
}

func (g *greeted) Read(b []byte) (int, error) {
	n, err := g.Conn.Read(b)
	g.once.Do(func() {
		now := time.Now()
		g.at.Store(&now)
	})
	return n, err
}

// TestTimeout: a session with a silent server ends in time, and the error says
// how long the device waited, or that the caller's context ended.
func TestTimeout(t *testing.T) {
	r := newRig(t, nil)
	first := r.enrolled(nil)
	cert := first.Certificate()
	d := r.device(func(c *dmclient.Config) { c.Timeout = 100 * time.Millisecond })
	if err := d.AdoptTLS(first.Address(), first.Provider(), *cert); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	r.intercept = func(http.ResponseWriter, *http.Request) bool {
		<-over
		return true
	}
	defer close(over)
	s, err := d.Sync(r.ctx(), dmclient.SyncOptions{})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no reply within 100ms") || len(s.Exchanges) != 1 || s.Exchanges[0].Status != 0 {
		t.Errorf("%v, %d requests", err, len(s.Exchanges))
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Sync(ended, dmclient.SyncOptions{}); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "within") {
		t.Error(err)
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
