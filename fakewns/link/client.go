package link

import (
	"context"
	"fmt"
	"log/slog"
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
	// Lost is called for a channel that the service no longer knows, because it
	// restarted without its state. It must not call the client.
	Lost func(uri string)
	Log  *slog.Logger // nil discards
}

// Client is the devices' side: the WNS client of all devices in a process. It
// reconnects by itself.
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
	seen     seen
	channels map[string]func([]byte)
	pending  map[uint64]*call // not answered yet
	lastID   uint64
	notes    []up
	early    []notify           // for channels whose URI is not known here yet
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

// do sends a request and waits for the reply, across reconnects.
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

// OpenChannel implements dmclient.WNS. If the link is cut before the answer,
// the request is sent again; the service may then keep an unused channel.
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

// Attach takes over a channel that was opened before, perhaps by another
// process; false if the service does not know it or it ended.
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

// maxNotes bounds the messages kept for a link that is down.
const maxNotes = 1 << 16

// Led reports which session a notification led to. It is only for the journal,
// and can get lost if the link is cut.
func (c *Client) Led(device, session string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.notes) < maxNotes {
		c.notes = append(c.notes, up{Led: &led{device, session}})
	}
	c.poke()
}

// SetConnected reports whether a device can be reached.
func (c *Client) SetConnected(device string, connected bool) {
	s := fakewns.Disconnected
	if connected {
		s = fakewns.Connected
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(up{State: &state{device, s}})
}

// Cut breaks the connection, as a bad network does. The client reconnects.
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

// Resumes is how often the link was cut and resumed.
func (c *Client) Resumes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.resumes
}

// Close says goodbye, so that the service forgets the link, and waits for it.
func (c *Client) Close() {
	c.mu.Lock()
	ws, last := c.ws, c.got
	c.mu.Unlock()
	if ws != nil {
		// What came was acknowledged, or the service would keep it.
		writeFrame(c.ctx, ws, up{Ack: last})        //nolint:errcheck // as below
		ws.Close(websocket.StatusNormalClosure, "") //nolint:errcheck // the service forgets the link after a while
	}
	c.cancel()
	<-c.done
}
