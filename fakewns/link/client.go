package link

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/dmwake/dmwake/fakewns"
)

// Options of a client; the zero value works.
type Options struct {
	Token string       // of the control API
	HTTP  *http.Client // to connect with
	// Lost is called for a channel that the service does not know any more,
	// because it was started anew without its state. It must not call the client.
	Lost func(uri string)
	Log  *slog.Logger // nil discards
}

// Client is the devices' side: the WNS client of all devices of a process. It
// connects again by itself where the link is cut.
type Client struct {
	url  string
	opts Options

	ctx    context.Context //nolint:containedctx // the client's life, ended by Close
	cancel context.CancelFunc
	done   chan struct{}

	mu       sync.Mutex
	session  string
	got      uint64 // last notification
	acked    uint64
	channels map[string]func([]byte)
	pending  map[uint64]*call // not answered yet
	lastID   uint64
	notes    []up
	early    []notify           // of channels whose URI is not known here yet
	ws       *websocket.Conn    // the connection there is
	cut      context.CancelFunc // of that
	resumes  int
	wake     chan struct{}
}

type call struct {
	frame up
	sent  bool // on the connection there is
	done  chan reply
}

// Dial connects to the link of a control API, such as
// "http://127.0.0.1:7081". The first connection must succeed.
func Dial(ctx context.Context, controlURL string, opts Options) (*Client, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	c := &Client{url: controlURL + "/v1/link", opts: opts, done: make(chan struct{}), channels: map[string]func([]byte){},
		pending: map[uint64]*call{}, wake: make(chan struct{}, 1)}
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(ctx))
	ws, err := c.connect(ctx)
	if err != nil {
		c.cancel()
		return nil, err
	}
	go c.run(ws)
	return c, nil
}

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
		err = errors.New("the first frame is no welcome")
	}
	if err != nil {
		ws.CloseNow() //nolint:errcheck // of no use any more
		return nil, fmt.Errorf("link: %w", err)
	}
	c.welcomed(*f.Welcome, h.Session != "")
	return ws, nil
}

// welcomed begins a connection: what was not answered is asked again, and
// where the service knows the link no more, the channels are taken up again.
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

// add queues a request; the caller holds the lock.
func (c *Client) add(f up) *call {
	c.lastID++
	f.ID = c.lastID
	p := &call{frame: f, done: make(chan reply, 1)}
	c.pending[f.ID] = p
	c.poke()
	return p
}

func (c *Client) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
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
		return // sent again, though it came
	}
	c.got = n.N
	wake, known := c.channels[n.Channel]
	if !known && len(c.early) < maxEarly {
		c.early = append(c.early, n)
	}
	c.poke()
	c.mu.Unlock()
	if wake != nil {
		wake(n.Payload)
	}
}

// maxEarly bounds what is kept of channels that are not known: one whose reply
// is on its way, or that was closed meanwhile.
const maxEarly = 256

// write sends requests, notes and acknowledgements, many of which are said by
// one.
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
		// In their order: of two states of a device the later one holds.
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

// do asks and waits for the reply, over cuts of the link.
func (c *Client) do(ctx context.Context, f up) (reply, error) {
	c.mu.Lock()
	p := c.add(f)
	c.mu.Unlock()
	select {
	case r := <-p.done:
		return r, nil
	case <-ctx.Done():
	case <-c.ctx.Done():
		ctx = c.ctx
	}
	c.mu.Lock()
	delete(c.pending, p.frame.ID)
	c.mu.Unlock()
	return reply{}, fmt.Errorf("link: %w", ctx.Err())
}

// OpenChannel implements dmclient.WNS. Where the link is cut before the answer
// it is asked again; the service may be left with a channel that nobody uses.
func (c *Client) OpenChannel(ctx context.Context, device, pfn string, wake func(payload []byte)) (uri string, expires time.Time, err error) {
	r, err := c.do(ctx, up{Open: &open{device, pfn}})
	switch {
	case err != nil:
		return "", expires, err
	case r.Reason != "":
		return "", expires, &fakewns.RegistrationError{PFN: pfn, Kind: r.Reason, Text: r.Error}
	case !r.OK:
		return "", expires, fmt.Errorf("link: %s", r.Error)
	}
	c.listen(r.URI, wake)
	return r.URI, r.Expires, nil
}

func (c *Client) listen(uri string, wake func([]byte)) {
	if wake == nil {
		wake = func([]byte) {}
	}
	var due []notify
	c.mu.Lock()
	c.channels[uri] = wake
	c.early = slices.DeleteFunc(c.early, func(n notify) bool {
		if n.Channel == uri {
			due = append(due, n)
		}
		return n.Channel == uri
	})
	c.mu.Unlock()
	for _, n := range due {
		wake(n.Payload)
	}
}

// Attach takes up a channel that was opened before, perhaps by another
// process; false where the service does not know it or it is over.
func (c *Client) Attach(ctx context.Context, uri string, wake func(payload []byte)) (bool, error) {
	c.listen(uri, wake)
	r, err := c.do(ctx, up{Attach: uri})
	if err != nil || !r.OK {
		c.mu.Lock()
		delete(c.channels, uri)
		c.mu.Unlock()
	}
	return r.OK, err
}

// CloseChannel implements dmclient.WNS.
func (c *Client) CloseChannel(uri string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.channels, uri)
	c.add(up{Close: uri})
}

// maxNotes bounds what is kept to be said once the link is up again.
const maxNotes = 1 << 16

// Led tells the service which session of a device a notification led to. It is
// for the journal only, and lost where the link is cut just then.
func (c *Client) Led(device, session string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.notes) < maxNotes {
		c.notes = append(c.notes, up{Led: &led{device, session}})
	}
	c.poke()
}

// SetConnected tells the service whether a device can be reached.
func (c *Client) SetConnected(device string, connected bool) {
	s := fakewns.Disconnected
	if connected {
		s = fakewns.Connected
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(up{State: &state{device, s}})
}

// Cut breaks the connection, as a bad network does, if there is one; the client
// connects again.
func (c *Client) Cut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut == nil {
		return false
	}
	c.cut()
	c.cut = nil
	return true
}

// Resumes is how often the link was cut and went on.
func (c *Client) Resumes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.resumes
}

// Close says goodbye, so that the service forgets the link, and waits for it.
func (c *Client) Close() {
	c.mu.Lock()
	ws := c.ws
	c.mu.Unlock()
	if ws != nil {
		ws.Close(websocket.StatusNormalClosure, "") //nolint:errcheck // the service forgets the link after a while
	}
	c.cancel()
	<-c.done
}
