package link

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// connect opens a connection and says hello.
func (c *Client) connect(ctx context.Context) (*websocket.Conn, error) {
	header := http.Header{}
	if c.opts.Token != "" {
		header.Set("Authorization", "Bearer "+c.opts.Token)
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	ws, resp, err := websocket.Dial(ctx, c.url, &websocket.DialOptions{HTTPClient: c.opts.HTTP, HTTPHeader: header, Subprotocols: []string{Subprotocol}}) //nolint:bodyclose // by the library
	if err != nil {
		if resp != nil && resp.StatusCode == http.StatusUnauthorized {
			return nil, errors.New("link: the token of the control API is missing or wrong")
		}
		return nil, fmt.Errorf("link: %w", err)
	}
	ws.SetReadLimit(maxFrame)
	c.mu.Lock()
	h := hello{c.session, c.got}
	c.mu.Unlock()
	var f down
	if err = writeFrame(ctx, ws, up{Hello: &h}); err == nil {
		err = readFrame(ctx, ws, &f)
	}
	if err == nil && f.Welcome == nil {
		err = errors.New("the first frame is not a welcome")
	}
	if err != nil {
		ws.CloseNow() //nolint:errcheck // of no use any more
		return nil, fmt.Errorf("link: %w", err)
	}
	c.welcomed(*f.Welcome, h.Session != "")
	return ws, nil
}

// welcomed starts a connection. It repeats unanswered requests, and attaches
// the channels again if the service no longer knows the link.
func (c *Client) welcomed(w welcome, again bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.Resumed {
		c.resumes++
	} else {
		c.session, c.got, c.acked = w.Session, 0, 0
	}
	for _, p := range c.pending {
		p.sent = false
	}
	if again && !w.Resumed {
		for uri := range c.channels {
			p := c.add(up{Attach: uri})
			go c.attached(uri, p)
		}
	}
	c.poke()
}

func (c *Client) attached(uri string, p *call) {
	select {
	case r := <-p.done:
		if r.OK {
			return
		}
	case <-c.ctx.Done():
		return
	}
	c.mu.Lock()
	delete(c.channels, uri)
	c.mu.Unlock()
	if c.opts.Lost != nil {
		c.opts.Lost(uri)
	}
}

// run keeps the link up until Close.
func (c *Client) run(ws *websocket.Conn) {
	defer close(c.done)
	wait := firstWait
	for {
		if ws != nil {
			wait = firstWait
			c.serve(ws)
		}
		if c.ctx.Err() != nil {
			return
		}
		t := time.NewTimer(wait/2 + mathrand.N(wait)) //nolint:gosec // spreads the return of many
		select {
		case <-t.C:
		case <-c.ctx.Done():
			t.Stop()
			return
		}
		wait = min(2*wait, lastWait)
		var err error
		if ws, err = c.connect(c.ctx); err != nil {
			c.opts.Log.Info("link is down", "err", err)
			ws = nil
		}
	}
}

// serve reads and writes until the connection breaks.
func (c *Client) serve(ws *websocket.Conn) {
	defer ws.CloseNow() //nolint:errcheck // it is broken already
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	c.mu.Lock()
	c.ws, c.cut = ws, cancel
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.ws, c.cut = nil, nil
		c.mu.Unlock()
	}()
	var both sync.WaitGroup
	defer both.Wait()
	both.Go(func() { keepAlive(ctx, ws, cancel) })
	both.Go(func() {
		defer cancel()
		c.write(ctx, ws)
	})
	defer cancel()
	for {
		var f down
		if readFrame(ctx, ws, &f) != nil {
			return
		}
		switch {
		case f.Notify != nil:
			c.notified(*f.Notify)
		case f.Reply != nil:
			c.mu.Lock()
			p := c.pending[f.Reply.ID]
			delete(c.pending, f.Reply.ID)
			c.mu.Unlock()
			if p != nil {
				p.done <- *f.Reply
			}
		}
	}
}

func (c *Client) notified(n notify) {
	c.mu.Lock()
	if n.N <= c.got {
		c.mu.Unlock()
		return // a duplicate after a resume
	}
	c.got = n.N
	if c.seen.before(n) {
		c.poke()
		c.mu.Unlock()
		return // the service did not get the acknowledgement
	}
	wake, known := c.channels[n.Channel]
	switch {
	case known:
	case len(c.early) < maxEarly:
		c.early = append(c.early, n)
	default:
		c.opts.Log.Warn("a notification for an unknown channel is dropped: too many came before their channels")
	}
	c.poke()
	c.mu.Unlock()
	if wake != nil {
		wake(n.Payload)
	}
}

// maxEarly bounds the notifications kept for unknown channels: the reply is
// still in transit, or the channel was just closed.
const maxEarly = 1 << 14

// write sends requests, notes and acknowledgements; one acknowledgement covers
// many notifications.
func (c *Client) write(ctx context.Context, ws *websocket.Conn) {
	for {
		c.mu.Lock()
		var frames []up
		for _, p := range c.pending {
			if !p.sent {
				p.sent = true
				frames = append(frames, p.frame)
			}
		}
		// In order: the later of two states of a device wins.
		slices.SortFunc(frames, func(a, b up) int { return cmp.Compare(a.ID, b.ID) })
		frames = append(frames, c.notes...)
		c.notes = nil
		if c.got > c.acked {
			c.acked = c.got
			frames = append(frames, up{Ack: c.got})
		}
		c.mu.Unlock()
		for _, f := range frames {
			if writeFrame(ctx, ws, f) != nil {
				return
			}
		}
		if len(frames) > 0 {
			continue
		}
		select {
		case <-c.wake:
		case <-ctx.Done():
			return
		}
	}
}
