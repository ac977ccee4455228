package devices

import (
	"strings"
	"sync"
	"time"

	"github.com/dmwake/dmwake/harness/redact"
)

// Kind is what an Event tells.
type Kind string

// The kinds of events.
const (
	Created      Kind = "created"
	Changed      Kind = "changed" // by Set or in its tree
	Enrolled     Kind = "enrolled"
	NotEnrolled  Kind = "enrollment failed"
	Notification Kind = "notification"
	Began        Kind = "session began"
	Executed     Kind = "command"
	Ended        Kind = "session"
	Effected     Kind = "effect"
	Entered      Kind = "state"
	Removed      Kind = "removed"
)

// Event is something that happened to a device.
type Event struct {
	Seq       uint64    `json:"seq"`
	At        time.Time `json:"at"` // on the machine's clock
	Kind      Kind      `json:"kind"`
	Device    string    `json:"device"`
	Name      string    `json:"name"`
	Namespace string    `json:"namespace"`
	// Session is the number of the session, of which Origin says why it began.
	Session int    `json:"session,omitempty"`
	Origin  string `json:"origin,omitempty"`
	// Of a command.
	Verb   string `json:"verb,omitempty"`
	LocURI string `json:"locURI,omitempty"`
	Data   string `json:"data,omitempty"`
	Code   int    `json:"code,omitempty"`
	Result string `json:"result,omitempty"`
	// State is what the device is now.
	State string `json:"state,omitempty"`
	// Effect is the kind of an effect.
	Effect string `json:"effect,omitempty"`
	// Text is the end of a session, the detail of an effect, why a push started no
	// session, what changed, or an error.
	Text string `json:"text,omitempty"`
	// Failed says that Text is an error, or that a push started no session.
	Failed bool `json:"failed,omitempty"`
}

// Redacted is the event without secrets.
func (e Event) Redacted() Event {
	e.Data, e.Result, e.Text = redact.Value(e.LocURI, e.Data), redact.Value(e.LocURI, e.Result), redact.Text(e.Text)
	e.LocURI = redact.Text(e.LocURI)
	return e
}

const (
	keptEvents  = 1 << 16
	longestText = 1024 // of what an event tells, in bytes
)

// cutText bounds a text of an event.
func cutText(s string) string {
	if len(s) <= longestText {
		return s
	}
	return strings.ToValidUTF8(s[:longestText], "") + "..."
}

// events are the latest events of all devices, with consecutive numbers from 1.
type events struct {
	mu       sync.Mutex
	ring     []*Event
	next     uint64 // the Seq of the next event
	watchers map[*watcher]struct{}
}

// watcher is told of events: of one device, or of all.
type watcher struct {
	device string
	signal chan struct{} // capacity 1
}

func newEvents() *events {
	return &events{ring: make([]*Event, 0, 64), next: 1, watchers: map[*watcher]struct{}{}}
}

// add takes in an event and numbers it.
func (l *events) add(e Event) {
	e.At = time.Now()
	e.Data, e.Result, e.Text = cutText(e.Data), cutText(e.Result), cutText(e.Text)
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Seq = l.next
	if l.next++; len(l.ring) < keptEvents {
		l.ring = append(l.ring, &e)
	} else {
		l.ring[(e.Seq-1)%keptEvents] = &e
	}
	for w := range l.watchers {
		if w.device == "" || w.device == e.Device {
			select {
			case w.signal <- struct{}{}:
			default:
			}
		}
	}
}

// mark is the number of the newest event.
func (l *events) mark() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next - 1
}

// since gives the events after a mark, oldest first; nil keeps all. lost is how many of
// them are no longer there.
func (l *events) since(mark uint64, want func(*Event) bool) (out []*Event, lost uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := l.next - uint64(len(l.ring))
	from := mark + 1
	if from < first {
		lost, from = first-from, first
	}
	for seq := from; seq < l.next; seq++ {
		if e := l.ring[(seq-1)%keptEvents]; want == nil || want(e) {
			out = append(out, e)
		}
	}
	return out, lost
}

// watch signals events of a device, or of all if it is empty, until stop.
func (l *events) watch(device string) (signal <-chan struct{}, stop func()) {
	w := &watcher{device, make(chan struct{}, 1)}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watchers[w] = struct{}{}
	return w.signal, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.watchers, w)
	}
}
