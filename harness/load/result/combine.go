package result

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Combine adds up runs that went on at the same time on several machines, each
// with its own devices: counts are summed, histograms merged. All runs must have
// the same configuration.
func Combine(list []*Result) (*Result, error) {
	if len(list) == 0 {
		return nil, errors.New("no results to combine")
	}
	out := *list[0]
	out.Stages, out.Errors, out.Excluded, out.Course = map[Stage]Summary{}, map[string]int64{}, map[string]int{}, nil
	out.Counts, out.Notes, out.Aborted, out.Config.Devices, out.Planned, out.Away, out.Part, out.CPU = Counts{}, nil, "", 0, 0, 0, nil, nil
	out.Server, out.Traces = firstServer(list), joinTraces(list)
	if err := out.addParts(list); err != nil {
		return nil, err
	}
	for i, r := range list {
		a, b := list[0].Config, r.Config
		a.Seed, b.Seed, a.Devices, b.Devices = 0, 0, 0, 0
		a.Workers, b.Workers = 0, 0 // the default depends on the machine
		if a != b {
			return nil, fmt.Errorf("result %d has another configuration than the first: %+v and %+v", i+1, b, a)
		}
		out.Counts.Add(r.Counts)
		out.Seconds = max(out.Seconds, r.Seconds)
		if r.Ended.After(out.Ended) {
			out.Ended = r.Ended
		}
		if r.Started.Before(out.Started) {
			out.Started = r.Started
		}
		for kind, n := range r.Errors {
			out.Errors[kind] += n
		}
		for why, n := range r.Excluded {
			out.Excluded[why] += n
		}
		for _, n := range r.Notes {
			out.Notes = append(out.Notes, fmt.Sprintf("machine %d: %s", i+1, n))
		}
		if r.Aborted != "" {
			out.Aborted = fmt.Sprintf("machine %d: %s", i+1, r.Aborted)
		}
	}
	var err error
	if out.Parts, err = combineParts(list); err != nil {
		return nil, err
	}
	if out.Stages, err = mergeStages(list); err != nil {
		return nil, err
	}
	if out.Course, err = parallel(list); err != nil {
		return nil, err
	}
	return &out, nil
}

// addParts adds up devices and planned wake-ups, and checks that no device is in
// two results: either all results are shares of one run, or each has its own
// seed.
func (r *Result) addParts(list []*Result) error {
	if list[0].Part == nil {
		return r.addSeeds(list)
	}
	return r.addShares(list)
}

func (r *Result) addSeeds(list []*Result) error {
	for i, in := range list {
		for k := range i {
			if in.Part == nil && list[k].Config.Seed == in.Config.Seed {
				return fmt.Errorf("results %d and %d have the same seed, hence the same devices: give each machine its own --share of one run", k+1, i+1)
			}
		}
		if in.Part != nil {
			return fmt.Errorf("result %d is a share of a run, the first is not", i+1)
		}
		r.Config.Devices += in.Config.Devices
		r.Planned += in.Planned
	}
	return nil
}

func (r *Result) addShares(list []*Result) error {
	first := list[0]
	var shares []Share
	for i, in := range list {
		switch {
		case in.Part == nil:
			return fmt.Errorf("the first result is a share of a run, result %d is not", i+1)
		case in.Config.Seed != first.Config.Seed || in.Config.Devices != first.Config.Devices:
			return fmt.Errorf("result %d is a share of another run than the first: seed %d with %d devices, and %d with %d", i+1, in.Config.Seed, in.Config.Devices, first.Config.Seed, first.Config.Devices)
		}
		shares = append(shares, in.Part.Share)
		r.Config.Devices += in.Part.Devices
		r.Planned = max(r.Planned, in.Planned)
	}
	for _, in := range list {
		r.Planned -= in.Away
	}
	_, missing, err := Union(shares)
	switch {
	case err != nil:
		return err
	case len(missing) > 0:
		return fmt.Errorf("shares are missing: %d of %d, the first is %d/%d", len(missing), first.Part.Of, missing[0]+1, first.Part.Of)
	}
	return nil
}

// Sum adds up batches that the same devices went through one after the other.
func Sum(list []*Result) (*Result, error) {
	if len(list) == 0 {
		return nil, errors.New("no results to add up")
	}
	out := *list[0]
	if len(list) == 1 {
		return &out, nil
	}
	var rates []string
	var counted time.Duration
	out.Seconds = 0
	out.Stages, out.Errors, out.Notes, out.Course, out.Counts, out.Planned, out.CPU = map[Stage]Summary{}, map[string]int64{}, nil, nil, Counts{}, 0, nil
	out.Server, out.Traces = nil, joinTraces(list)
	for _, r := range list {
		out.Counts.Add(r.Counts)
		out.Counts.Offline = r.Counts.Offline
		out.Planned += r.Planned
		for kind, n := range r.Errors {
			out.Errors[kind] += n
		}
		for _, n := range r.Notes {
			if !strings.Contains(strings.Join(out.Notes, "\n"), n) {
				out.Notes = append(out.Notes, n)
			}
		}
		if out.Aborted == "" {
			out.Aborted = r.Aborted
		}
		rates = append(rates, r.Config.Rate)
		d, err1 := time.ParseDuration(r.Config.Duration)
		w, err2 := time.ParseDuration(r.Config.Warmup)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		counted += d - w
		out.Seconds += r.Seconds
		out.Ended = r.Ended
	}
	var err error
	if out.Stages, err = mergeStages(list); err != nil {
		return nil, err
	}
	if out.Parts, err = partsInTurn(list); err != nil {
		return nil, err
	}
	out.Course = sequential(out.Started, list)
	out.Config.Rate, out.Config.Duration, out.Config.Warmup = strings.Join(rates, ", then "), counted.String(), "0s"
	return &out, nil
}
