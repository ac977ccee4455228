package workload

import (
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/dmwake/dmwake/harness/load"
)

// check checks the parts of a plan against each other. What needs the target or the
// machine is checked when the plan is run.
func (r *reader) check(p *Plan) {
	var polls *load.Part
	wipes, fresh := 0.0, 0.0
	devices := p.Devices
	for _, part := range p.Parts {
		at := p.at[part]
		switch part.Kind {
		case load.KindPoll:
			if polls != nil {
				r.failf(at, "a device polls at one interval, and part %q polls already; leave one of them", polls.Name)
			}
			polls = part
			if d := time.Duration(float64(part.Every) / p.Speed); d < load.LeastPoll {
				r.failf(value(at, "poll", "every"), "every %s is every %s at speed %g, and a session takes longer; write %s or more", part.Every, d, p.Speed, time.Duration(float64(load.LeastPoll)*p.Speed))
			}
		case load.KindStorm:
			if part.At+part.Within > p.Duration {
				r.failf(value(at, "storm", "at"), "the storm ends at %s, and the plan at %s; begin it earlier, or let the plan last longer", part.At+part.Within, p.Duration)
			} else if part.At < p.Warmup {
				r.failf(value(at, "storm", "at"), "the storm begins at %s, in the warm-up, which does not count; begin it at %s or later", part.At, p.Warmup)
			}
			continue
		case load.KindEnroll, load.KindChurn:
			fresh += part.Plan.Total()
		case load.KindPush:
			wipes += part.Plan.Total() * part.Mix.Share("wipe")
		}
		if peak := part.Plan.Peak() * p.Speed; part.Kind != load.KindPoll && peak > load.MaxRate {
			r.failf(at, "at speed %g this part starts %.0f items a second; a process starts up to %d", p.Speed, peak, load.MaxRate)
		}
	}
	if all := fresh + float64(devices); all > load.MaxDevices {
		r.failf(p.first(load.KindEnroll, load.KindChurn), "with its new devices the plan has %.0f; a process holds up to %d; lower the rate", all, load.MaxDevices)
	}
	if devices > 0 && wipes > float64(devices)+.5 && p.first(load.KindReenroll, load.KindChurn).Line == 0 {
		r.failf(p.first(load.KindPush), "about %.0f wipes are due, and there are %d devices, each of which can be wiped once; lower the weight of wipe, or take more devices", wipes, devices)
	}
}

// first is where the first part of one of the kinds is.
func (p *Plan) first(kinds ...load.Kind) *yaml.Node {
	for _, part := range p.Parts {
		for _, k := range kinds {
			if part.Kind == k {
				return p.at[part]
			}
		}
	}
	return &yaml.Node{}
}

// value is where a value of a part is.
func value(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				n = n.Content[i+1]
				break
			}
		}
	}
	return n
}
