package find

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/load/result"
)

// part is a piece of a wake-up's way. Together the parts are the whole.
type part struct {
	name string
	text string
	mean func(s map[result.Stage]result.Summary) float64 // in microseconds
	// ours tells whether only dmwake can be slow in it.
	ours func(c *result.Config) bool
}

func (p *part) own(r *result.Result) bool { return p.ours != nil && p.ours(&r.Config) }

func always(*result.Config) bool { return true }

// one is the mean of a stage, spread over all wake-ups that were done.
func one(stage result.Stage) func(map[result.Stage]result.Summary) float64 {
	return func(s map[result.Stage]result.Summary) float64 {
		n := s[result.Whole].Count
		if n == 0 {
			return 0
		}
		h := s[stage]
		return h.Mean * min(float64(h.Count)/float64(n), 1)
	}
}

// parts are in the order of the way.
var parts = []*part{
	{string(result.Late), "late (dmwake itself)", one(result.Late), always},
	{string(result.Queue), "queue (the queue hook)", one(result.Queue), nil},
	{string(result.Trigger), "trigger (from the trigger to the notification at WNS)", one(result.Trigger), func(c *result.Config) bool { return c.Sender == load.SenderWNS }},
	{string(result.Wake), "wake (WNS to the device)", one(result.Wake), always},
	{string(result.Wait), "wait (until the device is free)", one(result.Wait), always},
	{string(result.Open), "open (connection and TLS handshake)", func(s map[result.Stage]result.Summary) float64 {
		return max(one(result.Open)(s)-one(result.Wait)(s), 0)
	}, nil},
	{string(result.Reply), "reply (package 1 to the server's first reply)", one(result.Reply), nil},
	// A profile may take several replies of the server.
	{string(result.Done), "done (the device's work)", one(result.Done), func(c *result.Config) bool { return c.Work != "profile" }},
	{string(result.Ack), "ack (until the server acknowledged the work)", one(result.Ack), nil},
}

// rest is what the other parts leave of the whole.
var rest = &part{"rest", "rest (replies after the work)", func(s map[result.Stage]result.Summary) float64 {
	left := s[result.Whole].Mean
	for _, p := range parts {
		left -= p.mean(s)
	}
	return max(left, 0)
}, nil}

// grown is the part that grew most from one step to another, in microseconds. part is
// nil if the whole did not grow.
type grown struct {
	part         *part
	before, now  float64
	share, whole float64 // of the growth of the whole, and that growth
}

// grew finds the part that grew most. Without an earlier step it is the longest.
func grew(before, now *result.Result) (g grown) {
	was := map[result.Stage]result.Summary{}
	if before != nil {
		was = before.Stages
	}
	most := 0.0
	for _, p := range append(slices.Clone(parts), rest) {
		a, b := p.mean(was), p.mean(now.Stages)
		if b-a > 0 {
			g.whole += b - a
		}
		if b-a > most {
			most, g.part, g.before, g.now = b-a, p, a, b
		}
	}
	if g.part != nil {
		g.share = most / g.whole
	}
	return g
}

// limitOf says what limited the server, from the steps around its limit.
func limitOf(b bounds, steps []result.CapacityStep, to float64) result.Limit {
	l := whatLimited(b, steps, to)
	if s := last(steps, b.fails, false); s != nil && s.ServerCPU != nil { // a server of one thread is at its limit with one of them
		l.Text += fmt.Sprintf("; the server used %.2f of %d processors", *s.ServerCPU*float64(s.Result.Machine.CPUs), s.Result.Machine.CPUs)
	}
	return l
}

func whatLimited(b bounds, steps []result.CapacityStep, to float64) result.Limit {
	if b.fails == 0 {
		return result.Limit{Kind: result.LimitRange, Text: fmt.Sprintf("the search ended at %s, where it was told to", number(to))}
	}
	failed := last(steps, b.fails, false)
	if failed == nil {
		return result.Limit{Kind: result.LimitUnknown, Text: "the search ended before a limit was found"}
	}
	if failed.Verdict == unsure {
		return result.Limit{Kind: result.LimitOwn, Text: "dmwake or this machine: " + strings.Join(failed.Own, "; ")}
	}
	if serverFull(failed) {
		return result.Limit{Kind: result.LimitServerCPU, Text: "the server: it needs more processors"}
	}
	var before *result.Result
	at := ""
	if held := fastest(steps); held != nil {
		before, at = held.Result, " at "+number(held.Value)
	}
	c := &failed.Result.Counts
	errors, g := c.Failed+c.Lost, grew(before, failed.Result)
	// Some errors are the end of a long wait; then the stage says more.
	if errors > 0 && !slowed(before, failed.Result) {
		return result.Limit{Kind: result.LimitErrors, Text: fmt.Sprintf("the server: %d of %d wake-ups failed or were lost at %s, mostly: %s", errors, c.Started, number(failed.Value), mostFrequent(failed.Result.Errors))}
	}
	if g.part == nil || g.part.own(failed.Result) {
		return result.Limit{Kind: result.LimitUnknown, Text: fmt.Sprintf("no stage of the server grew at %s; not met: %s", number(failed.Value), strings.Join(failed.Why, "; "))}
	}
	text := fmt.Sprintf("the server: %s took %s on average at %s", g.part.text, result.Micros(int64(g.now)), number(failed.Value))
	if before != nil {
		text += fmt.Sprintf(", and %s%s: %.0f %% of all growth", result.Micros(int64(g.before)), at, 100*g.share)
	}
	return result.Limit{Kind: result.LimitStage, Stage: g.part.name, Text: text}
}

// slowed tells whether wake-ups took clearly longer than in an earlier step.
func slowed(before, now *result.Result) bool {
	was, is := 0.0, now.Stages[result.Whole].Mean
	if before != nil {
		was = before.Stages[result.Whole].Mean
	}
	return is >= float64(longLeast.Microseconds()) && is >= 2*was
}

// longLeast is the mean of the whole below which errors say more than times.
const longLeast = 100 * time.Millisecond

// fastest is the step that held with the lowest mean. Just below the limit a longer
// step may be slower than a short one just above it.
func fastest(steps []result.CapacityStep) (best *result.CapacityStep) {
	for i := range steps {
		s := &steps[i]
		if s.Verdict == holds && (best == nil || s.Result.Stages[result.Whole].Mean < best.Result.Stages[result.Whole].Mean) {
			best = s
		}
	}
	return best
}

// last is the latest step at a value that held, or that did not.
func last(steps []result.CapacityStep, value float64, held bool) *result.CapacityStep {
	for i := range slices.Backward(steps) {
		if s := &steps[i]; s.Value == value && (s.Verdict == holds) == held {
			return s
		}
	}
	return nil
}

func mostFrequent(errors map[string]int64) (kind string) {
	for k, n := range errors {
		if kind == "" || n > errors[kind] || n == errors[kind] && k < kind {
			kind = k
		}
	}
	return kind
}
