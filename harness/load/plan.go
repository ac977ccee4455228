// Package load measures how long a push takes from its trigger to the work that
// it is for: an open-loop arrival of wake-ups over many simulated devices, a
// histogram for each stage of the way, measured from the time at which each was
// meant to start, so that a server that stalls is seen to (no coordinated
// omission).
package load

import (
	"errors"
	"fmt"
	"math/rand/v2"
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
	rate    func(t time.Duration) float64 // wake-ups a second at t
	text    string
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
	number := func(s string) (float64, error) {
		v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err != nil || !(v >= 0 && v <= maxRate) {
			return 0, fmt.Errorf("rate %q: %q is no number of wake-ups a second from 0 to %d", rate, s, maxRate)
		}
		return v, nil
	}
	if from, to, ok := strings.Cut(rate, ".."); ok {
		a, err1 := number(from)
		b, err2 := number(to)
		p.rate = func(t time.Duration) float64 { return a + (b-a)*float64(t)/float64(duration) }
		return p, cmpErr(err1, err2, a+b)
	}
	if base, spike, ok := strings.Cut(rate, "+"); ok {
		return p.spike(base, spike, number)
	}
	var steps []float64
	sum := 0.0
	for _, s := range strings.Split(rate, ",") {
		v, err := number(s)
		if err != nil {
			return nil, err
		}
		steps = append(steps, v)
		sum += v
	}
	p.rate = func(t time.Duration) float64 {
		return steps[min(int(float64(t)/float64(duration)*float64(len(steps))), len(steps)-1)]
	}
	return p, cmpErr(nil, nil, sum)
}

func (p *Plan) spike(base, spike string, number func(string) (float64, error)) (*Plan, error) {
	bad := fmt.Errorf("rate %q: a spike is RATE@START/LENGTH, such as 2000@30s/5s", p.text)
	more, when, ok := strings.Cut(spike, "@")
	at, long, ok2 := strings.Cut(when, "/")
	if !ok || !ok2 {
		return nil, bad
	}
	a, err1 := number(base)
	b, err2 := number(more)
	start, err3 := time.ParseDuration(at)
	length, err4 := time.ParseDuration(long)
	if err3 != nil || err4 != nil || length <= 0 || start < 0 || start+length > p.Duration {
		return nil, fmt.Errorf("%w, and within the duration", bad)
	}
	p.rate = func(t time.Duration) float64 {
		if t >= start && t < start+length {
			return a + b
		}
		return a
	}
	return p, cmpErr(err1, err2, a+b)
}

func cmpErr(a, b error, sum float64) error {
	switch {
	case a != nil:
		return a
	case b != nil:
		return b
	case sum == 0:
		return errors.New("a rate of 0 starts nothing")
	}
	return nil
}

// Rate is how many wake-ups a second are meant to start at t.
func (p *Plan) Rate(t time.Duration) float64 { return p.rate(t) }

// slice is the step in which rates are added up: short enough for the steepest
// ramp.
const slice = time.Millisecond

// Next gives the start of the wake-up after one at t; ok is false once the plan
// has ended. draw is for Poisson.
func (p *Plan) Next(t time.Duration, draw *rand.Rand) (next time.Duration, ok bool) {
	want := 1.0
	if p.Poisson {
		want = draw.ExpFloat64()
	}
	for t < p.Duration {
		r := p.rate(t)
		step := min(slice-t%slice, p.Duration-t)
		got := r * step.Seconds()
		// A billionth of a wake-up is what rounding leaves.
		if got >= want-1e-9 && r > 0 {
			return min(t+time.Duration(max(want, 0)/r*float64(time.Second)), p.Duration), true
		}
		want -= got
		t += step
	}
	return 0, false
}

// Total is how many wake-ups the plan starts, about.
func (p *Plan) Total() (n float64) {
	for t := time.Duration(0); t < p.Duration; t += 10 * slice {
		n += p.rate(t) * (10 * slice).Seconds()
	}
	return n
}

// Peak is the highest rate of it, about.
func (p *Plan) Peak() (most float64) {
	for t := time.Duration(0); t < p.Duration; t += 10 * slice {
		most = max(most, p.rate(t))
	}
	return most
}

// Text is the rate as it was given.
func (p *Plan) Text() string { return p.text }
