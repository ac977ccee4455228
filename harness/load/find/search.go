// Package find searches for a server's capacity: the highest rate of wake-ups, or
// the highest number of devices, at which all conditions hold. It says what the
// limit was, and never takes a limit of dmwake or its machine for the server's.
package find

import (
	"math"
	"strconv"
)

// span is where to search.
type span struct {
	from  float64 // the first value to try
	to    float64 // the highest; 0: no limit
	least float64 // the lowest: below it a step has too few wake-ups
	whole bool    // values are whole numbers
}

// precision is when a search ends: the lowest value that fails is at most this much
// above the highest that holds.
const precision = 0.05

// backoffs are the shares of a value that are tried next when a longer step does
// not confirm it.
var backoffs = []float64{0.95, 0.9, 0.8, 0.6, 0.5, 0.5}

// trial is a question of the search: do the conditions hold at this value?
type trial struct {
	value   float64
	confirm bool // ask with a longer step
}

// bounds are what a search found: the highest value that holds, and the lowest
// above it that does not. 0: none.
type bounds struct {
	holds, fails float64
	confirmed    bool
}

// search doubles the value until it fails, halves the distance between the highest
// value that holds and the lowest that fails until it is small, and then confirms
// the former. ask returns StepHolds, StepFails, StepUnsure or hopeless. If ask returns an error,
// search returns it with the bounds so far.
func (s *span) search(ask func(trial) (verdict, error)) (b bounds, err error) {
	if b, err = s.double(ask); err != nil || b.holds == 0 {
		return b, err
	}
	for b.fails > b.holds*(1+precision) {
		middle := s.round((b.holds + b.fails) / 2)
		if middle <= b.holds || middle >= b.fails {
			break
		}
		ok, err := twice(ask, middle, false)
		if err != nil {
			return b, err
		}
		b.note(middle, ok)
	}
	return s.confirm(b, ask)
}

// double finds a value that holds and, unless it reaches the highest value, one
// that fails.
func (s *span) double(ask func(trial) (verdict, error)) (b bounds, err error) {
	value := s.from
	for {
		// One hiccup at a low value must not end the search there.
		ok, err := twice(ask, value, true)
		if err != nil {
			return b, err
		}
		b.note(value, ok)
		switch {
		case ok && b.fails > 0, ok && s.to > 0 && value >= s.to:
			return b, nil
		case ok:
			value *= 2
			if s.to > 0 {
				value = min(value, s.to)
			}
		case b.holds > 0:
			return b, nil
		default:
			if value = s.round(value / 2); value < s.least || value >= b.fails {
				return b, nil // not even the lowest value holds
			}
		}
	}
}

// hopeless is a value that cannot be tried, now or later.
const hopeless verdict = "hopeless"

// twice asks a second time if the first answer was that dmwake or its machine may be
// the cause, and with always after any failure.
func twice(ask func(trial) (verdict, error), value float64, always bool) (bool, error) {
	v, err := ask(trial{value: value})
	if err == nil && (v == unsure || v == fails && always) {
		v, err = ask(trial{value: value})
	}
	return v == holds, err
}

// confirm tries the highest value that holds in a longer step, and lower ones if it
// does not hold there.
func (s *span) confirm(b bounds, ask func(trial) (verdict, error)) (bounds, error) {
	value := b.holds
	for i := 0; ; i++ {
		v, err := ask(trial{value, true})
		if err != nil {
			return b, err
		}
		if v == holds {
			b.holds, b.confirmed = value, true
			return b, nil
		}
		b.fails = value
		if i == len(backoffs) {
			b.holds = 0
			return b, nil
		}
		next := s.round(value * backoffs[i])
		if next >= value || next < s.least {
			b.holds = 0
			return b, nil
		}
		value, b.holds = next, next
	}
}

func (b *bounds) note(value float64, ok bool) {
	if ok {
		b.holds = value
	} else {
		b.fails = value
	}
}

// round keeps three digits, or as many as a whole number needs: nobody wants to know
// that a server can do 1234.375.
func (s *span) round(v float64) float64 {
	if v <= 0 {
		return 0
	}
	unit := math.Pow(10, math.Floor(math.Log10(v))-2)
	if s.whole {
		unit = max(unit, 1)
	}
	// Through text, because a unit of 0.1 is not exact.
	v, _ = strconv.ParseFloat(strconv.FormatFloat(math.Round(v/unit)*unit, 'g', 12, 64), 64)
	return v
}
