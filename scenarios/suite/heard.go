package suite

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"weak"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Heard is one session of any device of the run, as a scenario that listens to all
// of them hears it.
type Heard struct {
	*dmclient.Session
	// Pairs are the server's messages, each with what it answers.
	Pairs []Pair
	// Crossed says that the server had reason to lose the session: the device, or a copy
	// of it, held another one meanwhile, which Windows never does, or the server was
	// restarted (T.Interrupted).
	Crossed bool
	// Polls says that devices of this server get their work by polling alone.
	Polls bool

	device   *dmclient.Device // nil for a session that others recorded
	id       string           // of the device, if device is nil
	scenario string
	ear      *ear

	checks    *checks
	described bool // items is filled
	items     []Described
}

// Pair is a message from the server and the message that it answers.
type Pair struct {
	// Sent is what the device sent, as the server could read it: nil if the device
	// sent on purpose what is no message.
	Sent *syncml.Message
	Got  *syncml.Message
	// Ex carried both.
	Ex *dmclient.Exchange
}

// hear reads a session of a device.
func hear(d *dmclient.Device, scenario string, s *dmclient.Session, k *checks) *Heard {
	return &Heard{Session: s, device: d, scenario: scenario, Pairs: PairsOf(s), checks: k}
}

// PairsOf returns the server's messages of a session, each with what it answers.
func PairsOf(s *dmclient.Session) (pairs []Pair) {
	for _, ex := range s.Exchanges {
		if ex.Status != http.StatusOK || len(bytes.TrimSpace(ex.Response)) == 0 || len(pairs) == len(s.Received) {
			continue
		}
		pairs = append(pairs, Pair{Sent: readable(ex), Got: s.Received[len(pairs)], Ex: ex})
	}
	return pairs
}

// Before returns the device's earlier sessions, as far as it remembers them.
func (h *Heard) Before() []*dmclient.Session {
	list := h.device.Sessions()
	if i := slices.Index(list, h.Session); i >= 0 {
		return list[:i]
	}
	return nil
}

// Concerns notes that the server does what the rule is about.
func (h *Heard) Concerns() { h.ear.concerned = true }

func readable(ex *dmclient.Exchange) *syncml.Message {
	read := syncml.Read
	if strings.HasPrefix(ex.Header.Get("Content-Type"), syncml.MediaTypeWBXML) {
		read = func(b []byte) (*syncml.Message, error) { return syncml.ReadWBXML(b, syncml.Limits{}) }
	}
	m, err := read(ex.Request)
	if err != nil {
		return nil
	}
	return m
}

// DeviceID is the id of the device that held the session. A message may say another
// one on purpose.
func (h *Heard) DeviceID() string {
	if h.device == nil {
		return h.id
	}
	return h.device.Identity().DeviceID
}

// Document is what the device was provisioned with; nil if the run did not enroll it.
func (h *Heard) Document() *enroll.Provisioning { return h.device.Provisioning() }

// Look returns the value that the device has at a node by now; empty without one.
func (h *Heard) Look(locURI string) string {
	value, _ := h.device.Tree().Look(locURI)
	return value
}

// Linked says that it is a session of a linked enrollment.
func (h *Heard) Linked() bool { return h.device != nil && h.device.Primary() != nil }

// Whole says that Before has every session that the device ever had.
func (h *Heard) Whole() bool { return len(h.device.Sessions()) == h.device.SessionCount() }

// Tree is the device's tree as it is after the scenario.
func (h *Heard) Tree() *csp.Tree { return h.device.Tree() }

// EachItem calls f for each Item of the server's commands, nested ones included; i is
// the pair.
func (h *Heard) EachItem(f func(i int, c *syncml.Command, it *syncml.Item)) {
	for i, p := range h.Pairs {
		p.Got.Walk(func(c *syncml.Command) {
			if c.Verb.IsReply() {
				return
			}
			for k := range c.Items {
				f(i, c, &c.Items[k])
			}
		})
	}
}

// Breach notes that a message breaks the rule: the i-th pair, what was expected, and
// what was seen.
func (h *Heard) Breach(i int, expected, saw string, args ...any) {
	h.ear.note(h.scenario, breach{device: h.device, ex: h.Pairs[i].Ex, expected: expected, saw: fmt.Sprintf(saw, args...),
		from: fmt.Sprintf("%s, session %s, message %d", h.scenario, h.ID, i+1)})
}

// ears hold what all scenarios that listen heard in a run.
type ears struct {
	mu    sync.Mutex
	list  []Scenario
	polls bool
	of    map[string]*ear
	seen  map[weak.Pointer[dmclient.Session]]bool // not to keep them
	cut   map[weak.Pointer[dmclient.Session]]bool
	known checks
}

