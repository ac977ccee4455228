package result

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestExpectations(t *testing.T) {
	h := NewHistogram()
	for i := range 1000 {
		h.Record(time.Duration(i+1) * time.Millisecond)
	}
	r := &Result{Kind: Kind, Counts: Counts{Started: 100, Done: 98, Lost: 2}, Seconds: 10, Stages: map[Stage]Summary{Whole: h.Summary(), Wake: h.Summary()}}
	r.Parts = []LoadPart{{Name: "a working day", Counts: Counts{Done: 3}, Seconds: 1, Stages: map[Stage]Summary{Whole: h.Summary()}}}
	for text, want := range map[string]bool{
		"a working day: done==3": true, "a working day:rate>=3.5": false, "a working day : p99<2s": true, "another: done==3": false,
		"p99<2s": true, "p99<500ms": false, "wake.p50<=501ms": true, "max<2s": true, "lost==0": false, "lost<=2": true, "rate>=9.8": true, "mean<600ms": true, "done!=98": false,
		"reply.p99<1h": false, // no measurements
	} {
		e, err := ParseExpectation(text)
		if err != nil {
			t.Fatal(err)
		}
		if ok, saw := e.Met(r); ok != want {
			t.Errorf("%s: %v, saw %s", text, ok, saw)
		}
	}
	for _, bad := range []string{"", "p99", "p98<1s", "x.p99<1s", "p99<5", "lost==1s", "lost<NaN", "p99<<1s", "polls: p98<1s", ": done==1"} {
		if _, err := ParseExpectation(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// TestMerge: merged halves have the same histogram as the whole, bucket for bucket.
func TestMerge(t *testing.T) {
	all, halves := NewHistogram(), [2]Summary{}
	for k := range halves {
		h := NewHistogram()
		for i := range 5000 {
			d := time.Duration(math.Pow(1.002, float64(i*2+k))) * time.Microsecond
			h.Record(d)
			all.Record(d)
		}
		halves[k] = h.Summary()
	}
	merged, err := Merge(halves[:]...)
	if err != nil {
		t.Fatal(err)
	}
	if want := all.Summary(); merged.Hist != want.Hist || merged.At["p99"] != want.At["p99"] || merged.Count != 10_000 {
		t.Errorf("%+v, want %+v", merged, want)
	}
	if _, err := Merge(Summary{Hist: "no"}); err == nil {
		t.Error("a broken histogram was merged")
	}
}

// sample is the result of a run of 30 wake-ups.
func sample() *Result {
	h, c := NewHistogram(), Course{Length: time.Second}
	for i := range 30 {
		d := time.Duration(i+1) * time.Millisecond
		h.Record(d)
		s := c.Step(i / 15)
		s.Started, s.Done = s.Started+1, s.Done+1
		s.Whole.Record(d)
	}
	return &Result{Kind: Kind, Started: time.Unix(1, 0).UTC(), Ended: time.Unix(4, 0).UTC(), Config: Config{Devices: 12, Rate: "15", Duration: "2s", Warmup: "0s", Work: "get", Seed: 1},
		Counts: Counts{Started: 30, Done: 30}, Planned: 30, Seconds: 2, Stages: map[Stage]Summary{Queue: h.Summary(), Whole: h.Summary()}, Course: c.Points(), Errors: map[string]int64{}}
}

// TestWriteAndRead: a result stays the same when it is written and read.
func TestWriteAndRead(t *testing.T) {
	r := sample()
	file := filepath.Join(t.TempDir(), "r.json")
	var b bytes.Buffer
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	x, _ := json.Marshal(r)     //nolint:errchkjson // it was written above
	y, _ := json.Marshal(again) //nolint:errchkjson // as above
	if !bytes.Equal(x, y) {
		t.Errorf("%s\n%s", x, y)
	}
}

// TestCompare: what makes a run worse than an earlier one.
func TestCompare(t *testing.T) {
	before, now := sample(), sample()
	var out bytes.Buffer
	before.Config.Seed++ // does not count
	if worse, err := Compare(&out, before, now, 0.1); err != nil || worse || !strings.Contains(out.String(), "whole") || strings.Contains(out.String(), "configurations") {
		t.Errorf("%v %v\n%s", worse, err, &out)
	}
	now.Counts.Lost++
	if worse, _ := Compare(&out, before, now, 0.1); !worse {
		t.Error("one more is lost, and the run is not worse")
	}
	delete(before.Stages, Queue)
	before.Config.Work = "none"
	out.Reset()
	if _, err := Compare(&out, before, now, 0.1); err != nil || !regexp.MustCompile(`queue +- +\d`).Match(out.Bytes()) || !strings.Contains(out.String(), "different configurations") {
		t.Errorf("%v\n%s", err, &out)
	}
}

// TestCompareNothingDone: two runs in which nothing was done are not a success.
func TestCompareNothingDone(t *testing.T) {
	nothing := func() *Result {
		r := sample()
		r.Counts.Done, r.Counts.Polled, r.Stages = 0, 0, nil
		return r
	}
	var out bytes.Buffer
	if _, err := Compare(&out, nothing(), nothing(), 0.1); err == nil || !strings.Contains(err.Error(), "nothing to compare with") {
		t.Errorf("nothing done in both: %v", err)
	}
	if worse, err := Compare(&out, sample(), nothing(), 0.1); err != nil || !worse || !strings.Contains(out.String(), "No wake-up was done") {
		t.Errorf("nothing done now: %v %v\n%s", worse, err, &out)
	}
	polled := sample()
	polled.Counts.Done, polled.Counts.Polled = 0, 5
	if worse, err := Compare(&out, polled, polled, 0.1); err != nil || worse {
		t.Errorf("by polling only: %v %v", worse, err)
	}
}

// TestSum: batches that followed each other are one result, and the course of the
// second continues where it began.
func TestSum(t *testing.T) {
	a, b := sample(), sample()
	b.Started = a.Started.Add(5 * time.Second)
	sum, err := Sum([]*Result{a, b})
	if err != nil {
		t.Fatal(err)
	}
	n := len(a.Course)
	if n != 2 || sum.Counts.Done != 60 || len(sum.Course) != 2*n || !slices.Equal(sum.Course[:n], a.Course) || sum.Course[n].At != 5 || sum.Course[n].Started != b.Course[0].Started ||
		sum.Config.Rate != "15, then 15" || sum.Config.Duration != "4s" || sum.Seconds != 4 {
		t.Errorf("%+v\n%+v\n%+v", sum.Counts, sum.Config, sum.Course)
	}
}

// TestSumOfParts: parts of batches that followed each other are added up by name. A batch
// of pushes alone belongs to the pushes.
func TestSumOfParts(t *testing.T) {
	part := func(name, kind, plan string, r *Result) *Result {
		r.Parts = []LoadPart{{Name: name, Kind: kind, Plan: plan, Seconds: r.Seconds, Counts: r.Counts, Planned: r.Planned, Stages: r.Stages, Course: r.Course}}
		return r
	}
	first, err := Beside([]*Result{part("pushes", "push", "15", sample()), part("polls", "poll", "every 1m", sample())})
	if err != nil {
		t.Fatal(err)
	}
	second, third := sample(), part("polls", "poll", "every 2m", sample())
	second.Started, third.Started = first.Started.Add(5*time.Second), first.Started.Add(9*time.Second)
	second.Errors = map[string]int64{"session: refused": 1}
	sum, err := Sum([]*Result{first, second, third})
	if err != nil {
		t.Fatal(err)
	}
	n := len(second.Course)
	pushes, polls := sum.Find("pushes"), sum.Find("polls")
	if len(sum.Parts) != 2 || sum.Counts.Done != 120 || pushes.Counts != polls.Counts || pushes.Counts.Done != 60 || pushes.Stages[Whole].Count != 60 || pushes.Errors["session: refused"] != 1 {
		t.Errorf("%+v\n%+v", sum.Counts, sum.Parts)
	}
	if pushes.Plan != "15, then 15" || polls.Plan != "every 1m, then every 2m" || pushes.Seconds != 4 || pushes.Course[n].At != 5 || polls.Course[n].At != 9 {
		t.Errorf("%s, %s, %g s\n%+v\n%+v", pushes.Plan, polls.Plan, pushes.Seconds, pushes.Course, polls.Course)
	}
}

// TestCombineErrorsOfParts: a part without errors in the first file has them all.
func TestCombineErrorsOfParts(t *testing.T) {
	a, b := sample(), sample()
	b.Config.Seed = a.Config.Seed + 1
	a.Parts = []LoadPart{{Name: "polls", Kind: "poll"}}
	b.Parts = []LoadPart{{Name: "polls", Kind: "poll", Errors: map[string]int64{"x": 2}}}
	all, err := Combine([]*Result{a, b})
	if err != nil || all.Parts[0].Errors["x"] != 2 || a.Parts[0].Errors != nil {
		t.Errorf("%+v %v", all, err)
	}
}

func TestParseShare(t *testing.T) {
	if s, err := ParseShare("2/3"); err != nil || s.Of != 3 || !slices.Equal(s.Mine, []int64{1}) || s.Count(7) != 2 || s.Whole() {
		t.Errorf("%+v %v", s, err)
	}
	for _, bad := range []string{"", "0/3", "4/3", "1", "a/b", "1/0", "1/99999999"} {
		if _, err := ParseShare(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	for want, s := range map[string]Share{"take 10 or 15": {Of: 5, Mine: []int64{0}}, "parts of 2": {Of: 2}, "part 1 of 2": {Of: 2, Mine: []int64{1, 1}}} {
		if err := s.Check(12); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", s, err, want)
		}
	}
}

// TestCompareParts: a part that is worse counts, also where the sum of all hides it.
func TestCompareParts(t *testing.T) {
	run := func(pushesLost, pollsLost int64) *Result {
		r := sample()
		for name, lost := range map[string]int64{"pushes": pushesLost, "polls": pollsLost} {
			p := LoadPart{Name: name, Kind: name, Counts: r.Counts, Stages: r.Stages}
			p.Counts.Lost = lost
			r.Parts = append(r.Parts, p)
		}
		slices.SortFunc(r.Parts, func(a, b LoadPart) int { return strings.Compare(a.Name, b.Name) })
		r.Counts.Lost = pushesLost + pollsLost
		return r
	}
	var out bytes.Buffer
	if worse, err := Compare(&out, run(3, 3), run(3, 3), 0.1); err != nil || worse || strings.Contains(out.String(), "is worse") {
		t.Errorf("%v %v\n%s", worse, err, &out)
	}
	out.Reset()
	if worse, err := Compare(&out, run(6, 0), run(1, 4), 0.1); err != nil || !worse || !strings.Contains(out.String(), "part polls is worse") || strings.Contains(out.String(), "part pushes is worse") {
		t.Errorf("%v %v\n%s", worse, err, &out)
	}
	out.Reset()
	other := run(3, 3)
	other.Parts[0].Name = "logins"
	if _, err := Compare(&out, run(3, 3), other, 0.1); err != nil || !strings.Contains(out.String(), "part logins: only in the later run") || !strings.Contains(out.String(), "part polls: only in the earlier run") {
		t.Errorf("%v\n%s", err, &out)
	}
}

// TestBeyond: a condition on a time can allow more than a run waits for; one on a number
// cannot.
func TestBeyond(t *testing.T) {
	for text, want := range map[string]bool{"p99<20s": true, "wake.p50<=16s": true, "p99<15s": false, "p99>20s": false, "lost==0": false, "rate<190": false} {
		e, err := ParseExpectation(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.Beyond(15 * time.Second); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
