package load

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
)

// Kind is what a part of a load does.
type Kind string

// The kinds of parts.
const (
	KindPush     Kind = "push"     // devices are woken by push
	KindPoll     Kind = "poll"     // each device checks in at an interval, whatever the server's schedule says
	KindStorm    Kind = "storm"    // all devices check in, at once or within a time
	KindLogin    Kind = "login"    // a user logs in, and the device checks in
	KindEnroll   Kind = "enroll"   // a new device enrolls; it takes no part in other parts
	KindReenroll Kind = "reenroll" // a device enrolls again, without telling the server before
	KindChurn    Kind = "churn"    // a device unenrolls, and a new one enrolls in its place
)

// Kinds lists all kinds.
func Kinds() []Kind {
	return []Kind{KindPush, KindPoll, KindStorm, KindLogin, KindEnroll, KindReenroll, KindChurn}
}

// changes tells whether devices come or go.
func (k Kind) changes() bool { return k == KindEnroll || k == KindReenroll || k == KindChurn }

// inTurn tells whether each device has its turn.
func (k Kind) inTurn() bool { return k == KindPoll || k == KindStorm }

// stages are what is measured of a part.
func (k Kind) stages() []result.Stage {
	switch k {
	case KindPush:
		return slices.DeleteFunc(result.Stages(), func(s result.Stage) bool { return s == result.Leave || s == result.Enroll || s == result.Ready })
	case KindEnroll, KindReenroll:
		return []result.Stage{result.Late, result.Wait, result.Enroll, result.Ready, result.Whole}
	case KindChurn:
		return []result.Stage{result.Late, result.Wait, result.Leave, result.Enroll, result.Ready, result.Whole}
	}
	return []result.Stage{result.Late, result.Wait, result.Open, result.Reply, result.Done, result.Ack, result.Whole}
}

// Part is a load with a schedule, counts and stages of its own. Parts of a run go on
// beside each other.
type Part struct {
	Name string
	Kind Kind
	Plan *Plan // when; of KindPoll and KindStorm its duration only
	// Every is the interval of KindPoll. The first polls are spread evenly over the
	// devices within one interval.
	Every time.Duration
	// At is when KindStorm begins, and Within how long it takes until all have begun.
	At, Within time.Duration
	// Sender, Who and Mix are of KindPush, as in Options.
	Sender, Who string
	Mix         Mix
	Storm       bool // wake all devices at once, at the start of the counted time

	given *Part // before it was compressed
}

// Text says when the part's items are due, in the time of the plan.
func (p *Part) Text() string {
	was := p
	if p.given != nil {
		was = p.given
	}
	switch p.Kind {
	case KindPoll:
		return "every " + Short(was.Every)
	case KindStorm:
		if was.Within == 0 {
			return "all devices at " + Short(was.At)
		}
		return fmt.Sprintf("all devices at %s within %s", Short(was.At), Short(was.Within))
	}
	return p.Plan.Text()
}

// Short formats a duration without the parts that are zero: 15m, not 15m0s.
func Short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Weighted is work with its weight in a mix.
type Weighted struct {
	Work   Work
	Weight float64
}

// Mix is the work of pushes: each push draws one by weight.
type Mix []Weighted

// draw chooses the work of one push.
func (m Mix) draw(r *rand.Rand) Work {
	if len(m) == 1 {
		return m[0].Work
	}
	all := 0.0
	for _, w := range m {
		all += w.Weight
	}
	at := r.Float64() * all
	for _, w := range m {
		if at -= w.Weight; at < 0 {
			return w.Work
		}
	}
	return m[len(m)-1].Work
}

// Share is the part of the pushes that have work of this kind.
func (m Mix) Share(kind string) float64 {
	some, all := 0.0, 0.0
	for _, w := range m {
		all += w.Weight
		if w.Work.Kind == kind {
			some += w.Weight
		}
	}
	if all == 0 {
		return 0
	}
	return some / all
}