func newEars(list []Scenario, polls bool, ddfFile string) *ears {
	return &ears{list: list, polls: polls, of: map[string]*ear{}, seen: map[weak.Pointer[dmclient.Session]]bool{}, cut: map[weak.Pointer[dmclient.Session]]bool{}, known: checks{file: ddfFile}}
}

// listen lets every scenario that listens hear the sessions of devices, each once.
func (e *ears) listen(scenario string, devices ...*dmclient.Device) {
	e.mu.Lock()
	defer e.mu.Unlock()
	held := map[string][]*dmclient.Session{} // by the device's id: a copy is the same device to a server
	for _, d := range devices {
		id := d.Identity().DeviceID
		held[id] = append(held[id], d.Sessions()...)
	}
	for _, d := range devices {
		for _, s := range d.Sessions() {
			p := weak.Make(s)
			if e.seen[p] {
				continue
			}
			e.seen[p] = true
			h := hear(d, scenario, s, &e.known)
			h.Polls = e.polls
			h.Crossed = e.cut[p] || slices.ContainsFunc(held[d.Identity().DeviceID], func(o *dmclient.Session) bool {
				return o != s && o.Account == s.Account && o.Started.Before(s.Ended) && s.Started.Before(o.Ended)
			})
			for i := range e.list {
				if f := e.list[i].Hears; f != nil {
					h.ear = e.ear(e.list[i].ID)
					f(h)
				}
			}
		}
	}
}

func (e *ears) ear(id string) *ear {
	if e.of[id] == nil {
		e.of[id] = newEar()
	}
	return e.of[id]
}

// Interrupted says that the server was restarted during a session. What it says in the
// rest of it is judged by the scenario alone.
func (t *T) Interrupted(s *dmclient.Session) {
	t.ears.mu.Lock()
	defer t.ears.mu.Unlock()
	t.ears.cut[weak.Make(s)] = true
}

// Heard is the number of sessions that were heard so far in this run; a body that
// listens makes traffic of its own only if there are few.
func (t *T) Heard() int {
	t.ears.mu.Lock()
	defer t.ears.mu.Unlock()
	return len(t.ears.seen)
}

// Concerned reports whether the server did what the rule is about in any session so
// far, those of the scenario included.
func (t *T) Concerned() bool {
	t.ears.listen(t.s.ID, t.held()...)
	t.ears.mu.Lock()
	defer t.ears.mu.Unlock()
	return t.ears.ear(t.s.ID).concerned
}

// overheard fails a scenario that listens if any session broke its rule.
func (t *T) overheard() {
	t.ears.listen(t.s.ID, t.held()...)
	t.ears.mu.Lock()
	heard, places, remarks := *t.ears.ear(t.s.ID), t.ears.ear(t.s.ID).places(), t.ears.ear(t.s.ID).remarks.lines()
	err := t.ears.known.err
	t.ears.mu.Unlock()
	if err != nil {
		t.Error("the description of the CSPs cannot be read: %v", err)
	}
	t.remarks = remarks
	if heard.total == 0 {
		return
	}
	for i, b := range places {
		t.Evidence("%s", b.line())
		if i < keptExchanges/2 { // the verdict is about the first
			t.Keep(&Device{Device: b.device, T: t}, b.from, b.ex)
		}
	}
	if n := heard.mistakes.more; n > 0 {
		t.Evidence("%d more places are not listed", n)
	}
	first := places[0]
	saw := first.saw + ", in " + first.from
	if n := len(heard.mistakes.order); n > 1 {
		saw += fmt.Sprintf("; %d mistakes", n)
	}
	if heard.total > 1 {
		saw += fmt.Sprintf("; %d places in all", heard.total)
	}
	for id, n := range heard.in {
		if 2*n > heard.total { // what one scenario brings about nearly alone has its cause, if it failed
			t.result.Under = slices.Concat([]string{id}, t.result.Under)
		}
	}
	t.Fail(first.expected, saw)
}

// soFar fails a scenario that listens by what was heard before the run's time was up;
// nil if nothing was wrong, since the rest was not heard.
func (r *runner) soFar(ctx context.Context, s *Scenario) *verdict {
	if s.Hears == nil {
		return nil
	}
	heard := *s
	heard.Run, heard.On, heard.Reach = func(*T) {}, "", Shared
	if v := run(context.WithoutCancel(ctx), r.lab, &heard, nil, r.ears); v.result.Broken() {
		return v
	}
	return nil
}
