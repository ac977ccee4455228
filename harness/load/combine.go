package load

import (
	"errors"
	"fmt"
)

// Combine adds up the results of runs that went on at the same time on several
// machines, each with devices of its own: counts are summed, histograms merged.
// Runs that were asked for different things are an error.
func Combine(list []*Result) (*Result, error) {
	if len(list) == 0 {
		return nil, errors.New("there is nothing to combine")
	}
	out := *list[0]
	out.Stages, out.Errors, out.Excluded, out.Course = map[Stage]Summary{}, map[string]int64{}, map[string]int{}, nil
	out.Counts, out.Notes, out.Aborted, out.Config.Devices, out.Planned, out.Part, out.CPU = Counts{}, nil, "", 0, 0, nil, nil
	if err := out.parts(list); err != nil {
		return nil, err
	}
	for i, r := range list {
		a, b := list[0].Config, r.Config
		a.Seed, b.Seed, a.Devices, b.Devices = 0, 0, 0, 0
		a.Workers, b.Workers = 0, 0 // by default what a machine allows
		if a != b {
			return nil, fmt.Errorf("result %d was asked for something else than the first: %+v and %+v", i+1, b, a)
		}
		out.Counts.add(r.Counts)
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
	if out.Stages, err = mergeStages(list); err != nil {
		return nil, err
	}
	if out.Course, err = beside(list); err != nil {
		return nil, err
	}
	return &out, nil
}

// parts sets how many devices and wake-ups the whole has, and checks that no
// device is in two results.
func (out *Result) parts(list []*Result) error {
	first := list[0]
	if first.Part == nil { // machines with seeds of their own
		for i, r := range list {
			for k := range i {
				if r.Part == nil && list[k].Config.Seed == r.Config.Seed {
					return fmt.Errorf("results %d and %d have the same seed, and so the same devices: give each machine its own --share of one run", k+1, i+1)
				}
			}
			if r.Part != nil {
				return fmt.Errorf("result %d is a share of a run, and the first is not", i+1)
			}
			out.Config.Devices += r.Config.Devices
			out.Planned += r.Planned
		}
		return nil
	}
	var shares []Share
	for i, r := range list {
		switch {
		case r.Part == nil:
			return fmt.Errorf("the first result is a share of a run, and result %d is not", i+1)
		case r.Config.Seed != first.Config.Seed || r.Config.Devices != first.Config.Devices:
			return fmt.Errorf("result %d is a share of another run than the first: seed %d of %d devices, and %d of %d", i+1, r.Config.Seed, r.Config.Devices, first.Config.Seed, first.Config.Devices)
		}
		shares = append(shares, r.Part.Share)
		out.Config.Devices += r.Part.Devices
		out.Planned = max(out.Planned, r.Planned)
	}
	_, missing, err := Union(shares)
	switch {
	case err != nil:
		return err
	case len(missing) > 0:
		return fmt.Errorf("shares are missing: %d of %d, the first of them %d/%d", len(missing), first.Part.Of, missing[0]+1, first.Part.Of)
	}
	return nil
}

func mergeStages(list []*Result) (map[Stage]Summary, error) {
	out := map[Stage]Summary{}
	for _, s := range Stages() {
		parts := make([]Summary, len(list))
		for i, r := range list {
			parts[i] = r.Stages[s]
		}
		var err error
		if out[s], err = Merge(parts...); err != nil {
			return nil, err
		}
	}
	return out, nil
}
