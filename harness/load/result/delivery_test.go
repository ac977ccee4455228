package result

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

// wayOf is a way whose load has these times of sessions by push, and so many pieces of
// work by polls.
func wayOf(t *testing.T, pushed []time.Duration, polled int) *Way {
	t.Helper()
	h := NewHistogram()
	for _, d := range pushed {
		h.Record(d)
	}
	return &Way{Name: "way", DeviceHours: 2, Load: &Result{Parts: []LoadPart{
		{Name: "pushes", Counts: Counts{Started: int64(len(pushed) + polled), Done: int64(len(pushed)), Polled: int64(polled)}, Stages: map[Stage]Summary{Whole: h.Summary()}},
		{Name: "polls", Counts: Counts{Started: 9}},
	}}}
}

// TestDeliveryTimes: the wait for a poll is in the time of the plan, the session and
// what was pushed are not.
func TestDeliveryTimes(t *testing.T) {
	ms := time.Millisecond
	for _, c := range []struct {
		pushed []time.Duration
		polled []PolledWork
		want   Times
	}{
		{nil, []PolledWork{{.1, .01}, {.5, .01}}, Times{2, 6.01, 30.01, 30.01, 30.01}},
		{[]time.Duration{20 * ms, 30 * ms, 40 * ms}, nil, Times{3, .03, .04, .04, .04}},
		{[]time.Duration{20 * ms, 30 * ms}, []PolledWork{{1, .3}}, Times{3, .03, 60.3, 60.3, 60.3}},
		{nil, []PolledWork{{0, .004}}, Times{1, .004, .004, .004, .004}}, // queued right before its poll
		{nil, nil, Times{}},
	} {
		w := wayOf(t, c.pushed, len(c.polled))
		if err := w.Fill(60, c.polled); err != nil {
			t.Fatal(err)
		}
		for name, pair := range map[string][2]float64{"p50": {w.Delivery.P50, c.want.P50}, "p95": {w.Delivery.P95, c.want.P95}, "p99": {w.Delivery.P99, c.want.P99}, "max": {w.Delivery.Max, c.want.Max}} {
			if math.Abs(pair[0]-pair[1]) > .003*pair[1]+1e-9 { // three digits
				t.Errorf("%v and %v: %s is %g, want %g", c.pushed, c.polled, name, pair[0], pair[1])
			}
		}
		if w.Delivery.Count != c.want.Count || w.Polls != 9 || w.Counts.Started != c.want.Count {
			t.Errorf("%+v", w)
		}
	}
	if err := (&Way{Load: &Result{}}).Fill(1, nil); err == nil {
		t.Error("a load without parts was taken")
	}
}

// TestDeliveryTable: figures are per device and hour, and what was not measured is "-".
func TestDeliveryTable(t *testing.T) {
	cpu := 0.25
	d := &Delivery{Kind: KindDelivery, Devices: 2, Hours: 1, Speed: 60, Work: "get", WorkRate: 3, Ways: []Way{
		{Name: "poll 1m", DeviceHours: 2, Requests: 480, Bytes: 2e6, Connections: 240, ServerCPU: &cpu, Counts: Counts{Started: 6, Polled: 5, Lost: 1}, Delivery: Times{5, 31, 58, 4500, 7300}},
		{Name: "push, poll 8h", DeviceHours: 0, Counts: Counts{Started: 6, Done: 6}, Delivery: Times{6, .0064, .0123, .9, 1.5}},
		{Name: "push, poll 1m", DeviceHours: 2},
	}}
	var b bytes.Buffer
	if err := d.WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"|  | poll 1m | push, poll 8h | push, poll 1m |", "| --- | ---: | ---: | ---: |",
		"| server CPU, ms per device-hour | 125 | - | - |", "| requests, per device-hour | 240 | - | 0 |", "| bytes, kB per device-hour | 1000 | - | 0 |",
		"| delivery p50 | 31.0 s | 6.40 ms | - |", "| delivery p99 | 75.0 min | 900 ms | - |", "| delivery max | 2.03 h | 1.50 s | - |", "| work delivered | 5 of 6 | 6 of 6 | 0 of 0 |",
		"2 devices for 1 hours, 3 pieces of work (get) per device and hour at random moments.", "The hours ran 60 times as fast",
	} {
		if !strings.Contains(b.String(), want+"\n") && !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
	b.Reset()
	if err := d.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var back Delivery
	if err := json.Unmarshal(b.Bytes(), &back); err != nil || back.Kind != KindDelivery || len(back.Ways) != 3 || *back.Ways[0].ServerCPU != cpu {
		t.Errorf("%v, %+v", err, back)
	}
	if d.Speed = 1; len(d.Conditions()) != 1 {
		t.Errorf("at real speed: %v", d.Conditions())
	}
}
