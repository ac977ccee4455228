package result

import (
	"encoding/base64"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Histograms hold 1 microsecond to an hour. Stages keep three digits. A course
// has hundreds of histograms, for a plot only, and keeps two.
const (
	lowest       = 1
	highest      = int64(time.Hour / time.Microsecond)
	stageDigits  = 3
	courseDigits = 2
)

// Histogram records times in microseconds.
type Histogram struct{ *hdrhistogram.Histogram }

// NewHistogram returns an empty histogram for a stage.
func NewHistogram() Histogram { return Histogram{hdrhistogram.New(lowest, highest, stageDigits)} }

// Record adds a time. One out of range counts as the nearest in range.
func (h Histogram) Record(d time.Duration) {
	h.RecordValue(min(max(d.Microseconds(), lowest), highest)) //nolint:errcheck // it is in range
}

// Quantiles are the percentiles that a summary has.
var Quantiles = []struct {
	Name string
	At   float64 // percent
}{{"p50", 50}, {"p90", 90}, {"p95", 95}, {"p99", 99}, {"p999", 99.9}}

// Summary is a histogram in a result, in microseconds. Hist is the complete
// histogram (HdrHistogram V2 encoding in base64), so that results can be merged.
type Summary struct {
	Count int64            `json:"count"`
	Mean  float64          `json:"mean"`
	Max   int64            `json:"max"`
	At    map[string]int64 `json:"at"` // by the names of Quantiles
	Hist  string           `json:"hist"`
}

// Summary summarizes what was recorded so far.
func (h Histogram) Summary() Summary {
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
	s.Hist = h.encode()
	return s
}

// Histogram decodes the complete histogram.
func (s *Summary) Histogram() (Histogram, error) { return decode(s.Hist) }

// encode returns "" for an empty histogram.
func (h Histogram) encode() string {
	if h.TotalCount() == 0 {
		return ""
	}
	raw, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return "" // cannot happen: it writes to memory
	}
	return string(raw)
}

func decode(text string) (Histogram, error) {
	if text == "" {
		return NewHistogram(), nil
	}
	if _, err := base64.StdEncoding.DecodeString(text); err != nil {
		return Histogram{}, fmt.Errorf("the histogram is not base64: %w", err)
	}
	h, err := hdrhistogram.Decode([]byte(text))
	return Histogram{h}, err
}

// Merge adds up the summaries of one stage from several runs.
func Merge(list ...Summary) (Summary, error) {
	all := NewHistogram()
	for i := range list {
		h, err := list[i].Histogram()
		if err != nil {
			return Summary{}, err
		}
		if dropped := all.Merge(h.Histogram); dropped > 0 {
			return Summary{}, fmt.Errorf("%d values of a histogram are out of range", dropped)
		}
	}
	return all.Summary(), nil
}

func mergeStages(list []*Result) (map[Stage]Summary, error) {
	out := map[Stage]Summary{}
	for _, s := range Stages() {
		parts, measured := make([]Summary, len(list)), false
		for i, r := range list {
			one, ok := r.Stages[s]
			parts[i], measured = one, measured || ok
		}
		if !measured {
			continue // not a stage of this kind of load
		}
		var err error
		if out[s], err = Merge(parts...); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Micros formats microseconds for people.
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
