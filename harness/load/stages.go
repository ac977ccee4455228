package load

import (
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Stage is one part of the way from the trigger to the work done.
type Stage string

// The stages, each timestamped by who saw its end. Whole is measured from the
// time at which the wake-up was meant to start, Late is how much later it did.
const (
	Late    Stage = "late"    // meant to start -> started: dmwake's own delay
	Queue   Stage = "queue"   // started -> its work is queued, by the hook
	Trigger Stage = "trigger" // trigger -> the notification at WNS: the server's sender
	Wake    Stage = "wake"    // the notification at WNS -> the device
	Open    Stage = "open"    // the device -> package 1 leaves it, on an open connection
	Wait    Stage = "wait"    // of open: the device -> its session begins
	Out     Stage = "out"     // wake and open: the notification at WNS -> package 1 leaves the device
	Reply   Stage = "reply"   // package 1 -> the server's first reply
	Done    Stage = "done"    // the reply -> its commands are done
	Ack     Stage = "ack"     // done -> the server acknowledged them
	Whole   Stage = "whole"   // meant to start -> the session ended
	Polled  Stage = "polled"  // meant to start -> a poll brought what the push did not
)

// Stages are all of them, in the order of the way.
func Stages() []Stage {
	return []Stage{Late, Queue, Trigger, Wake, Wait, Open, Out, Reply, Done, Ack, Whole, Polled}
}

// Histograms keep microseconds up to an hour, to three digits.
const (
	lowest  = 1
	highest = int64(time.Hour / time.Microsecond)
	digits  = 3
)

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(lowest, highest, digits) }

// record notes a time; what is out of range counts as the nearest in it.
func record(h *hdrhistogram.Histogram, d time.Duration) {
	h.RecordValue(min(max(d.Microseconds(), lowest), highest)) //nolint:errcheck // it is in range
}

// Quantiles are what is told of a histogram.
var Quantiles = []struct {
	Name string
	At   float64 // percent
}{{"p50", 50}, {"p90", 90}, {"p95", 95}, {"p99", 99}, {"p999", 99.9}}

// Summary is a histogram as the report has it, in microseconds. Hist is the
// whole of it, HdrHistogram's V2 encoding in base64, so that reports can be
// merged.
type Summary struct {
	Count int64            `json:"count"`
	Mean  float64          `json:"mean"`
	Max   int64            `json:"max"`
	At    map[string]int64 `json:"at"` // by the names of Quantiles
	Hist  string           `json:"hist"`
}

func summarize(h *hdrhistogram.Histogram) Summary {
	s := Summary{Count: h.TotalCount(), At: map[string]int64{}}
	for _, q := range Quantiles {
		s.At[q.Name] = 0
	}
	if s.Count == 0 {
		return s
	}
	s.Mean, s.Max = h.Mean(), h.Max()
	for _, q := range Quantiles {
		s.At[q.Name] = h.ValueAtQuantile(q.At)
	}
	s.Hist = encode(h)
	return s
}

// encode writes a histogram, none where it is empty.
func encode(h *hdrhistogram.Histogram) string {
	if h.TotalCount() == 0 {
		return ""
	}
	raw, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return "" // it writes to memory
	}
	return string(raw)
}

func decode(text string) (*hdrhistogram.Histogram, error) {
	if text == "" {
		return newHistogram(), nil
	}
	if _, err := base64.StdEncoding.DecodeString(text); err != nil {
		return nil, fmt.Errorf("the histogram is not base64: %w", err)
	}
	return hdrhistogram.Decode([]byte(text))
}

// Histogram is the whole histogram of a summary.
func (s *Summary) Histogram() (*hdrhistogram.Histogram, error) { return decode(s.Hist) }

// Merge adds up summaries of one stage from several runs.
func Merge(list ...Summary) (Summary, error) {
	all := newHistogram()
	for i := range list {
		h, err := list[i].Histogram()
		if err != nil {
			return Summary{}, err
		}
		if dropped := all.Merge(h); dropped > 0 {
			return Summary{}, fmt.Errorf("%d values of a histogram are out of range", dropped)
		}
	}
	return summarize(all), nil
}

// Micros writes microseconds for people.
func Micros(us int64) string {
	d := time.Duration(us) * time.Microsecond
	switch {
	case d < time.Millisecond:
		return d.String()
	case d < time.Second:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}

func isStage(name string) bool { return slices.Contains(Stages(), Stage(name)) }
