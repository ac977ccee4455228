package fakewns

import (
	"slices"
	"sync"
	"sync/atomic"
)

// faultStore holds the faults under way. The common case of none costs one
// atomic load.
type faultStore struct {
	any  atomic.Bool
	mu   sync.Mutex
	list []*liveFault
}

type liveFault struct {
	Fault
	left int // -1: no bound
}

// Inject adds a fault and returns what takes it away again. Where several
// match a request, the oldest one applies.
func (s *Server) Inject(f Fault) (remove func()) {
	l := &liveFault{Fault: f, left: f.Times}
	if f.Times <= 0 {
		l.left = -1
	}
	st := &s.faults
	st.mu.Lock()
	defer st.mu.Unlock()
	st.list = append(st.list, l)
	st.any.Store(true)
	return func() {
		st.mu.Lock()
		defer st.mu.Unlock()
		st.list = slices.DeleteFunc(st.list, func(x *liveFault) bool { return x == l })
		st.any.Store(len(st.list) > 0)
	}
}

// match gives the fault for a request, nil if there is none, and counts it.
func (st *faultStore) match(on Kind, channel string) *Fault {
	if !st.any.Load() {
		return nil
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, l := range st.list {
		if l.On != on || l.left == 0 || l.Channel != "" && l.Channel != channel {
			continue
		}
		if l.left > 0 {
			l.left--
		}
		return &l.Fault
	}
	return nil
}
