// Package load measures how long a push takes from its trigger to the work that
// it is for: an open-loop arrival of wake-ups over many simulated devices, a
// histogram for each stage of the way, measured from the time at which each was
// meant to start, so that a server that stalls is seen to (no coordinated
// omission).
package load

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Plan is when wake-ups are meant to start.
type Plan struct {
	Duration time.Duration
	Warmup   time.Duration // of the Duration; what starts in it is not counted
	// Poisson draws the time between two; otherwise they are as even as the rate
	// lets them be.
	Poisson bool
	text    string
	parts   []part // one after the other, from 0 to Duration
}

// part is a piece of a plan in which the rate changes evenly, or not at all.
type part struct {
	begin, end time.Duration
	from, to   float64 // wake-ups a second, at its begin and end
	before     float64 // wake-ups until its begin
}

// maxRate bounds what one process is asked for, in wake-ups a second.
const maxRate = 1_000_000

// ParsePlan reads a rate: "200" is constant, "50..500" a ramp, "50,100,200"
// steps of equal length, "100+2000@30s/5s" a spike of so many more that begins
// after 30 seconds and lasts five.
func ParsePlan(rate string, duration, warmup time.Duration) (*Plan, error) {
	p := &Plan{Duration: duration, Warmup: warmup, text: rate}
	switch {
	case duration <= 0:
		return nil, errors.New("the duration has to be more than 0")
	case warmup < 0 || warmup >= duration:
		return nil, fmt.Errorf("a warm-up of %s leaves nothing of the duration %s", warmup, duration)
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
		err = errors.New("a rate of 0 starts nothing")
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// add goes on with the plan until end.
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
	if err != nil || !(v >= 0 && v <= maxRate) {
		return 0, fmt.Errorf("rate %q: %q is no number of wake-ups a second from 0 to %d", p.text, s, maxRate)
	}
	return v, nil
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
	bad := fmt.Errorf("rate %q: a spike is RATE@START/LENGTH, such as 2000@30s/5s", p.text)
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

// after is how long after the part's begin so many wake-ups have started.
func (s *part) after(n float64) time.Duration {
	if n <= 0 {
		return 0
	}
	slope := (s.to - s.from) / (s.end - s.begin).Seconds()
	// What solves from*t + slope/2*t*t = n, in the form that is exact where the
	// slope is 0 or nearly so.
	t := 2 * n / (s.from + math.Sqrt(max(s.from*s.from+2*slope*n, 0)))
	return min(time.Duration(t*float64(time.Second)), s.end-s.begin)
}

// at is when so many wake-ups have started; ok is false where the plan has ended
// before.
func (p *Plan) at(n float64) (at time.Duration, ok bool) {
	least := n - 1e-9 - n*1e-15 // without what rounding leaves
	i := sort.Search(len(p.parts), func(i int) bool { return p.parts[i].before+p.parts[i].count() >= least })
	if i == len(p.parts) {
		return 0, false
	}
	s := &p.parts[i]
	return s.begin + s.after(n-s.before), true
}

// Arrivals are the times at which wake-ups are meant to start, from the plan's
// begin. draw is for Poisson.
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

// counts tells whether what starts at a time is after the warm-up. The last one of the
// warm-up starts as it ends, as the last one of all does when the plan ends.
func (p *Plan) counts(at time.Duration) bool { return at > p.Warmup || p.Warmup == 0 }

// Total is how many wake-ups the plan starts, with Poisson about.
func (p *Plan) Total() float64 {
	if len(p.parts) == 0 {
		return 0
	}
	last := &p.parts[len(p.parts)-1]
	return last.before + last.count()
}

// Peak is the highest rate of it.
func (p *Plan) Peak() (most float64) {
	for i := range p.parts {
		most = max(most, p.parts[i].from, p.parts[i].to)
	}
	return most
}

// Text is the rate as it was given.
func (p *Plan) Text() string { return p.text }
