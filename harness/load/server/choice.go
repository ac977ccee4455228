package server

import (
	"fmt"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/dmwake/dmwake/harness/load/result"
)

// choice is a name of series, with labels that they must have.
type choice struct {
	text, name string
	labels     map[string]string
	found      bool
}

// CheckSeries tells whether a text names a series.
func CheckSeries(text string) error {
	_, err := parseChoice(text)
	return err
}

// parseChoice reads NAME or NAME{label="value"}: a sample of the text format without
// its value.
func parseChoice(text string) (*choice, error) {
	bad := fmt.Errorf("%q is not a series; write NAME or NAME{label=\"value\"}", text)
	if strings.ContainsAny(text, "\n#") {
		return nil, bad
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	all, err := parser.TextToMetricFamilies(strings.NewReader(text + " 0\n"))
	if err != nil || len(all) != 1 {
		return nil, bad
	}
	c := &choice{text: text, labels: map[string]string{}}
	for name, f := range all {
		c.name = name
		if len(f.GetMetric()) != 1 || f.GetMetric()[0].TimestampMs != nil {
			return nil, bad
		}
		for _, l := range f.GetMetric()[0].GetLabel() {
			c.labels[l.GetName()] = l.GetValue()
		}
	}
	return c, nil
}

func (c *choice) has(labels []*dto.LabelPair) bool {
	for name, value := range c.labels {
		if !slices.ContainsFunc(labels, func(l *dto.LabelPair) bool { return l.GetName() == name && l.GetValue() == value }) {
			return false
		}
	}
	return true
}

// value is what a metric says: part is what the chosen name has beyond the family's.
// A counter and the count and sum of a histogram or summary become rates; the
// histogram or summary itself becomes a mean.
func value(f *dto.MetricFamily, m *dto.Metric, part string) (kind result.SeriesKind, sum, n float64, ok bool) {
	switch f.GetType() {
	case dto.MetricType_COUNTER:
		return result.Rate, m.GetCounter().GetValue(), 0, part == ""
	case dto.MetricType_GAUGE:
		return result.Gauge, m.GetGauge().GetValue(), 0, part == ""
	case dto.MetricType_UNTYPED:
		// Counters of OpenMetrics arrive like this: their type is told of the name
		// without _total.
		if strings.HasSuffix(f.GetName(), "_total") {
			return result.Rate, m.GetUntyped().GetValue(), 0, part == ""
		}
		return result.Gauge, m.GetUntyped().GetValue(), 0, part == ""
	case dto.MetricType_HISTOGRAM:
		sum, n = m.GetHistogram().GetSampleSum(), float64(m.GetHistogram().GetSampleCount())
	case dto.MetricType_SUMMARY:
		sum, n = m.GetSummary().GetSampleSum(), float64(m.GetSummary().GetSampleCount())
	default:
		return "", 0, 0, false
	}
	switch part {
	case "":
		return result.Mean, sum, n, true
	case "_count":
		return result.Rate, n, 0, true
	case "_sum":
		return result.Rate, sum, 0, true
	}
	return "", 0, 0, false
}

func labelText(labels []*dto.LabelPair) string {
	if len(labels) == 0 {
		return ""
	}
	var out []string
	for _, l := range labels {
		out = append(out, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
	}
	slices.Sort(out)
	return "{" + strings.Join(out, ",") + "}"
}
