package devices

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/fleet"
)

// note is what the file has of a device beside its record. It has the passwords that the
// device was created with; the file is readable by its owner only.
type note struct {
	Spec    Spec              `json:"spec"`
	Labels  map[string]string `json:"labels,omitempty"`
	Faults  []string          `json:"faults,omitempty"`
	Ahead   time.Duration     `json:"ahead,omitempty"` // of the clock
	Created time.Time         `json:"created"`
}

// unkept is why devices could not be stored.
type unkept struct {
	mu  sync.Mutex
	err error
}

func (u *unkept) note(err error) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.err = err
	return err
}

// NotReady says what does not work.
func (p *Pool) NotReady() []string {
	p.unkept.mu.Lock()
	defer p.unkept.mu.Unlock()
	if p.unkept.err != nil {
		return []string{fmt.Sprintf("devices are not stored, so that a restart loses what happened to them: %v", p.unkept.err)}
	}
	return nil
}

// keep stores a device as it is now.
func (p *Pool) keep(s *slot) error {
	if p.cfg.Store == nil {
		return nil
	}
	s.mu.Lock()
	n := note{Spec: s.spec, Labels: maps.Clone(s.labels), Faults: s.faults, Ahead: s.clock.ahead(), Created: s.created}
	gone := s.gone
	s.mu.Unlock()
	if gone {
		return nil
	}
	raw, err := json.Marshal(n)
	if err == nil {
		err = p.cfg.Store.KeepNoted(s.dev, raw)
	}
	return p.unkept.note(err)
}

// lose takes a device out of the file.
func (p *Pool) lose(s *slot) {
	if p.cfg.Store != nil {
		p.unkept.note(p.cfg.Store.Delete(s.id)) //nolint:errcheck // told by NotReady
	}
}

// restore loads the devices of the file. One that cannot be loaded stays in it.
func (p *Pool) restore() {
	if p.cfg.Store == nil {
		return
	}
	err := p.cfg.Store.Each(func(e fleet.Entry) error {
		s, err := p.restored(e)
		if err != nil {
			p.cfg.Log.Error("a device of the state file is left out", "device", e.DeviceID, "err", err)
			return nil
		}
		return p.take(s)
	})
	p.unkept.note(err) //nolint:errcheck // told by NotReady
	for _, s := range p.all() {
		if s.dev.PFN() != "" && (p.cfg.Attach == nil || !s.dev.Resume(p.cfg.Attach)) {
			s.anew = true
		}
		p.hand(s)
	}
}

func (p *Pool) restored(e fleet.Entry) (*slot, error) {
	var n note
	if err := json.Unmarshal(e.Note, &n); err != nil {
		return nil, fmt.Errorf("it is of no lab: %w", err)
	}
	s := &slot{created: n.Created, clock: &clock{offset: n.Ahead}, labels: n.Labels, answered: map[string]uint64{}}
	if s.labels == nil {
		s.labels = map[string]string{}
	}
	cfg, err := p.config(s, &n.Spec)
	if err != nil {
		return nil, err
	}
	if s.dev, err = p.cfg.Store.Unpack(cfg, e.Record); err != nil {
		return nil, err
	}
	s.id, s.state = s.dev.Identity().DeviceID, s.dev.State()
	made, err := newFaults(n.Faults)
	if err != nil {
		return nil, err
	}
	for _, f := range made {
		s.dev.AddFault(f)
	}
	s.faults = n.Faults
	if !strings.EqualFold(s.id, e.DeviceID) {
		return nil, fmt.Errorf("its record is of %s", s.id)
	}
	if power := s.dev.Condition().Power; cfg.WNS != nil && (power == dmclient.PowerOff || power == dmclient.PowerSaver) {
		cfg.WNS.SetConnected(s.id, false)
	}
	return s, nil
}

// reconnect registers the PFN of a device whose channel is lost, and runs a session, so
// that its server learns the new channel.
func (p *Pool) reconnect(s *slot) {
	if s.dev.State() != dmclient.Enrolled {
		return
	}
	if err := s.dev.Reconnect(s.ctx); err != nil {
		s.note(err)
		return
	}
	session, err := s.dev.Sync(s.ctx, dmclient.SyncOptions{Origin: dmclient.OriginCSP, NoRetry: true})
	p.after(s.ctx, s, session, err)
}
