package scenarios

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/onsi/ginkgo/v2"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/scenarios/suite"
)

// Config is what Test and Specs run, and against what. The zero value runs all
// scenarios against the reference server, embedded.
type Config struct {
	// File is a dmwake.yaml that describes the server.
	File string
	// Load gives the configuration when the first scenario is about to run, for
	// servers that are started by then only; it comes before File.
	Load func() (*target.Config, error)
	// Only and Areas choose scenarios, as --only and --area do.
	Only, Areas []string
	// FailOn is what fails a test: report.OnMust by default. With
	// report.OnPartial a MUST that could not be decided fails, too.
	FailOn report.FailOn
	// Seed of identities and tokens; 0 draws one.
	Seed uint64
	// Log is told what the lab does; nil: nobody is.
	Log *slog.Logger
}

// running is a lab with a session of the catalogue.
type running struct {
	cfg  Config
	list []Scenario
	lab  *lab.Lab
	*suite.Session
}

func (c Config) choose() ([]Scenario, error) { return Select(c.Only, c.Areas) }

// start brings up the lab. A server that is not there, or refuses the
// credentials, is an error.
func (c Config) start(ctx context.Context) (*running, error) {
	list, err := c.choose()
	if err != nil {
		return nil, err
	}
	load := c.Load
	if load == nil && c.File != "" {
		load = func() (*target.Config, error) { return target.Load(c.File) }
	}
	var server *target.Config
	if load != nil {
		if server, err = load(); err != nil {
			return nil, err
		}
	}
	l, err := lab.Start(server, lab.Options{Seed: c.Seed, Log: c.Log})
	if err != nil {
		return nil, err
	}
	noEnroll := l.Preflight(ctx)
	var reach *lab.UnreachableError
	if errors.As(noEnroll, &reach) {
		l.Close()
		return nil, noEnroll
	}
	return &running{c, list, l, suite.NewSession(l, All(), noEnroll)}, nil
}

// fails tells whether a result fails a test.
func (c Config) fails(r *report.Result) bool {
	of := report.Report{FailOn: c.FailOn, Scenarios: []report.Result{*r}}
	of.Finish()
	return r.Outcome == report.Errored || len(of.Failures()) > 0 || of.FailedPartly()
}

// Test runs the scenarios as subtests of t, named by their ids, so that go test
// -run 'TestMDM/PFN' chooses among them. What could not look is skipped and says
// why; what is warned of is logged.
func Test(t *testing.T, c Config) {
	t.Helper()
	r, err := c.start(t.Context())
	if err != nil {
		t.Fatalf("dmwake: %v", err)
	}
	t.Cleanup(r.lab.Close)
	for i := range r.list {
		s := &r.list[i]
		t.Run(s.ID, func(t *testing.T) {
			res := r.Result(t.Context(), s.ID)
			text := fmt.Sprintf("%s %s: %s\n%s", s.ID, s.Level, s.Title, suite.Text(&res))
			switch {
			case r.cfg.fails(&res):
				t.Error(text)
			case res.Broken():
				t.Log(text)
			case res.Outcome != report.Passed:
				t.Skip(text)
			}
		})
	}
}

// Specs adds the scenarios to a Ginkgo suite, one spec each, with labels for
// area, level and needs: focus, label filters and reporters work as for any
// other spec. It is called where specs are declared:
//
//	var _ = scenarios.Specs(scenarios.Config{File: "dmwake.yaml"})
func Specs(c Config) bool {
	list, err := c.choose()
	return ginkgo.Describe("dmwake", ginkgo.Ordered, ginkgo.ContinueOnFailure, func() {
		var r *running
		ginkgo.BeforeAll(func(ctx ginkgo.SpecContext) {
			if err != nil {
				ginkgo.Fail("dmwake: " + err.Error())
			}
			var serr error
			if r, serr = c.start(ctx); serr != nil {
				ginkgo.Fail("dmwake: " + serr.Error())
			}
			ginkgo.DeferCleanup(func() { r.lab.Close() })
		})
		for i := range list {
			s := &list[i]
			ginkgo.It(s.ID+" "+s.Title, suite.Labels(s), func(ctx ginkgo.SpecContext) {
				res := r.Result(ctx, s.ID)
				switch {
				case c.fails(&res):
					ginkgo.Fail(suite.Text(&res))
				case res.Broken():
					ginkgo.AddReportEntry("warned", suite.Text(&res))
				case res.Outcome != report.Passed:
					ginkgo.Skip(suite.Text(&res))
				}
			})
		}
	})
}
