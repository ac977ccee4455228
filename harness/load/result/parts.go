package result

import (
	"errors"
	"fmt"
	"maps"
)

// LoadPart is what was measured of one part of a load: of the pushes, for example, beside
// which devices polled.
type LoadPart struct {
	Name    string            `json:"name"`
	Kind    string            `json:"kind"` // push, poll, ...
	Plan    string            `json:"plan"` // when: "0.5..5", "every 15m"
	Sender  string            `json:"sender,omitempty"`
	Work    string            `json:"work,omitempty"`
	Seconds float64           `json:"seconds"` // length of the counted time
	Counts  Counts            `json:"counts"`
	Planned int64             `json:"planned"`
	Stages  map[Stage]Summary `json:"stages"`
	Course  []CoursePoint     `json:"course"`
	Errors  map[string]int64  `json:"errors,omitempty"`
}

// Rate is Result.Rate of the part.
func (p *LoadPart) Rate() float64 { return (&Result{Counts: p.Counts, Seconds: p.Seconds}).Rate() }

// Find returns the part with this name, or nil.
func (r *Result) Find(name string) *LoadPart {
	for i := range r.Parts {
		if r.Parts[i].Name == name {
			return &r.Parts[i]
		}
	}
	return nil
}

// Beside adds up the results of parts that went on at the same time, with the same
// devices. Each has itself in Parts.
func Beside(list []*Result) (*Result, error) {
	if len(list) == 0 {
		return nil, errors.New("no results to add up")
	}
	out := *list[0]
	out.Stages, out.Errors, out.Course, out.Counts, out.Planned, out.Parts = nil, map[string]int64{}, nil, Counts{}, 0, nil
	out.Traces = joinTraces(list)
	for _, r := range list {
		out.Counts.Add(r.Counts)
		out.Counts.Offline = r.Counts.Offline // the same devices
		out.Planned += r.Planned
		out.Seconds = max(out.Seconds, r.Seconds)
		out.Parts = append(out.Parts, r.Parts...)
		for kind, n := range r.Errors {
			out.Errors[kind] += n
		}
		if r.Ended.After(out.Ended) {
			out.Ended = r.Ended
		}
	}
	var err error
	if out.Stages, err = mergeStages(list); err != nil {
		return nil, err
	}
	out.Course, err = parallel(list)
	return &out, err
}

// combineParts adds up the parts of several machines, part by part.
func combineParts(list []*Result) (out []LoadPart, err error) {
	for i, r := range list {
		if len(r.Parts) != len(list[0].Parts) {
			return nil, fmt.Errorf("result %d has %d parts, the first has %d", i+1, len(r.Parts), len(list[0].Parts))
		}
	}
	for k, first := range list[0].Parts {
		var same []*Result // the part of each machine
		for i, r := range list {
			p := r.Parts[k]
			if p.Name != first.Name || p.Kind != first.Kind || p.Plan != first.Plan {
				return nil, fmt.Errorf("part %d of result %d is %s (%s), of the first %s (%s)", k+1, i+1, p.Name, p.Plan, first.Name, first.Plan)
			}
			same = append(same, &Result{Counts: p.Counts, Stages: p.Stages, Course: p.Course, Errors: p.Errors, Part: r.Part})
			if i == 0 {
				first.Counts, first.Errors = p.Counts, maps.Clone(p.Errors)
				continue
			}
			first.Counts.Add(p.Counts)
			first.Seconds = max(first.Seconds, p.Seconds)
			if r.Part == nil {
				first.Planned += p.Planned // each has all of its own plan
			} else {
				first.Planned = max(first.Planned, p.Planned)
			}
			for kind, n := range p.Errors {
				first.Errors[kind] += n
			}
		}
		if first.Stages, err = mergeStages(same); err != nil {
			return nil, err
		}
		if first.Course, err = parallel(same); err != nil {
			return nil, err
		}
		out = append(out, first)
	}
	return out, nil
}
