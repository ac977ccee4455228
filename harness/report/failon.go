package report

import (
	"fmt"
	"slices"
	"strings"
)

// FailOn says what makes a run fail: any of the words below. Empty means OnMust.
type FailOn []string

// The words of FailOn.
const (
	OnMust    = "must"    // a failed MUST
	OnShould  = "should"  // a warned SHOULD
	OnPartial = "partial" // an undecided MUST
	OnNothing = "nothing" // the run only reports; not combined with others
)

// ParseFailOn reads a list of words. It adds must to should and partial: nobody
// wants a run that fails on those but not on a MUST.
func ParseFailOn(words []string) (FailOn, error) {
	var out FailOn
	for _, w := range words {
		w = strings.ToLower(strings.TrimSpace(w))
		switch w {
		case OnMust, OnShould, OnPartial, OnNothing:
		default:
			return nil, fmt.Errorf("%q is not one of must, should, partial, nothing", w)
		}
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	if slices.Contains(out, OnNothing) && len(out) > 1 {
		return nil, fmt.Errorf("nothing cannot be combined with other words: %s", strings.Join(out, ","))
	}
	if len(out) > 0 && !slices.Contains(out, OnNothing) && !slices.Contains(out, OnMust) {
		out = append(FailOn{OnMust}, out...)
	}
	return out, nil
}

// same reports whether both fail the same runs.
func (f FailOn) same(g FailOn) bool {
	for _, w := range []string{OnShould, OnPartial, OnNothing} {
		if slices.Contains(f, w) != slices.Contains(g, w) {
			return false
		}
	}
	return f.level(Must) == g.level(Must)
}

func (f FailOn) String() string {
	if len(f) == 0 {
		return OnMust
	}
	return strings.Join(f, ",")
}

// level reports whether a broken scenario of that level fails the run.
func (f FailOn) level(level string) bool {
	switch level {
	case Must:
		return len(f) == 0 || slices.Contains(f, OnMust)
	case Should:
		return slices.Contains(f, OnShould)
	}
	return false
}
