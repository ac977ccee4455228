package scenarios

import (
	"context"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/formatter"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// suite is what RunSpecs wants of a *testing.T.
type suite struct{ failed bool }

func (s *suite) Fail() { s.failed = true }

// Options of a run.
type Options struct {
	Parallel int // scenarios at a time
	// Progress is told each result as it comes, and may amend it.
	Progress func(*report.Result)
	// Trace is given the devices of each scenario that ended; nil: nobody is.
	Trace func(id string, devices ...*dmclient.Device)
}

// Outcome is what a run gave.
type Outcome struct {
	// Results come in the order of the list; there are fewer than scenarios
	// where the run ended early.
	Results []report.Result
	Hooks   []string // failures of hooks, each text once
	Notes   []string // crashes of the target from which it came back
	Down    error    // the target went away and did not come back
}

// RunAll runs the scenarios as Ginkgo specs in this process, so many at a time,
// in an order that the lab's seed draws. Ginkgo runs once in a process, and so does this. The run
// ends early where ctx ends, or the target goes away for good; scenarios that a
// budget leaves no time for are not applicable.
func RunAll(ctx context.Context, l *lab.Lab, list []Scenario, o Options) (out Outcome) {
	given := list
	if !l.Config.Target.Shared() { // one device is best looked at from its enrollment on
		list = shuffled(list, l.Seed)
	}
	ctx, cancel := context.WithCancel(ctx)
	// On a signal Ginkgo returns while bodies are still running.
	var running sync.WaitGroup
	watch := &watch{lab: l, trace: o.Trace}
	verdicts, ended := start(ctx, watch, list, o.Parallel)
	seen := map[string]bool{}
	ginkgo.Describe("dmwake", ginkgo.Ordered, ginkgo.ContinueOnFailure, func() {
		for i := range list {
			s := &list[i]
			ginkgo.It(s.ID+" "+s.Title, ginkgo.Label("area:"+s.Area(), "level:"+s.Level), func() {
				running.Add(1)
				defer running.Done()
				v, ok := <-verdicts[i]
				if !ok {
					ginkgo.Skip("interrupted")
				}
				if v.hook != nil && !seen[v.hook.Error()] {
					seen[v.hook.Error()] = true
					out.Hooks = append(out.Hooks, v.hook.Error())
				}
				o.Progress(&v.result)
				out.Results = append(out.Results, v.result)
				switch v.result.Outcome {
				case report.Failed:
					ginkgo.Fail(v.result.Saw)
				case report.Skipped, report.NotApplicable:
					ginkgo.Skip(v.result.Reason)
				}
			})
		}
	})
	suiteConfig, reporterConfig := ginkgo.GinkgoConfiguration()
	suiteConfig.RandomSeed = int64(l.Seed & math.MaxInt32)
	suiteConfig.Timeout = 0
	reporterConfig.Succinct, reporterConfig.NoColor = true, true
	// Ginkgo's own reporter is silent: progress and summary are ours.
	stdout := formatter.ColorableStdOut
	formatter.ColorableStdOut = io.Discard
	defer func() { formatter.ColorableStdOut = stdout }()
	ginkgo.RunSpecs(&suite{}, "dmwake", suiteConfig, reporterConfig)
	cancel()
	<-ended
	running.Wait()
	place := map[string]int{}
	for i, s := range given {
		place[s.ID] = i
	}
	slices.SortFunc(out.Results, func(a, b report.Result) int { return place[a.ID] - place[b.ID] })
	out.Notes, out.Down = watch.notes, watch.down
	return out
}

// shuffled is the list in another order: areas, and in them scenarios, as the
// seed draws them. What one leaves behind must not matter to another.
func shuffled(list []Scenario, seed uint64) []Scenario {
	draw := rand.New(rand.NewPCG(seed, 3)) //nolint:gosec // an order, no secret
	areas := map[string]int{}
	for _, s := range list {
		areas[s.Area()] = 0
	}
	names := slices.Sorted(maps.Keys(areas))
	for i, k := range draw.Perm(len(names)) {
		areas[names[i]] = k
	}
	list = slices.Clone(list)
	draw.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	slices.SortStableFunc(list, func(a, b Scenario) int { return areas[a.Area()] - areas[b.Area()] })
	return list
}
