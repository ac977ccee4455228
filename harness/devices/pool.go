// Package devices holds the simulated devices of a lab: they answer pushes and poll by
// their own plan, and tests create them, change them, look at them and wait for what
// happens to them. Package devices/api serves a Pool over HTTP.
//
// A device that does nothing has no goroutine, timer or socket.
package devices

import (
	"context"
	"log/slog"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/fleet"
)

// Config of a Pool.
type Config struct {
	// Base is what all devices have in common; it is asked for each new device.
	Base func() (dmclient.Config, error)
	// Tokens gives the tokens of the lab's directory: of a kind, for a user. Nil: there
	// is no directory.
	Tokens func(kind, user string) (func(context.Context, dmclient.TokenRequest) (string, error), error)
	// Default has the profile and the quirks of devices that name none.
	Default Spec
	// Image changes a drawn identity; nil leaves it.
	Image func(*dmclient.Identity)
	// AfterEnroll is called after an enrollment, and AfterSession after each session. An
	// error is that of a hook; the device stays enrolled. Nil calls nothing.
	AfterEnroll  func(context.Context, *dmclient.Device) error
	AfterSession func(context.Context, *dmclient.Device, *dmclient.Session) error
	// Release lets the push service forget the channels of a device that is removed.
	Release func(deviceID string)
	// Attach lets the push service send the pushes of a channel that it still has to
	// wake, for a device of Store; it is false if it does not have the channel.
	Attach func(uri string, wake func(payload []byte)) bool
	// Store keeps the devices over a restart; nil: they end with the pool. New loads its
	// devices, and Close leaves it open.
	Store *fleet.Store
	Seed  uint64 // of identities; 0 draws one
	Max   int    // devices; default MaxDevices
	Bytes int    // of remembered sessions; default KeptBytes
	Log   *slog.Logger
}

// Bounds of a Pool.
const (
	// MaxDevices is how many devices a pool holds.
	MaxDevices = 10_000
	// KeptSessions is how many sessions of a device it remembers, and KeptBytes how many
	// bytes all remembered sessions may take together; the oldest of all go first.
	KeptSessions = 16
	KeptBytes    = 256 << 20
	// workers is how many sessions run at once by push and by plan.
	workers = 512
)

// Pool is a number of devices. Close it.
type Pool struct {
	cfg    Config
	events *events
	crew   *fleet.Crew
	ctx    context.Context //nolint:containedctx // the life of the devices, ended by Close
	stop   context.CancelFunc
	wg     sync.WaitGroup
	moved  chan struct{} // capacity 1: the plan's head changed
	kept   transcripts
	unkept unkept

	mu     sync.Mutex
	draw   *mathrand.Rand
	slots  map[int]*slot
	byID   map[string]*slot // by upper-case DeviceID
	next   int
	plan   plan
	spaces map[string]string // namespaces of removed devices, see Namespace
}