// Text is the mix as it was written: "get", or "get=6, none=10".
func (m Mix) Text() string {
	if len(m) == 1 {
		return m[0].Work.Text()
	}
	var out []string
	for _, w := range m {
		out = append(out, fmt.Sprintf("%s=%g", w.Work.Text(), w.Weight))
	}
	return strings.Join(out, ", ")
}

// resolve sets the parts of a run by Go: those of Parts, or else wake-ups by Plan and
// polls by Poll. It applies Speed.
func (o *Options) resolve() {
	speed := o.Speed
	if !(speed > 0) { // check reports what is not a speed
		speed = 1
	}
	parts := o.Parts
	if len(parts) == 0 && o.Plan != nil {
		parts = o.fromOptions()
	}
	for _, p := range parts {
		c := *p
		if c.Sender == "" && c.Kind == KindPush {
			c.Sender = o.Sender
		}
		if c.Who == "" {
			c.Who = o.Who
		}
		if speed != 1 {
			c.given = p
			c.Every, c.At, c.Within, c.Plan = compress(c.Every, speed), compress(c.At, speed), compress(c.Within, speed), c.Plan.Faster(speed)
		}
		o.parts = append(o.parts, &c)
	}
	if speed != 1 && o.Plan != nil {
		o.Plan = o.Plan.Faster(speed)
	}
}

// fromOptions are the parts that Plan and Poll describe.
func (o *Options) fromOptions() (list []*Part) {
	if o.Storm || o.Plan.Total() > 0 {
		list = append(list, o.pushes(o.Plan))
	}
	if o.Poll > 0 {
		list = append(list, &Part{Name: "polls", Kind: KindPoll, Every: o.Poll, Plan: o.Plan})
	}
	return list
}

// pushes is the part of wake-ups that the options describe.
func (o *Options) pushes(plan *Plan) *Part {
	return &Part{Name: "pushes", Kind: KindPush, Plan: plan, Sender: o.Sender, Who: o.Who, Mix: Mix{{o.Work, 1}}, Storm: o.Storm}
}

// works tells whether pushes have work of a kind.
func (o *Options) works(kind string) bool {
	for _, p := range o.parts {
		if p.Mix.Share(kind) > 0 {
			return true
		}
	}
	return o.Work.Kind == kind
}

// sends tells whether a part has this sender. Without parts the sender of the options
// counts.
func (o *Options) sends(sender string) bool {
	for _, p := range o.parts {
		if p.Kind == KindPush && p.Sender == sender {
			return true
		}
	}
	return len(o.parts) == 0 && o.Sender == sender
}

// pushed tells whether any device is woken by a notification.
func (o *Options) pushed() bool {
	return o.sends(SenderHook) || o.sends(SenderOwn) || o.sends(SenderWNS)
}

// Peak is the highest number of items that are due in a second, of this process's view of
// the whole load.
func (o *Options) Peak() (most float64) {
	full := *o
	full.parts = nil
	full.resolve()
	for _, p := range full.parts {
		if p.Storm {
			most += float64(o.Devices)
			continue
		}
		most += p.arrivals(o.Devices).Peak()
	}
	return most
}

// polled is the part that polls; nil: devices poll by the server's schedule.
func (o *Options) polled() *Part {
	for _, p := range o.parts {
		if p.Kind == KindPoll {
			return p
		}
	}
	return nil
}

// atOnce is how long a storm takes that begins at once: no machine starts all devices in
// less.
const atOnce = time.Millisecond

// arrivals is when the part's items are due with so many devices.
func (p *Part) arrivals(devices int) *Plan {
	switch p.Kind {
	case KindPoll:
		return p.Plan.window(0, p.Plan.Duration, float64(devices)/p.Every.Seconds(), p.Text())
	case KindStorm:
		within := max(p.Within, atOnce)
		return p.Plan.window(p.At, p.At+within, float64(devices)/within.Seconds(), p.Text())
	}
	return p.Plan
}
