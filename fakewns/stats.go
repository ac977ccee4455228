package fakewns

import (
	"net/http"
	"sync/atomic"
)

// stats are counters; a request pays two atomic additions.
type stats struct {
	tokens, notifications [600]atomic.Uint64 // by status
	deliveries            [len(outcomes)]atomic.Uint64
	broken, unkept        atomic.Uint64
}

var outcomes = [...]Delivery{Woken, Shown, Lost, Dropped, Cached, Replaced, Expired}

// Stats are counts since the start, and what the service holds now.
type Stats struct {
	Tokens        map[int]uint64      `json:"tokens"`        // requests by status answered
	Notifications map[int]uint64      `json:"notifications"` // the same
	Deliveries    map[Delivery]uint64 `json:"deliveries"`    // a cached notification counts again when it leaves the cache
	Broken        uint64              `json:"broken"`        // notifications that broke a rule
	Channels      int                 `json:"channels"`      // that are open
	Revoked       int                 `json:"revoked"`       // closed, and answering 410
	Waiting       int                 `json:"waiting"`       // channels with something cached
	Faults        int                 `json:"faults"`        // under way
	Journal       uint64              `json:"journal"`       // entries made
	JournalBytes  int                 `json:"journalBytes"`  // memory that the kept ones take, about
	JournalCut    uint64              `json:"journalCut"`    // entries that were too long to be kept whole
	// Unkept are notifications answered 503 because the state file could not be written;
	// StateError says why writes fail, and is empty if they do not.
	Unkept     uint64 `json:"unkept"`
	StateError string `json:"stateError,omitempty"`
}

func (s *stats) count(e *Entry) {
	if e.Status < 0 || e.Status >= len(s.tokens) {
		return
	}
	if e.Kind == Token {
		s.tokens[e.Status].Add(1)
		return
	}
	s.notifications[e.Status].Add(1)
	if len(e.Violations) > 0 {
		s.broken.Add(1)
	}
	if e.Delivery != NotDelivered {
		s.delivered(e.Delivery)
	}
}

func (s *stats) delivered(d Delivery) {
	for i, o := range outcomes {
		if o == d {
			s.deliveries[i].Add(1)
		}
	}
}

// Stats reads the counters.
func (s *Server) Stats() Stats {
	out := Stats{Tokens: map[int]uint64{}, Notifications: map[int]uint64{}, Deliveries: map[Delivery]uint64{}, Broken: s.stats.broken.Load()}
	for status := http.StatusContinue; status < len(s.stats.tokens); status++ {
		if n := s.stats.tokens[status].Load(); n > 0 {
			out.Tokens[status] = n
		}
		if n := s.stats.notifications[status].Load(); n > 0 {
			out.Notifications[status] = n
		}
	}
	for i, o := range outcomes {
		out.Deliveries[o] = s.stats.deliveries[i].Load()
	}
	s.channels.mu.RLock()
	out.Revoked = len(s.channels.closed)
	out.Channels = len(s.channels.byQuery) - out.Revoked
	for _, of := range s.channels.waiting {
		out.Waiting += len(of)
	}
	s.channels.mu.RUnlock()
	out.Faults = len(s.Faults())
	out.Journal = s.journal.Mark()
	out.JournalBytes, out.JournalCut = s.journal.held()
	out.Unkept = s.stats.unkept.Load()
	if s.saved != nil {
		if err := s.saved.Err(); err != nil {
			out.StateError = err.Error()
		}
	}
	return out
}
