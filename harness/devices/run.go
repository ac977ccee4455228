package devices

import (
	"container/heap"
	"context"
	"slices"
	"time"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// entry is a device's next action. Only the entry with the slot's time is valid; those
// that are left over must not hold a device that was removed.
type entry struct {
	due int64
	i   int // of the slot
}

type plan []entry

func (p plan) Len() int           { return len(p) }
func (p plan) Less(i, j int) bool { return p[i].due < p[j].due }
func (p plan) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }
func (p *plan) Push(x any)        { *p = append(*p, x.(entry)) } //nolint:forcetypeassert // heap.Push of this file
func (p *plan) Pop() any {
	last := (*p)[len(*p)-1]
	*p = (*p)[:len(*p)-1]
	return last
}

// hand gives a device to the crew, which asks it what it has to do.
func (p *Pool) hand(s *slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queued || s.gone {
		return
	}
	s.queued = true
	p.crew.Give(s.i)
}

// attend lets a device do what it has to do now.
func (p *Pool) attend(i int) {
	p.mu.Lock()
	s := p.slots[i]
	p.mu.Unlock()
	if s == nil {
		return
	}
	s.mu.Lock()
	anew := s.anew
	s.queued, s.anew = false, false
	s.mu.Unlock()
	if anew {
		p.reconnect(s)
	}
	for {
		session, did, err := s.dev.Attend(s.ctx)
		if !did || s.ctx.Err() != nil {
			break
		}
		p.after(s.ctx, s, session, err)
		if err != nil {
			p.settle(s)
			p.reserve(s, time.Second)
			return
		}
	}
	p.settle(s)
	p.reserve(s, 0)
}

// reserve plans a device's next action, not before least has passed.
func (p *Pool) reserve(s *slot, least time.Duration) {
	next, ok := s.dev.Next()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !ok || p.slots[s.i] != s {
		s.due = 0
		return
	}
	due := max(next.At.Add(-s.clock.ahead()).UnixMilli(), time.Now().Add(least).UnixMilli()) + 1
	if due == s.due {
		return
	}
	s.due = due
	heap.Push(&p.plan, entry{due, s.i})
	select {
	case p.moved <- struct{}{}:
	default:
	}
}

// schedule hands out due devices, with one timer for all.
func (p *Pool) schedule() {
	for {
		var due []*slot
		p.mu.Lock()
		now := time.Now().UnixMilli()
		for len(p.plan) > 0 {
			head, s := p.plan[0], p.slots[p.plan[0].i]
			valid := s != nil && s.due == head.due
			if valid && head.due > now {
				break
			}
			heap.Pop(&p.plan)
			if valid {
				s.due = 0
				due = append(due, s)
			}
		}
		wait := time.Hour
		if len(p.plan) > 0 {
			wait = min(wait, time.Duration(p.plan[0].due-now)*time.Millisecond)
		}
		p.mu.Unlock()
		for _, s := range due {
			p.hand(s)
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-p.moved:
			t.Stop()
		case <-p.ctx.Done():
			t.Stop()
			return
		}
	}
}

// tell publishes an event of a device.
func (p *Pool) tell(s *slot, e Event) {
	e.Device, e.Name, e.Namespace = s.id, s.name(), s.spec.Namespace
	p.events.add(e)
}

// woke hears of a push that reached the device.
func (p *Pool) woke(s *slot) func(dmclient.Wake) {
	return func(w dmclient.Wake) {
		s.mu.Lock()
		s.woken++
		s.mu.Unlock()
		p.tell(s, Event{Kind: Notification, Text: w.Refused, Failed: w.Refused != ""})
		p.hand(s)
	}
}

// effect hears of an effect of a command. OnEffect must not call the device.
func (p *Pool) effect(s *slot) func(csp.Effect) {
	return func(e csp.Effect) {
		n := 0
		if s.running() != nil {
			n = s.dev.SessionCount() + 1
		}
		detail := e.Detail
		if e.Kind == csp.EffectNewPIN {
			detail = ""
		}
		p.tell(s, Event{Kind: Effected, Session: n, Effect: string(e.Kind), Text: detail})
	}
}

