package load

import (
	"math"
	"slices"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
)

const (
	// LeastPoll is the shortest interval of polls: a session takes that long, about, with
	// a full TLS handshake and a quick server.
	LeastPoll = 50 * time.Millisecond
	// MaxSpeed limits Speed: a day takes about nine seconds.
	MaxSpeed = 10_000
)

// checkParts checks the parts of a run on their own and against each other.
func (o *Options) checkParts() error {
	if o.Speed < 0 || o.Speed > MaxSpeed || math.IsNaN(o.Speed) {
		return optionError("Speed", "%g is not from 0 to %d", o.Speed, MaxSpeed)
	}
	if o.Poll < 0 {
		return optionError("Poll", "%s is negative", o.Poll)
	}
	if len(o.parts) == 0 { // Drive says when
		return o.checkPart(o.pushes(o.Plan))
	}
	polls, wipes := 0, 0.0
	for _, p := range o.parts {
		if err := o.checkPart(p); err != nil {
			return err
		}
		if p.Kind == KindPoll {
			polls++
		}
		if p.Kind == KindPush && !p.Storm {
			wipes += p.Plan.Total() * p.Mix.Share("wipe")
		}
	}
	switch {
	case polls > 1:
		return optionError("Parts", "%d parts poll, and a device polls at one interval; leave one of them", polls)
	case wipes > float64(o.Devices)+.5 && !o.churns():
		return optionError("Work", "a wiped device cannot be woken again; %.0f wipes need as many devices, and there are %d", wipes, o.Devices)
	}
	return nil
}

func (o *Options) churns() bool {
	return slices.ContainsFunc(o.parts, func(p *Part) bool { return p.Kind == KindChurn || p.Kind == KindReenroll })
}

func (o *Options) checkPart(p *Part) error {
	field := func(f Field) Field { // what is wrong of a plan's part
		if len(o.Parts) > 0 {
			return "Parts"
		}
		return f
	}
	was := p
	if p.given != nil {
		was = p.given
	}
	switch {
	case p.Kind == KindPush && p.Who != whoRound && p.Who != whoRandom:
		return optionError(field("Who"), "%q is neither round nor random", p.Who)
	case p.Kind == KindPoll && p.Every < LeastPoll && p.given != nil:
		return optionError(field("Poll"), "every %s is every %s at this %s, and a session takes longer; take a longer interval or a lower %s", Short(was.Every), p.Every, Field("Speed"), Field("Speed"))
	case p.Kind == KindPoll && p.Every < LeastPoll:
		return optionError(field("Poll"), "a session takes longer than %s; take an interval of %s or more", p.Every, LeastPoll)
	case p.Kind == KindStorm && (p.At < 0 || p.Within < 0 || p.At+p.Within > p.Plan.Duration):
		return optionError("Parts", "%s: the storm would end at %s, after the end of the run (%s)", p.Name, Short(was.At+was.Within), Short(p.Plan.given().Duration))
	case p.Kind == KindStorm && p.At < p.Plan.Warmup:
		return optionError("Parts", "%s: the storm is in the warm-up, which does not count; begin it at %s or later", p.Name, Short(p.Plan.given().Warmup))
	case p.Kind.changes() && o.Resident:
		return optionError("Resident", "devices come and go (%s), and resident ones stay; leave %s out", p.Name, Field("Resident"))
	case p.Kind.changes() && p.Kind != KindEnroll && o.State != "":
		return optionError("State", "devices leave or enroll again (%s), and the file would still have them as they were; leave %s out", p.Name, Field("State"))
	}
	if p.Kind != KindPush {
		return nil
	}
	switch p.Sender {
	case SenderHook, SenderOwn, SenderWNS, SenderNone:
		return nil
	case "": // a rehearsal
		if o.Rehearse {
			return nil
		}
	}
	return optionError("Sender", "%q is unknown; choose hook, own, wns or none", p.Sender)
}

// checkTarget checks what the target has to offer.
func (o *Options) checkTarget(l *lab.Lab) error {
	if o.Share.Of > 1 && !l.Embedded() && o.pushed() && l.Config.WNS.Mode != "direct" {
		return optionError("Share", "each push must reach the machine that has the device; set wns.mode: direct, and wns.listen to an address that the server reaches")
	}
	parts := o.parts
	if len(parts) == 0 { // Drive says when
		parts = []*Part{o.pushes(o.Plan)}
	}
	for _, p := range parts {
		if p.Kind != KindPush {
			continue
		}
		for _, w := range p.Mix {
			if err := o.checkPush(l, p.Sender, w.Work); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkPush checks one kind of work of pushes.
func (o *Options) checkPush(l *lab.Lab, sender string, work Work) error {
	t := &l.Config.Target
	queues := work.Commands() > 0 && l.CanQueue(work.commands()[0])
	switch {
	case sender == SenderHook && t.Hooks.Push == nil:
		return optionError("Sender", "the target has no push hook; set target.hooks.push, or let dmwake push (%s wns)", Field("Sender"))
	case sender == SenderOwn && !queues:
		return optionError("Sender", "a server that pushes by itself needs queued work; set target.hooks.queue and %s", Field("Work"))
	case work.Commands() > 0 && !queues:
		return optionError("Work", "commands must be queued, and the target has no queue hook; set target.hooks.queue")
	case t.Push == "none" && sender != SenderNone:
		return optionError("Sender", "the target has no WNS push (target.push: none)")
	}
	return nil
}
