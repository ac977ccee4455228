// Package load measures how long a push takes from its trigger to the finished
// work. It wakes many simulated devices on an open-loop schedule and records a
// histogram per stage. Times count from the moment a wake-up was due, so that a
// stalled server shows in the figures (no coordinated omission).
package load

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Plan says when wake-ups are due.
type Plan struct {
	Duration time.Duration
	Warmup   time.Duration // first part of Duration; its wake-ups do not count
	// Poisson draws the intervals between wake-ups. Without it they are as even as
	// the rate allows.
	Poisson bool
	text    string
	parts   []part // in order, from 0 to Duration

	asked *Plan // before it was compressed; nil: it was not
}

// part is a piece of a plan with a constant rate or a linear ramp.
type part struct {
	begin, end time.Duration
	from, to   float64 // wake-ups per second, at begin and end
	before     float64 // wake-ups before begin
}

// MaxRate limits the rate of one process, in wake-ups per second.
const MaxRate = 1_000_000

// ParsePlan reads a rate: "200" is constant, "50..500" a ramp, "50,100,200" are
// steps of equal length. "100+2000@30s/5s" is a spike: 2000 more from second 30,
// for five seconds. Errors are OptionErrors for Rate, Duration and Warmup.
func ParsePlan(rate string, duration, warmup time.Duration) (*Plan, error) {
	p := &Plan{Duration: duration, Warmup: warmup, text: rate}
	if err := p.checkTimes(); err != nil {
		return nil, err
	}
	from, to, ramp := strings.Cut(rate, "..")
	base, more, spike := strings.Cut(rate, "+")
	var err error
	switch {
	case ramp:
		var r [2]float64
		if r, err = p.numbers(from, to); err == nil {
			p.add(duration, r[0], r[1])
		}
	case spike:
		err = p.spike(base, more)
	default:
		err = p.steps(strings.Split(rate, ","))
	}
	if err == nil && p.Total() == 0 {
		err = fmt.Errorf("%q starts no wake-ups", rate)
	}
	if err != nil {
		return nil, optionError("Rate", "%w", err)
	}
	return p, nil
}

// Idle is a plan without wake-ups, for a run that only polls. Errors are OptionErrors for
// Duration and Warmup.
func Idle(duration, warmup time.Duration) (*Plan, error) {
	p := &Plan{Duration: duration, Warmup: warmup, text: "none"}
	if err := p.checkTimes(); err != nil {
		return nil, err
	}
	p.add(duration, 0, 0)
	return p, nil
}

func (p *Plan) checkTimes() error {
	switch {
	case p.Duration <= 0:
		return optionError("Duration", "%s is not more than 0", p.Duration)
	case p.Warmup < 0 || p.Warmup >= p.Duration:
		return optionError("Warmup", "%s leaves nothing of the duration %s", p.Warmup, p.Duration)
	}
	return nil
}

// Faster is the plan in a compressed time: with a speed of 60 a minute of it takes a
// second, in which a minute's wake-ups are due.
func (p *Plan) Faster(speed float64) *Plan {
	out := &Plan{Duration: compress(p.Duration, speed), Warmup: compress(p.Warmup, speed), Poisson: p.Poisson, text: p.text, asked: p.given()}
	for _, s := range p.parts {
		out.add(compress(s.end, speed), s.from*speed, s.to*speed)
	}
	return out
}

func compress(d time.Duration, speed float64) time.Duration {
	return time.Duration(float64(d) / speed)
}

// given is the plan before it was compressed.
func (p *Plan) given() *Plan {
	if p.asked != nil {
		return p.asked
	}
	return p
}

// window is a plan of the same times that has one rate from one time to another, and none
// before and after. The rate may be above MaxRate.
func (p *Plan) window(from, to time.Duration, rate float64, text string) *Plan {
	out := &Plan{Duration: p.Duration, Warmup: p.Warmup, text: text, asked: p.given()}
	out.add(from, 0, 0)
	out.add(min(to, p.Duration), rate, rate)
	out.add(p.Duration, 0, 0)
	return out
}

// add extends the plan to end.
func (p *Plan) add(end time.Duration, from, to float64) {
	next := part{end: end, from: from, to: to}
	if n := len(p.parts); n > 0 {
		last := &p.parts[n-1]
		next.begin, next.before = last.end, last.before+last.count()
	}
	if next.end > next.begin {
		p.parts = append(p.parts, next)
	}
}

