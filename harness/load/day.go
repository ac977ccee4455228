package load

import (
	"fmt"
	"time"
)

// Day is a working day: arrivals rise from Base at From to Peak, in the first quarter of
// the time until To, and fall back to Base in its last quarter. Rates are items a second.
// Every day of the plan is one.
type Day struct {
	From, To   time.Duration // since midnight, which is when the plan starts
	Peak, Base float64
}

const oneDay = 24 * time.Hour

// Plan is the day, or the days, as a plan. Errors are OptionErrors for Duration, Warmup
// and Rate.
func (d Day) Plan(duration, warmup time.Duration) (*Plan, error) {
	p := &Plan{Duration: duration, Warmup: warmup, text: d.text()}
	if err := p.checkTimes(); err != nil {
		return nil, err
	}
	switch {
	case d.From < 0 || d.To > oneDay || d.From >= d.To:
		return nil, optionError("Rate", "the day is from %s to %s; give two times of one day, such as 8h and 18h", Short(d.From), Short(d.To))
	case d.Peak <= 0 || d.Peak > MaxRate || d.Base < 0 || d.Base > d.Peak:
		return nil, optionError("Rate", "the day has a peak of %g and a base of %g; give a peak above 0 and not below the base", d.Peak, d.Base)
	case d.Base == 0 && d.From >= duration:
		return nil, optionError("Rate", "the day begins at %s, and the plan ends at %s", Short(d.From), Short(duration))
	}
	quarter := (d.To - d.From) / 4
	for midnight := time.Duration(0); midnight < duration; midnight += oneDay {
		p.addUntil(midnight+d.From, d.Base, d.Base)
		p.addUntil(midnight+d.From+quarter, d.Base, d.Peak)
		p.addUntil(midnight+d.To-quarter, d.Peak, d.Peak)
		p.addUntil(midnight+d.To, d.Peak, d.Base)
	}
	p.addUntil(duration, d.Base, d.Base)
	return p, nil
}

func (d Day) text() string {
	out := fmt.Sprintf("%s to %s each day, peak %g", Short(d.From), Short(d.To), d.Peak)
	if d.Base > 0 {
		out += fmt.Sprintf(", otherwise %g", d.Base)
	}
	return out
}

// addUntil is add, cut off at the end of the plan.
func (p *Plan) addUntil(end time.Duration, from, to float64) {
	begin := time.Duration(0)
	if n := len(p.parts); n > 0 {
		begin = p.parts[n-1].end
	}
	if end > p.Duration && end > begin {
		to = from + (to-from)*float64(p.Duration-begin)/float64(end-begin)
		end = p.Duration
	}
	p.add(end, from, to)
}
