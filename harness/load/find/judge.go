package find

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/wording"
)

type verdict = result.Verdict

const (
	holds  = result.StepHolds
	fails  = result.StepFails
	unsure = result.StepUnsure
)

// What a step may show before it counts. All are choices of dmwake.
const (
	// keepsUp is how fast latency may grow, in seconds a second. A server whose
	// capacity is 5 % below the rate falls behind by 0.05 seconds each second. The
	// percentiles of a short step do not show that yet.
	keepsUp, keepsUpLong = 0.05, 0.02
	// fullCPU is the share of busy processors from which anything may have waited
	// for one. It is the server's own use only if it is watched, uses most of what is
	// used, and dmwake uses no more than littleCPU.
	fullCPU, littleCPU = 0.9, 0.2
	// A delay of dmwake itself is a cause from lateLeast on if it is that share of
	// the whole.
	lateLeast = 50 * time.Millisecond
	lateShare = 0.25
	// mergedMost is the share of wake-ups that may share their session with another
	// one. Beyond it the server had fewer sessions than the rate says.
	mergedMost = 0.02
)

// observed is what a step showed beside its result.
type observed struct {
	merged   int64  // done wake-ups without a session of their own
	waited   int64  // sessions that waited at the limit of workers
	excluded string // why devices of this step could not be enrolled; empty: all were
	busy     string // why the server was not idle before; empty: it was
}

// judge gives the verdict on a step. before is the result of the fastest step that
// held, or nil.
func judge(conditions []*result.Expectation, s *result.CapacityStep, o *observed, before *result.Result) {
	r := s.Result
	slow := false // a condition on a time is not met
	for _, c := range conditions {
		if ok, saw := c.Met(r); !ok {
			s.Why = append(s.Why, fmt.Sprintf("%s: saw %s", c, saw))
			slow = slow || c.OfTime()
		}
	}
	most := keepsUp
	if s.Confirmation {
		most = keepsUpLong
	}
	if g, ok := growth(r); ok && g > most {
		s.Why = append(s.Why, fmt.Sprintf("the server fell behind: latency grew by %.2fs each second", g))
		slow = true
	}
	if o.excluded != "" {
		s.Why = append(s.Why, o.excluded)
	}
	crowded := tooFewDevices(r, o)
	switch {
	case len(s.Why) == 0 && crowded == "":
		s.Verdict = holds
		return
	case len(s.Why) == 0: // it holds, but not at this rate
		s.Verdict, s.Own = unsure, []string{crowded}
		return
	}
	s.Own = ownCauses(s, o, before, slow)
	s.Verdict = fails
	if len(s.Own) > 0 {
		s.Verdict = unsure
	}
}

// tooFewDevices tells whether devices were woken again before their session began or
// ended. All their wake-ups share one more session, so that the server has fewer
// sessions than the rate says.
func tooFewDevices(r *result.Result, o *observed) string {
	if float64(o.merged) <= mergedMost*float64(r.Counts.Done) {
		return ""
	}
	return fmt.Sprintf("%d of %d wake-ups shared a session with another one, because their device was still in its previous session; take more devices", o.merged, r.Counts.Done)
}

// ownCauses lists what of dmwake or its machine may be why a step failed.
func ownCauses(s *result.CapacityStep, o *observed, before *result.Result, slow bool) (list []string) {
	r := s.Result
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if o.busy != "" {
		add("%s", o.busy)
	}
	for _, kind := range []string{load.NoPort, load.NoFile, load.NotTriggered} {
		if n := countErrors(r, kind); n > 0 {
			add("%s: %s", wording.Count(n, "wake-up"), kind)
		}
	}
	if isFull(r.CPU) && !serverFull(s) {
		add("%s", processors(r.CPU))
	}
	whole, late := r.Stages[result.Whole].At["p99"], r.Stages[result.Late].At["p99"]
	if late >= lateLeast.Microseconds() && float64(late) >= lateShare*float64(whole) {
		add("dmwake started wake-ups late (p99 %s)", result.Micros(late))
	}
	if !slow || len(list) > 0 {
		return list
	}
	switch g := grew(before, r); {
	case g.part == nil || !g.part.own(r):
	case o.waited > 0 && g.part.name == string(result.Wait):
		add("%s waited at the limit of workers (%d)", wording.Count(o.waited, "session"), r.Config.Workers)
	case g.part.name == string(result.Wait):
		add("devices were still in their previous session when they were woken again; take more devices")
	default:
		add("%s took %s on average: that is dmwake's own part", g.part.text, result.Micros(int64(g.now)))
	}
	return list
}

func isFull(c *result.CPU) bool { return c != nil && c.Busy+c.Stolen >= fullCPU }

// serverFull tells whether the server is known to use most of the processors.
func serverFull(s *result.CapacityStep) bool {
	use, c := s.ServerCPU, s.Result.CPU
	switch {
	case use == nil:
		return false
	case c == nil:
		return *use >= fullCPU
	}
	return *use >= fullCPU || isFull(c) && *use >= c.Busy/2 && c.Own <= littleCPU
}

func processors(c *result.CPU) string {
	return fmt.Sprintf("the processors of this machine were %.0f %% busy, %.0f %% by dmwake", 100*(c.Busy+c.Stolen), 100*c.Own)
}

func countErrors(r *result.Result, part string) (n int64) {
	for kind, k := range r.Errors {
		if strings.Contains(kind, part) {
			n += k
		}
	}
	return n
}

// leastPoints is how many seconds of a step growth needs.
const leastPoints = 5

// growth is how much later wake-ups end for each second that they are due later, in
// seconds; ok is false if the step is too short to tell. It is the median slope
// between any two seconds (Theil-Sen), so that one stall does not look like a server
// that falls behind.
func growth(r *result.Result) (slope float64, ok bool) {
	var points []result.CoursePoint
	warmup, _ := time.ParseDuration(r.Config.Warmup) // of our own plan; 0 is harmless
	for _, p := range r.Course {
		if p.Done > 0 && p.P50 > 0 && p.At >= warmup.Seconds() {
			points = append(points, p)
		}
	}
	if len(points) < leastPoints {
		return 0, false
	}
	var slopes []float64
	for i := range points {
		for _, later := range points[i+1:] {
			slopes = append(slopes, float64(later.P50-points[i].P50)/1e6/(later.At-points[i].At))
		}
	}
	slices.Sort(slopes)
	return slopes[len(slopes)/2], true
}