// sent hears of each message that the device sends: of a session's beginning, and of
// the commands that the device executed before it.
func (p *Pool) sent(s *slot) func(*dmclient.Session, *syncml.Message) {
	return func(session *dmclient.Session, _ *syncml.Message) {
		s.telling.Lock()
		defer s.telling.Unlock()
		if before := s.running(); before != session {
			n := s.dev.SessionCount() + 1 // which takes no lock of a session
			if before != nil {
				p.end(s, before, n-1) // it failed, and this is its retry
			}
			s.mu.Lock()
			s.current, s.told = session, 0
			s.mu.Unlock()
			p.tell(s, Event{Kind: Began, Session: n, Origin: origins[session.Origin]})
		}
		p.commands(s, session, s.dev.SessionCount()+1)
	}
}

// running is the session under way, as far as it is told.
func (s *slot) running() *dmclient.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// commands tells of the commands of a session that were not told yet. The caller holds
// s.telling.
func (p *Pool) commands(s *slot, session *dmclient.Session, n int) {
	told := 0
	s.mu.Lock()
	if s.current == session {
		told, s.told = s.told, len(session.Commands)
	}
	s.mu.Unlock()
	for _, c := range session.Commands[min(told, len(session.Commands)):] {
		p.tell(s, Event{Kind: Executed, Session: n, Origin: origins[session.Origin], Verb: string(c.Verb), LocURI: c.LocURI, Data: c.Data, Code: c.Code, Result: c.Result})
	}
}

// end tells of the end of session n. The caller holds s.telling.
func (p *Pool) end(s *slot, session *dmclient.Session, n int) {
	p.commands(s, session, n)
	s.mu.Lock()
	s.finished = max(s.finished, n)
	if s.current == session {
		s.current = nil
	}
	s.mu.Unlock()
	e := Event{Kind: Ended, Session: n, Origin: origins[session.Origin], Text: session.End}
	if session.Err != nil {
		e.Text, e.Failed = session.Err.Error(), true
	}
	p.kept.add(s, session)
	p.tell(s, e)
}

// settle tells what is not told yet: sessions that ended, and the device's state.
func (p *Pool) settle(s *slot) {
	s.telling.Lock()
	defer s.telling.Unlock()
	count, all := s.remembered()
	for k, session := range all {
		n := count - len(all) + k + 1
		s.mu.Lock()
		over := n <= s.finished
		s.mu.Unlock()
		if !over {
			p.end(s, session, n)
		}
	}
	state := s.dev.State()
	s.mu.Lock()
	changed, gone := state != s.state, s.gone
	s.state = state
	s.mu.Unlock()
	if changed {
		p.tell(s, Event{Kind: Entered, State: state.String()})
	}
	if gone {
		s.dev.Close() // a session that ended after the removal may have opened a channel
	}
}

// remembered are the sessions that the device remembers, and how many it had.
func (s *slot) remembered() (count int, list []*dmclient.Session) {
	for {
		count, list = s.dev.SessionCount(), s.dev.Sessions()
		if s.dev.SessionCount() == count {
			return count, list
		}
	}
}

// numberOf is the number of a session that the device remembers; 0: it does not.
func (s *slot) numberOf(session *dmclient.Session) int {
	count, all := s.remembered()
	if k := slices.Index(all, session); k >= 0 {
		return count - len(all) + k + 1
	}
	return 0
}

// after ends a session that the pool ran.
func (p *Pool) after(ctx context.Context, s *slot, session *dmclient.Session, err error) {
	if session != nil || err != nil {
		s.note(err)
	}
	s.dev.Disconnect() // an idle connection costs more than all the rest of a device
	p.settle(s)
	p.keep(s) //nolint:errcheck // told by /readyz
	if p.cfg.AfterSession != nil && session != nil {
		if err := p.cfg.AfterSession(ctx, s.dev, session); err != nil {
			s.note(err)
		}
	}
}
