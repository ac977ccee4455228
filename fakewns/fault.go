package fakewns

import (
	"crypto/tls"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Fault is something the service does wrong, or a limit it enforces, for a
// while: which requests it concerns, and what happens to them. Zero fields do
// not apply.
type Fault struct {
	Name string // shown in the journal

	// Which requests.
	On          Kind    // Token, Notification or Handshake
	App         string  // PFN of the only app it concerns
	Channel     string  // URI or id of the only channel
	Device      string  // the only device
	Header      string  // "X-WNS-Type: wns/toast": only with this header; without a value, whatever it is
	Times       int     // how often it happens; 0 until it is removed
	Probability float64 // of happening to a request that matches, 0 means always
	From, Until time.Time

	// What happens.
	Status        int    // answered in place of 200
	RetryAfter    string // the header, in seconds or as a date
	WNSStatus     string // X-WNS-Status in place of "received": dropped, channelthrottled
	Lose          bool   // never deliver what was accepted
	TokenLifetime time.Duration
	Delay         time.Duration // before the answer
	For           time.Duration // how long it lasts from Inject on, where Until is zero

	// Do is what the fields above cannot say; package faults has one for each
	// thing that was seen or must be survived.
	Do Action
}

// Action is one kind of misbehaviour. What it does it says by the interfaces
// below.
type Action interface {
	// Fault describes it in a few words.
	Fault() string
}

// Reply is an answer before it is sent.
type Reply struct {
	Status int
	Body   []byte
}

// Answerer changes the answer of a request.
type Answerer interface {
	Answer(h http.Header, r *Reply)
}

// Deliverer delivers an accepted notification in its own way; wake may be
// called any number of times, now or later.
type Deliverer interface {
	Deliver(wake func())
}

// Handshaker gives the certificate of a TLS handshake; leaf makes one of a
// name.
type Handshaker interface {
	Certificate(hello *tls.ClientHelloInfo, leaf func(name string) (*tls.Certificate, error)) (*tls.Certificate, error)
}

// Sender changes the headers of an answer or sends it in its own way; false leaves it to the service.
type Sender interface {
	Send(w http.ResponseWriter, r *http.Request, reply *Reply) bool
}

// faultStore holds the faults under way. The common case of none costs one
// atomic load.
type faultStore struct {
	any  atomic.Bool
	mu   sync.Mutex
	rand *rand.Rand
	list []*liveFault
}

type liveFault struct {
	Fault
	id   uint64
	left int // -1: no bound
	hits int
}

// Inject adds a fault and returns what takes it away again. Where several
// match a request, the oldest one applies.
func (s *Server) Inject(f Fault) (remove func()) {
	id := s.InjectID(f)
	return func() { s.RemoveFault(id) }
}

// InjectID adds a fault and returns the id that RemoveFault takes.
func (s *Server) InjectID(f Fault) uint64 {
	if f.For > 0 && f.Until.IsZero() {
		f.Until = s.Now().Add(f.For)
	}
	l := &liveFault{Fault: f, left: f.Times, id: s.msgID.Add(1)}
	if f.Times <= 0 {
		l.left = -1
	}
	st := &s.faults
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.rand == nil {
		st.rand = rand.New(rand.NewPCG(s.cfg.Seed, 0x666c74)) //nolint:gosec // draws of a simulator, reproducible by seed
	}
	st.list = append(st.list, l)
	st.any.Store(true)
	return l.id
}

// RemoveFault takes the fault away that Faults shows under that id; false if
// there is none.
func (s *Server) RemoveFault(id uint64) bool {
	st := &s.faults
	st.mu.Lock()
	defer st.mu.Unlock()
	n := len(st.list)
	st.list = slices.DeleteFunc(st.list, func(x *liveFault) bool { return x.id == id })
	st.any.Store(len(st.list) > 0)
	return len(st.list) < n
}

// ActiveFault is a fault under way.
type ActiveFault struct {
	ID   uint64
	Hits int
	Fault
}

// Faults are the faults under way, oldest first.
func (s *Server) Faults() (out []ActiveFault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	for _, l := range s.faults.list {
		out = append(out, ActiveFault{l.id, l.hits, l.Fault})
	}
	return out
}

// match gives the fault for a request, nil if there is none, and counts it.
func (st *faultStore) match(s *Server, e *Entry) *Fault {
	if !st.any.Load() {
		return nil
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, l := range st.list {
		if l.left == 0 || !l.concerns(s, e) || l.Probability > 0 && st.rand.Float64() >= l.Probability {
			continue
		}
		if l.left > 0 {
			l.left--
		}
		l.hits++
		f := l.Fault
		return &f
	}
	return nil
}

func (f *Fault) concerns(s *Server, e *Entry) bool {
	if f.On != e.Kind || f.Channel != "" && f.Channel != e.Channel && f.Channel != e.channelID || f.Device != "" && f.Device != e.Device ||
		!f.From.IsZero() && e.At.Before(f.From) || !f.Until.IsZero() && !e.At.Before(f.Until) {
		return false
	}
	if f.App != "" {
		app := e.App
		if e.Kind == Token {
			id := e.Form.Get("client_id")
			if a := s.app(func(a *App) bool { return a.PackageSID == id || a.ClientID != "" && a.ClientID == id }); a != nil {
				app = a.PFN
			}
		}
		if !strings.EqualFold(app, f.App) {
			return false
		}
	}
	if f.Header != "" {
		name, value, _ := strings.Cut(f.Header, ":")
		got, present := e.Header[http.CanonicalHeaderKey(strings.TrimSpace(name))]
		if value = strings.TrimSpace(value); !present || value != "" && !slices.Contains(got, value) {
			return false
		}
	}
	return true
}
