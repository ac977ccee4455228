// Package result holds what a load test measured: counts, a histogram per stage
// and the course of the run. It merges results, compares them, and checks them
// against expectations. It does not know how a load runs or how a page looks.
package result

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/dmwake/dmwake/harness/bounded"
	"github.com/dmwake/dmwake/harness/printable"
	"github.com/dmwake/dmwake/harness/report"
)

// Kind is Result.Kind.
const Kind = "load"

// Result is what a run measured. Compare and Combine read it back from JSON.
type Result struct {
	Dmwake  string        `json:"dmwake"`
	Kind    string        `json:"kind"` // Kind
	Started time.Time     `json:"started"`
	Ended   time.Time     `json:"ended"`
	Target  report.Target `json:"target"`
	Config  Config        `json:"config"`
	Machine Machine       `json:"machine"`
	CPU     *CPU          `json:"cpu,omitempty"` // absent if the system does not report it, and in merged results
	Counts  Counts        `json:"counts"`
	// Planned is how many wake-ups are due in the counted time, in all shares
	// together, whether or not the run was interrupted before.
	Planned int64 `json:"planned"`
	// Away is how many of these were polls of this share whose device was not there: it
	// was wiped, or could not be enrolled. Nobody started them.
	Away int64 `json:"away,omitempty"`
	// Seconds is the length of the counted time. If all wake-ups started at once,
	// it is the time until the last session ended.
	Seconds float64 `json:"seconds"`
	// Part says which part of the load this is, if several processes share it.
	Part *Part `json:"part,omitempty"`
	// Stages are the histograms in microseconds.
	Stages map[Stage]Summary `json:"stages"`
	Course []CoursePoint     `json:"course"`
	// Parts are what went on beside each other; absent if there were only pushes. Counts,
	// Stages, Course and Errors have the sums of all parts.
	Parts []LoadPart `json:"parts,omitempty"`
	// Errors counts failed and lost wake-ups by cause, Excluded the devices that
	// could not be enrolled.
	Errors   map[string]int64 `json:"errors"`
	Excluded map[string]int   `json:"excluded,omitempty"`
	Notes    []string         `json:"notes,omitempty"`
	// Server is what the server used meanwhile; absent if it was not watched.
	Server *Server `json:"server,omitempty"`
	// Traces are the wake-ups to look up in the server's traces; absent without
	// --trace-headers.
	Traces *Traces `json:"traces,omitempty"`
	// Aborted says why the run ended early.
	Aborted string `json:"aborted,omitempty"`
}

// Part is one process's part of a load.
type Part struct {
	Share
	Devices int `json:"devices"` // of this part
}

// Config repeats what the run was asked for.
type Config struct {
	Devices  int    `json:"devices"`
	Rate     string `json:"rate"`
	Storm    bool   `json:"storm,omitempty"`
	Poisson  bool   `json:"poisson,omitempty"`
	Duration string `json:"duration"`
	Warmup   string `json:"warmup"`
	// Poll is the interval at which the devices polled, if dmwake chose it. Speed says
	// how many times as fast as written Rate, Duration, Warmup and Poll were run; 0 is 1.
	Poll     string  `json:"poll,omitempty"`
	Speed    float64 `json:"speed,omitempty"`
	Sender   string  `json:"sender"`
	Work     string  `json:"work"`
	Settings int     `json:"settings,omitempty"`
	Who      string  `json:"who"`
	Offline  float64 `json:"offline,omitempty"`
	Key      string  `json:"key"`
	TLS      string  `json:"tls"` // keep-alive or full handshake
	Workers  int     `json:"workers"`
	Seed     uint64  `json:"seed"`
}

// OneByOne is Config.Rate if a script decided when to wake each device.
const OneByOne = "one by one"

// Machine is where the run took place.
type Machine struct {
	OS   string `json:"os"`
	Arch string `json:"arch"`
	CPUs int    `json:"cpus"`
	Go   string `json:"go"`
}

// CPU is the processor use during the run, each as a share of all processors:
// 1 means all of them, all the time.
type CPU struct {
	Own    float64 `json:"own"`    // by dmwake: devices, WNS, and the server if it is embedded
	Busy   float64 `json:"busy"`   // by all processes of the machine
	Stolen float64 `json:"stolen"` // taken by the host of a virtual machine
}

// Counts are the wake-ups by outcome, without the warm-up.
type Counts struct {
	Started int64 `json:"started"`
	Done    int64 `json:"done"`   // woken by the push, and the session succeeded
	Polled  int64 `json:"polled"` // a poll delivered the work, not the push
	Failed  int64 `json:"failed"`
	Lost    int64 `json:"lost"` // no session followed before the end of the run
	// Unfinished were under way when the run was interrupted. Their outcome is
	// unknown.
	Unfinished int64 `json:"unfinished,omitempty"`
	// Empty counts done wake-ups whose work no session delivered.
	Empty   int64 `json:"empty,omitempty"`
	Warm    int64 `json:"warmup"`
	Offline int   `json:"offlineDevices,omitempty"`
}

// Ended counts the wake-ups with a known outcome.
func (c *Counts) Ended() int64 { return c.Done + c.Polled + c.Failed + c.Lost }

// Add adds other counts.
func (c *Counts) Add(o Counts) {
	c.Started, c.Done, c.Polled = c.Started+o.Started, c.Done+o.Done, c.Polled+o.Polled
	c.Failed, c.Lost, c.Unfinished, c.Empty = c.Failed+o.Failed, c.Lost+o.Lost, c.Unfinished+o.Unfinished, c.Empty+o.Empty
	c.Warm, c.Offline = c.Warm+o.Warm, c.Offline+o.Offline
}

// Rate is the number of wake-ups done per second of the counted time, by push or by
// polling.
func (r *Result) Rate() float64 {
	if r.Seconds <= 0 {
		return 0
	}
	return float64(r.Counts.Done+r.Counts.Polled) / r.Seconds
}

// WriteJSON writes the result.
func (r *Result) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(printable.NewWriter(w, false))
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}

// Read reads the result of an earlier run.
func Read(path string) (*Result, error) {
	raw, err := bounded.ReadFile(path, bounded.Results)
	if err != nil {
		return nil, err
	}
	var r Result
	if err := json.Unmarshal(raw, &r); err != nil || r.Kind != Kind {
		return nil, fmt.Errorf("%s is not a result of dmwake load --json", path)
	}
	return &r, nil
}
