package scenarios

import (
	"context"
	"io"
	"math"
	"sync"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/formatter"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
)

// suite is what RunSpecs wants of a *testing.T.
type suite struct{ failed bool }

func (s *suite) Fail() { s.failed = true }

// RunAll runs the scenarios as Ginkgo specs in this process, so many at a time,
// and tells each result as it comes; who is told may amend it. Ginkgo runs once in a process, and so does
// this. Results come in catalogue order; there are fewer than scenarios where
// ctx or a signal ended the run. Hook failures are gathered by their text.
func RunAll(ctx context.Context, l *lab.Lab, list []Scenario, parallel int, progress func(*report.Result)) (results []report.Result, hooks []string) {
	ctx, cancel := context.WithCancel(ctx)
	// On a signal Ginkgo returns while bodies are still running.
	var running sync.WaitGroup
	verdicts, ended := start(ctx, l, list, parallel)
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
					hooks = append(hooks, v.hook.Error())
				}
				progress(&v.result)
				results = append(results, v.result)
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
	out := formatter.ColorableStdOut
	formatter.ColorableStdOut = io.Discard
	defer func() { formatter.ColorableStdOut = out }()
	ginkgo.RunSpecs(&suite{}, "dmwake", suiteConfig, reporterConfig)
	cancel()
	<-ended
	running.Wait()
	return results, hooks
}
