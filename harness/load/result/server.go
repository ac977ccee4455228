package result

import "math"

// Server is what the server used while it was under load.
type Server struct {
	Processes []Process `json:"processes,omitempty"`
	Series    []Series  `json:"series,omitempty"`
	// Notes say what could not be read.
	Notes []string `json:"notes,omitempty"`
}

// Process is a process with its children, or a container.
type Process struct {
	PID       int    `json:"pid"`
	Container string `json:"container,omitempty"`
	Name      string `json:"name"`
	// CPUSeconds is the processor time from the end of the warm-up to the end of the
	// run, in seconds of one processor. Seconds is how long that was.
	CPUSeconds float64 `json:"cpuSeconds"`
	Seconds    float64 `json:"seconds"`
	// IdleCPU is the processor use before the first wake-up, as a share of one
	// processor; absent if there was no time to measure it.
	IdleCPU *float64 `json:"idleCPU,omitempty"`
	// CPUPerWake is the processor time of a wake-up that delivered something, in
	// seconds, without what the idle server would have used.
	CPUPerWake  float64 `json:"cpuPerWake,omitempty"`
	PeakRSS     int64   `json:"peakRSS"`             // resident memory, bytes
	PeakFiles   int     `json:"peakFiles,omitempty"` // open files; absent if they cannot be read
	PeakThreads int     `json:"peakThreads"`
	Course      []Usage `json:"course"`
}

// Usage is a step of a Process's course.
type Usage struct {
	At      float64 `json:"at"`  // end of the step, in seconds since the start of the plan
	CPU     float64 `json:"cpu"` // share of one processor since the step before
	RSS     int64   `json:"rss"`
	Files   int     `json:"files,omitempty"`
	Threads int     `json:"threads"`
}

// Series is one series of the server's own metrics.
type Series struct {
	URL  string `json:"url"`
	Name string `json:"name"` // with its labels
	// Kind says what the values are.
	Kind   SeriesKind `json:"kind"`
	Points []Sample   `json:"points"`
}

// SeriesKind says what the values of a Series are.
type SeriesKind string

// The kinds of series.
const (
	Rate  SeriesKind = "rate"  // of a counter: its increase per second since the point before
	Gauge SeriesKind = "gauge" // as the server tells it
	Mean  SeriesKind = "mean"  // of a histogram or summary: the mean of what was observed since the point before
)

// Sample is a value at a time.
type Sample struct {
	At    float64 `json:"at"` // seconds since the start of the plan
	Value float64 `json:"value"`
}

// NetCPU is the processor time without what the idle server would have used, in
// seconds; it is never less than 0.
func (p *Process) NetCPU() float64 {
	if p.IdleCPU == nil {
		return p.CPUSeconds
	}
	return math.Max(0, p.CPUSeconds-*p.IdleCPU*p.Seconds)
}

// firstServer is what the first of several processes saw of the server that all of
// them loaded; nil if none of them watched it.
func firstServer(list []*Result) *Server {
	for _, r := range list {
		if r.Server != nil {
			return r.Server
		}
	}
	return nil
}
