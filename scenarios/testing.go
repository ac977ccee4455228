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

// Config says what Test and Specs run, and against which server. The zero value
// runs all scenarios against the embedded reference server.
type Config struct {
	// File is the dmwake.yaml that describes the server.
	File string
	// Load returns the configuration just before the first scenario runs, for
	// servers that start that late. It takes precedence over File.
	Load func() (*target.Config, error)
	// Only and Areas select scenarios, as --only and --area do.
	Only, Areas []string
	// FailOn says what fails a test: report.OnMust by default. With
	// report.OnPartial an undecided MUST fails, too.
	FailOn report.FailOn
	// Seed drives identities and tokens; 0 picks one.
	Seed uint64
	// Log receives what the lab does; nil discards it.
	Log *slog.Logger
}

// running is a lab and a session of the catalogue.
type running struct {
	cfg  Config
	list []Scenario
	lab  *lab.Lab
	*suite.Session
}

func (c Config) choose() ([]Scenario, error) { return Select(c.Only, c.Areas) }

// start brings up the lab. It fails if the server cannot be reached or rejects
// the credentials.
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

// fails reports whether a result fails a test.
func (c Config) fails(r *report.Result) bool {
	of := report.Report{FailOn: c.FailOn, Scenarios: []report.Result{*r}}
	of.Finish()
	return r.Outcome == report.Errored || len(of.Failures()) > 0 || of.FailedPartly()
}

// Test runs the scenarios as subtests of t, named by their ids: go test -run
// 'TestMDM/PFN' selects among them. A scenario that could not be judged is
// skipped with the reason; a warning is logged.
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

// Specs adds the scenarios to a Ginkgo suite, one spec each, labelled by area,
// level and needs: focus, label filters and reporters work as usual. Call it
// where specs are declared:
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