// New makes an empty pool whose devices run.
func New(cfg Config) *Pool {
	if cfg.Max <= 0 {
		cfg.Max = MaxDevices
	}
	if cfg.Bytes <= 0 {
		cfg.Bytes = KeptBytes
	}
	if cfg.Seed == 0 {
		cfg.Seed = mathrand.Uint64()>>1 | 1 //nolint:gosec // identities of simulated devices
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	p := &Pool{cfg: cfg, events: newEvents(), crew: fleet.NewCrew(workers), moved: make(chan struct{}, 1), slots: map[int]*slot{}, byID: map[string]*slot{},
		spaces: map[string]string{}, kept: transcripts{most: cfg.Bytes}, draw: mathrand.New(mathrand.NewPCG(cfg.Seed, 3))} //nolint:gosec // as above
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.restore()
	p.wg.Go(func() { p.crew.Run(p.ctx, p.attend) })
	p.wg.Go(p.schedule)
	return p
}

// Close ends what the devices do. They stay enrolled at their servers.
func (p *Pool) Close() {
	p.stop()
	p.wg.Wait()
	for _, s := range p.all() {
		s.dev.Disconnect()
		p.keep(s) //nolint:errcheck // what a server relies on is stored already
	}
}

// slot is a device of the pool.
type slot struct {
	i       int
	id      string // DeviceID
	created time.Time
	spec    Spec // as it was created, with its secrets, and with server and user
	dev     *dmclient.Device
	clock   *clock
	ctx     context.Context //nolint:containedctx // the life of the device, ended by its removal
	stop    context.CancelFunc

	mu      sync.Mutex
	labels  map[string]string
	faults  []string
	problem string
	woken   int            // pushes that reached it
	state   dmclient.State // as the last event told
	gone    bool
	// anew says that its channel is lost: it registers its PFN anew.
	anew bool

	// mark is the newest event when the last call that changed the device began, and own
	// the session which that call ran. answered has for each question of Wait the event
	// that answered it last.
	mark     uint64
	own      int // 0: none
	answered map[string]uint64

	// Of the session under way, and of those that were told.
	current  *dmclient.Session
	told     int // commands of current that were told
	finished int // the last session whose end was told

	telling sync.Mutex // held while events of sessions are told, which keeps their order

	due    int64 // in the plan, Unix milliseconds of the machine; 0: not planned
	queued bool  // the crew has it
}

func (p *Pool) all() []*slot {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]*slot, 0, len(p.slots))
	for _, s := range p.slots {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *slot) int { return a.i - b.i })
	return out
}

// find is the device with that DeviceID, or with that name if only one has it.
func (p *Pool) find(id string) (*slot, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.byID[strings.ToUpper(id)]; s != nil {
		return s, nil
	}
	var found []*slot
	for _, s := range p.slots {
		if strings.EqualFold(s.dev.Identity().Name, id) {
			found = append(found, s)
		}
	}
	switch len(found) {
	case 0:
		return nil, fail(Unknown, "no device %q; GET /v1/devices lists them", id)
	case 1:
		return found[0], nil
	}
	return nil, fail(Conflict, "%d devices have the name %q; use the DeviceID", len(found), id)
}

// List gives the devices that the filter selects, in the order of their creation.
func (p *Pool) List(f Filter) []Device {
	out := []Device{}
	for _, s := range p.all() {
		if d := p.view(s, false); f.takes(&d) {
			out = append(out, d)
		}
	}
	return out
}

// Device gives the device of that DeviceID or name; reveal shows its channel's token.
func (p *Pool) Device(id string, reveal bool) (Device, error) {
	s, err := p.find(id)
	if err != nil {
		return Device{}, err
	}
	return p.view(s, reveal), nil
}

func (f *Filter) takes(d *Device) bool {
	if f.Namespace != "" && f.Namespace != d.Namespace || f.State != "" && f.State != d.State {
		return false
	}
	for k, v := range f.Labels {
		if got, ok := d.Labels[k]; !ok || got != v {
			return false
		}
	}
	if f.Text == "" {
		return true
	}
	text := []string{d.Name, d.ID, d.Namespace}
	for k, v := range d.Labels {
		text = append(text, k+"="+v)
	}
	return slices.ContainsFunc(text, func(s string) bool { return strings.Contains(strings.ToLower(s), strings.ToLower(f.Text)) })
}

// Mark is the newest event.
func (p *Pool) Mark() uint64 { return p.events.mark() }

// Events gives the events after a mark that want accepts, oldest first; nil accepts all.
// lost is how many events of all are no longer kept.
func (p *Pool) Events(since uint64, want func(*Event) bool) (list []Event, lost uint64) {
	all, lost := p.events.since(since, want)
	for _, e := range all {
		list = append(list, *e)
	}
	return list, lost
}

// Watch calls f for each event after a mark, as they happen, until ctx ends or f fails.
// lost is how many events before it were lost, because f was too slow.
func (p *Pool) Watch(ctx context.Context, since uint64, f func(e Event, lost uint64) error) error {
	signal, stop := p.events.watch("")
	defer stop()
	for {
		list, lost := p.events.since(since, nil)
		for _, e := range list {
			if err := f(*e, lost); err != nil {
				return err
			}
			since, lost = e.Seq, 0
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.ctx.Done():
			return fail(Closed, "the lab ends")
		case <-signal:
		}
	}
}