func (p *Plan) number(s string) (float64, error) {
	v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err == nil && v >= 0 && v <= MaxRate {
		return v, nil
	}
	err = fmt.Errorf("%q is not a number of wake-ups a second from 0 to %d", s, MaxRate)
	if s != p.text {
		err = fmt.Errorf("%q: %w", p.text, err)
	}
	return 0, err
}

func (p *Plan) numbers(a, b string) (out [2]float64, err error) {
	var err2 error
	out[0], err = p.number(a)
	if out[1], err2 = p.number(b); err == nil {
		err = err2
	}
	return out, err
}

func (p *Plan) steps(list []string) error {
	for i, s := range list {
		v, err := p.number(s)
		if err != nil {
			return err
		}
		p.add(time.Duration(float64(p.Duration)*(float64(i+1)/float64(len(list)))), v, v)
	}
	return nil
}

func (p *Plan) spike(base, spike string) error {
	bad := fmt.Errorf("%q: a spike is RATE@START/LENGTH, such as 2000@30s/5s", p.text)
	more, when, ok := strings.Cut(spike, "@")
	at, long, ok2 := strings.Cut(when, "/")
	if !ok || !ok2 {
		return bad
	}
	start, err1 := time.ParseDuration(at)
	length, err2 := time.ParseDuration(long)
	if err1 != nil || err2 != nil || length <= 0 || start < 0 || start > p.Duration-length {
		return fmt.Errorf("%w, and within the duration", bad)
	}
	r, err := p.numbers(base, more)
	if err != nil {
		return err
	}
	p.add(start, r[0], r[0])
	p.add(start+length, r[0]+r[1], r[0]+r[1])
	p.add(p.Duration, r[0], r[0])
	return nil
}

func (s *part) count() float64 { return (s.from + s.to) / 2 * (s.end - s.begin).Seconds() }

// after is the time from the part's begin until n wake-ups have started.
func (s *part) after(n float64) time.Duration {
	if n <= 0 {
		return 0
	}
	slope := (s.to - s.from) / (s.end - s.begin).Seconds()
	// Solve from*t + slope/2*t*t = n, in the form that stays exact for a slope
	// near 0.
	t := 2 * n / (s.from + math.Sqrt(max(s.from*s.from+2*slope*n, 0)))
	return min(time.Duration(t*float64(time.Second)), s.end-s.begin)
}

// at is when n wake-ups have started; ok is false if the plan ends before.
func (p *Plan) at(n float64) (at time.Duration, ok bool) {
	least := n - 1e-9 - n*1e-15 // tolerate rounding errors
	i := sort.Search(len(p.parts), func(i int) bool { return p.parts[i].before+p.parts[i].count() >= least })
	if i == len(p.parts) {
		return 0, false
	}
	s := &p.parts[i]
	return s.begin + s.after(n-s.before), true
}

// Arrivals yields the times at which wake-ups are due, from the start of the
// plan. Poisson plans draw from draw.
func (p *Plan) Arrivals(draw *rand.Rand) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		for n := 0.0; ; {
			if p.Poisson {
				n += draw.ExpFloat64()
			} else {
				n++
			}
			if at, ok := p.at(n); !ok || !yield(at) {
				return
			}
		}
	}
}

// counts tells whether a wake-up due at this time counts. The last one of the
// warm-up is due exactly at its end, as the last one of the plan is.
func (p *Plan) counts(at time.Duration) bool { return at > p.Warmup || p.Warmup == 0 }

// Total is the number of wake-ups of the plan; with Poisson it is the mean.
func (p *Plan) Total() float64 {
	if len(p.parts) == 0 {
		return 0
	}
	last := &p.parts[len(p.parts)-1]
	return last.before + last.count()
}

// until is the number of wake-ups due up to a time; with Poisson it is the mean.
func (p *Plan) until(at time.Duration) float64 {
	n := 0.0
	for _, s := range p.parts {
		if at >= s.end {
			n = s.before + s.count()
			continue
		}
		if at > s.begin {
			t := (at - s.begin).Seconds()
			n = s.before + t*(s.from+(s.to-s.from)*t/(s.end-s.begin).Seconds()/2)
		}
		break
	}
	return n
}

// Peak is the highest rate of the plan.
func (p *Plan) Peak() (most float64) {
	for i := range p.parts {
		most = max(most, p.parts[i].from, p.parts[i].to)
	}
	return most
}

// Text is the rate as it was given to ParsePlan.
func (p *Plan) Text() string { return p.text }
