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

// Fault is an error or a limit of the service: which requests it affects, and
// what happens to them. Zero fields do not apply.
type Fault struct {
	Name string // shown in the journal

	// Which requests.
	On          Kind    // Token, Notification or Handshake
	App         string  // only this app: its PFN
	Channel     string  // only this channel: its URI or id
	Device      string  // the only device
	Namespace   string  // only devices of this namespace, see Server.SetNamespaces
	Header      string  // only with this header: "X-WNS-Type: wns/toast", or a name alone
	Times       int     // how often it happens; 0: until it is removed
	Probability float64 // for each matching request; 0: always
	From, Until time.Time

	// What happens.
	Status        int    // answered in place of 200
	RetryAfter    string // the header, in seconds or as a date
	WNSStatus     string // X-WNS-Status in place of the service's own: dropped, channelthrottled, appthrottled
	Lose          bool   // never deliver what was accepted
	TokenLifetime time.Duration
	Delay         time.Duration // before the answer
	For           time.Duration // how long it lasts from Inject on, if Until is zero

	// Do is what the fields above cannot express; package faults has the known
	// ones.
	Do Action
}

// Action is one kind of misbehaviour. It implements one or more of the
// interfaces below.
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

// Handshaker chooses the certificate of a TLS handshake; leaf makes one for a
// name.
type Handshaker interface {
	Certificate(hello *tls.ClientHelloInfo, leaf func(name string) (*tls.Certificate, error)) (*tls.Certificate, error)
}

// Sender changes the headers of an answer, or sends it itself and returns true.
type Sender interface {
	Send(w http.ResponseWriter, r *http.Request, reply *Reply) bool
}

// faultStore holds the active faults. Without any, a request pays one atomic
// load.
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

// Inject adds a fault and returns a function that removes it. If several match
// a request, the oldest applies.
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

// RemoveFault removes the fault that Faults lists under that id; false if the
// id is unknown.
func (s *Server) RemoveFault(id uint64) bool {
	st := &s.faults
	st.mu.Lock()
	defer st.mu.Unlock()
	n := len(st.list)
	st.list = slices.DeleteFunc(st.list, func(x *liveFault) bool { return x.id == id })
	st.any.Store(len(st.list) > 0)
	return len(st.list) < n
}

// ActiveFault is an injected fault.
type ActiveFault struct {
	ID   uint64
	Hits int
	Left int // how often it happens yet; -1: no bound
	Fault
}

// Faults are the active faults, oldest first.
func (s *Server) Faults() (out []ActiveFault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	for _, l := range s.faults.list {
		out = append(out, ActiveFault{l.id, l.hits, l.left, l.Fault})
	}
	return out
}

// match finds the fault for a request and counts it; nil if none matches.
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
		f.Namespace != "" && f.Namespace != s.Namespace(e.Device) ||
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
