package load

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/report"
)

// Instance is what one of several processes did in the whole of a script: one
// result for each batch, in order.
type Instance struct {
	Kind    string    `json:"kind"` // "load-instance"
	Dmwake  string    `json:"dmwake"`
	TestID  string    `json:"testid"`
	ID      string    `json:"instance"` // its instance_id; empty where there is one alone
	Batches []*Result `json:"batches"`
	// Whole is false where the script did not come to its end.
	Whole bool `json:"whole"`
}

// KindInstance is Instance.Kind.
const KindInstance = "load-instance"

// InstanceMark begins the line that holds an Instance in a log.
const InstanceMark = "dmwake-instance: "

// NewInstance begins one.
func NewInstance(testID, id string) *Instance {
	return &Instance{Kind: KindInstance, Dmwake: report.Version, TestID: testID, ID: id}
}

// ReadInstance reads one from a file that holds it, or a log with lines that do;
// of those the last one counts.
func ReadInstance(path string) (*Instance, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	text := string(raw)
	if i := strings.LastIndex(text, InstanceMark); i >= 0 {
		text, _, _ = strings.Cut(text[i+len(InstanceMark):], "\n")
	}
	var in Instance
	switch err := json.Unmarshal([]byte(text), &in); {
	case err != nil || in.Kind != KindInstance:
		return nil, fmt.Errorf("%s is no result of an instance: it is what the script writes to its result file, or a log with a line %q", path, strings.TrimSpace(InstanceMark))
	case len(in.Batches) == 0:
		return nil, fmt.Errorf("%s: the instance started nothing", path)
	}
	for _, b := range in.Batches {
		if b == nil {
			return nil, fmt.Errorf("%s: a batch is missing", path)
		}
	}
	return &in, nil
}

// Sum adds up batches that the same devices went through one after the other.
func Sum(list []*Result) (*Result, error) {
	if len(list) == 0 {
		return nil, errors.New("there is nothing to add up")
	}
	out := *list[0]
	if len(list) == 1 {
		return &out, nil
	}
	var rates []string
	var long time.Duration
	out.Seconds = 0
	out.Stages, out.Errors, out.Notes, out.Course, out.Counts, out.Planned, out.CPU = map[Stage]Summary{}, map[string]int64{}, nil, nil, Counts{}, 0, nil
	for _, r := range list {
		out.Counts.add(r.Counts)
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
		long += d - w
		out.Seconds += r.Seconds
		out.Ended = r.Ended
	}
	var err error
	if out.Stages, err = mergeStages(list); err != nil {
		return nil, err
	}
	out.Course = after(list)
	out.Config.Rate, out.Config.Duration, out.Config.Warmup = strings.Join(rates, ", then "), long.String(), "0s"
	return &out, nil
}

func (c *Counts) add(o Counts) {
	c.Started, c.Done, c.Polled = c.Started+o.Started, c.Done+o.Done, c.Polled+o.Polled
	c.Failed, c.Lost, c.Unfinished, c.Empty = c.Failed+o.Failed, c.Lost+o.Lost, c.Unfinished+o.Unfinished, c.Empty+o.Empty
	c.Warm, c.Offline = c.Warm+o.Warm, c.Offline+o.Offline
}
