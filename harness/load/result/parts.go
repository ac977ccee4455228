package result

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/dmwake/dmwake/harness/wording"
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
	Away    int64             `json:"away,omitempty"` // as in Result
	Stages  map[Stage]Summary `json:"stages"`
	Course  []CoursePoint     `json:"course"`
	Errors  map[string]int64  `json:"errors,omitempty"`
}

// Rate is Result.Rate of the part.
func (p *LoadPart) Rate() float64 { return (&Result{Counts: p.Counts, Seconds: p.Seconds}).Rate() }

// All returns Parts, or the pushes as the only part.
func (r *Result) All() []LoadPart {
	if len(r.Parts) > 0 {
		return r.Parts
	}
	return []LoadPart{{Name: "pushes", Kind: "push", Plan: r.Config.Rate, Sender: r.Config.Sender, Work: r.Config.Work, Seconds: r.Seconds,
		Counts: r.Counts, Planned: r.Planned, Away: r.Away, Stages: r.Stages, Course: r.Course, Errors: r.Errors}}
}

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
	out.Stages, out.Errors, out.Course, out.Counts, out.Planned, out.Away, out.Parts = nil, map[string]int64{}, nil, Counts{}, 0, 0, nil
	out.Traces = joinTraces(list)
	for _, r := range list {
		out.Counts.Add(r.Counts)
		out.Counts.Offline = r.Counts.Offline // the same devices
		out.Planned, out.Away = out.Planned+r.Planned, out.Away+r.Away
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
			return nil, fmt.Errorf("result %d has %s, the first has %d", i+1, wording.Count(len(r.Parts), "part"), len(list[0].Parts))
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
				first.Errors = map[string]int64{}
				maps.Copy(first.Errors, p.Errors)
				continue
			}
			first.Counts.Add(p.Counts)
			first.Away += p.Away
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
		first.Planned, first.Away = first.Planned-first.Away, 0
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

// partsInTurn adds up the parts of batches that followed each other, by name. It returns
// nil if there were only pushes.
func partsInTurn(list []*Result) (out []LoadPart, err error) {
	same := map[string][]*Result{} // the part of each batch that has it
	for _, r := range list {
		for _, p := range r.All() {
			one := &Result{Started: r.Started, Config: Config{Rate: p.Plan}, Counts: p.Counts, Planned: p.Planned, Seconds: p.Seconds, Stages: p.Stages, Course: p.Course, Errors: p.Errors}
			if len(same[p.Name]) == 0 {
				out = append(out, p)
			}
			same[p.Name] = append(same[p.Name], one)
		}
	}
	if len(out) == 1 && out[0].Kind == "push" {
		return nil, nil
	}
	for i := range out {
		p := &out[i]
		p.Counts, p.Planned, p.Seconds, p.Errors = Counts{}, 0, 0, map[string]int64{}
		var plans []string
		for _, r := range same[p.Name] {
			offline := r.Counts.Offline // the same devices
			p.Counts.Add(r.Counts)
			p.Counts.Offline = offline
			p.Planned, p.Seconds, plans = p.Planned+r.Planned, p.Seconds+r.Seconds, append(plans, r.Config.Rate)
			for kind, n := range r.Errors {
				p.Errors[kind] += n
			}
		}
		p.Plan = strings.Join(plans, ", then ")
		if p.Stages, err = mergeStages(same[p.Name]); err != nil {
			return nil, err
		}
		p.Course = sequential(list[0].Started, same[p.Name])
	}
	return out, nil
}
