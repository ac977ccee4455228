package result

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/bounded"
	"github.com/dmwake/dmwake/harness/printable"
	"github.com/dmwake/dmwake/harness/report"
)

// KindCapacity is Capacity.Kind.
const KindCapacity = "capacity"

// What a search for the capacity varies: Capacity.Of.
const (
	OfRate    = "rate"    // wake-ups a second
	OfDevices = "devices" // devices, each woken or checking in once in Every
)

// Capacity is the answer of a search for the highest rate, or the highest number of
// devices, at which all conditions hold.
type Capacity struct {
	Dmwake     string        `json:"dmwake"`
	Kind       string        `json:"kind"` // KindCapacity
	Started    time.Time     `json:"started"`
	Ended      time.Time     `json:"ended"`
	Target     report.Target `json:"target"`
	Machine    Machine       `json:"machine"`
	Of         string        `json:"of"`
	Every      string        `json:"every,omitempty"` // with OfDevices
	Polls      bool          `json:"polls,omitempty"` // devices check in by themselves
	Conditions []string      `json:"conditions"`
	// Steps are in the order in which they were tried.
	Steps []CapacityStep `json:"steps"`
	// Holds is the highest value at which the conditions held; 0: none.
	Holds float64 `json:"holds"`
	// Confirmed tells whether they also held in a longer step at this value.
	Confirmed bool `json:"confirmed"`
	// Fails is the lowest value above Holds at which they did not hold; 0: none
	// was tried.
	Fails float64 `json:"fails,omitempty"`
	// AtLeast says that the server may be able to do more: dmwake or its machine
	// was the limit, or the search ended before a limit was found.
	AtLeast bool  `json:"atLeast"`
	Limit   Limit `json:"limit"`
	// Aborted says why the search ended early.
	Aborted string `json:"aborted,omitempty"`
}

// CapacityStep is one rate or number of devices that was tried.
type CapacityStep struct {
	Value        float64 `json:"value"` // of what Capacity.Of says
	Rate         float64 `json:"rate"`  // wake-ups a second
	Confirmation bool    `json:"confirmation,omitempty"`
	Verdict      Verdict `json:"verdict"`
	// Why says what did not hold.
	Why []string `json:"why,omitempty"`
	// Own says what of dmwake, or of its machine, may be the cause.
	Own []string `json:"own,omitempty"`
	// Merged are done wake-ups that shared their session with another one.
	Merged int64 `json:"merged,omitempty"`
	// ServerCPU is the share of this machine's processors that the server used; absent
	// if it is not watched.
	ServerCPU *float64 `json:"serverCpu,omitempty"`
	Result    *Result  `json:"result"`
}

// Verdict is the outcome of a step.
type Verdict string

// The verdicts.
const (
	StepHolds Verdict = "holds"
	StepFails Verdict = "fails"
	// StepUnsure is a step that says nothing of the server: dmwake or its machine may
	// be why the conditions did not hold.
	StepUnsure Verdict = "unsure"
)

// The kinds of limits.
const (
	LimitServerCPU = "server-cpu" // the server's processors were full
	LimitStage     = "stage"      // one stage grew more than the others
	LimitErrors    = "errors"     // wake-ups failed or were lost
	LimitOwn       = "own"        // dmwake, or its machine
	LimitRange     = "range"      // the search reached its highest value
	LimitUnknown   = "unknown"
)

// Limit says what limited the server.
type Limit struct {
	Kind  string `json:"kind"`
	Stage string `json:"stage,omitempty"` // with LimitStage
	Text  string `json:"text"`
}

// Unit is what the values count.
func (c *Capacity) Unit() string {
	switch {
	case c.Of != OfDevices:
		return "wake-ups a second"
	case c.Polls:
		return "devices, each checking in every " + c.Every
	}
	return "devices, each woken every " + c.Every
}

// Found is the result of the step that Holds rests on; nil if there is none. It is
// the confirmation, if there was one.
func (c *Capacity) Found() (r *Result) {
	for i := range c.Steps {
		if s := &c.Steps[i]; s.Verdict == StepHolds && s.Value == c.Holds {
			r = s.Result // the last one: the confirmation
		}
	}
	return r
}

// WriteJSON writes the answer.
func (c *Capacity) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(printable.NewWriter(w, false))
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(c)
}

// ReadCapacity reads the answer of an earlier search.
func ReadCapacity(path string) (*Capacity, error) {
	raw, err := bounded.ReadFile(path, bounded.Results)
	if err != nil {
		return nil, err
	}
	var c Capacity
	if err := json.Unmarshal(raw, &c); err != nil || c.Kind != KindCapacity {
		return nil, fmt.Errorf("%s is not a result of dmwake load --find --json", path)
	}
	return &c, nil
}

// Short formats a duration without the parts that are zero: 1m, not 1m0s.
func Short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
