package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/load/page"
	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/load/verify"
)

func loadCompareCommand(s *streams) *cobra.Command {
	slack := 0.1
	c := &cobra.Command{
		Use:   "compare BEFORE.json NOW.json",
		Short: "Compare the results of two runs, stage by stage",
		Long: `Compares two results of "dmwake load --json", and of a plan each part.

Exit codes: 0 not worse, 1 worse: more wake-ups polled, failed, lost or without
work, none done, or the p99 of the whole grew by more than --slack, in all or in a
part; 2 usage, or no wake-up was done in the earlier run.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage(fmt.Errorf("dmwake load compare takes two files, but got %d", len(args)))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			before, err := result.Read(args[0])
			if err != nil {
				return usage(err)
			}
			now, err := result.Read(args[1])
			if err != nil {
				return usage(err)
			}
			worse, err := result.Compare(s.out, before, now, slack)
			if err != nil {
				return usage(err)
			}
			if worse {
				fmt.Fprintln(s.out, "worse than before")
				return &exitError{exitFailed, errSilent}
			}
			return nil
		},
	}
	c.Flags().Float64Var(&slack, "slack", slack, "share by which the p99 may grow")
	return c
}

func loadVerifyCommand(s *streams) *cobra.Command {
	var json, html, prometheus string
	var instances int
	var expect []string
	c := &cobra.Command{
		Use:   "verify RESULT...",
		Short: "Judge a load that several k6 processes shared",
		Long: `Checks the results of all k6 processes of one test (the files that their scripts
write, or their logs): no part is missing or counted twice, all started together,
and every wake-up is accounted for. With --prometheus it also checks that
Prometheus has the same counts and times. --expect applies to the combined result.

Exit codes: 0 all checks passed, 1 a check failed or an --expect was not met,
2 usage, 3 Prometheus does not answer.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(errors.New("dmwake load verify takes the result files of the processes"))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			var list []*result.Instance
			for _, path := range args {
				in, err := result.ReadInstance(path)
				if errors.Is(err, os.ErrNotExist) {
					err = fmt.Errorf("%w: the process ended without a result; its log says why", err)
				}
				if err != nil {
					return usage(err)
				}
				list = append(list, in)
			}
			var server *verify.Server
			if prometheus != "" {
				var err error
				if server, err = verify.NewServer(prometheus); err != nil {
					return usage(fmt.Errorf("--prometheus: %w", err))
				}
				if list[0].TestID == "" {
					return usage(errors.New("--prometheus: the results have no testid; start k6 with --tag testid=NAME"))
				}
			}
			return s.whole(json, html, expect, func(w io.Writer) (*result.Result, error) {
				v := verify.Instances(list, instances)
				if server != nil {
					if err := v.Reconcile(c.Context(), server, list, time.Now()); err != nil {
						return nil, &exitError{exitUnreachable, err}
					}
				}
				for _, k := range v.Checks {
					say(w, "%-6s %s\n", map[bool]string{true: "ok", false: "NOT OK"}[k.OK], k.What)
				}
				if !v.OK() {
					return v.Whole, &exitError{exitFailed, errSilent}
				}
				return v.Whole, nil
			})
		},
	}
	c.Flags().StringVar(&prometheus, "prometheus", "", "the Prometheus that k6 wrote to, such as http://127.0.0.1:9090 (default: check the results only)")
	c.Flags().IntVar(&instances, "instances", 0, "expected number of processes")
	c.Flags().StringVar(&json, "json", "", "write the combined result as JSON to this file (- for standard output)")
	c.Flags().StringVar(&html, "html", "", "write the combined result as an HTML page to this file")
	c.Flags().StringArrayVar(&expect, "expect", nil, "condition on the combined result, as for dmwake load; repeatable")
	return c
}

// whole joins several results, and writes, prints and judges the combined one. If
// join returns a result and an error, the result is still written and printed.
func (s *streams) whole(json, html string, expect []string, join func(w io.Writer) (*result.Result, error)) error {
	expected, err := parseExpectations(expect)
	if err != nil {
		return usage(err)
	}
	out, err := openOutputs(s.out, json, "", html)
	if err != nil {
		return usage(err)
	}
	defer out.close()
	w := s.out
	if json == "-" {
		w = s.err
	}
	all, failed := join(w)
	if all == nil {
		return failed
	}
	unwritten := out.write(loadReport{all})
	tell(w, all)
	out.tell(w)
	if unwritten != nil {
		return usage(unwritten)
	}
	return cmp.Or(failed, judge(w, all, expected))
}

func loadMergeCommand(s *streams) *cobra.Command {
	var json, html string
	var expect []string
	c := &cobra.Command{
		Use:   "merge A.json B.json...",
		Short: "Add up the results of runs on several machines",
		Long: `Adds up results of "dmwake load --json" from machines that loaded one server at the
same time, either with different --share of one run or with different --seed.
Counts are summed and histograms merged, so that percentiles are exact for all
wake-ups together. --expect applies to the combined result.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usage(fmt.Errorf("dmwake load merge takes two or more files, but got %d", len(args)))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			var list []*result.Result
			for _, path := range args {
				r, err := result.Read(path)
				if err != nil {
					return usage(err)
				}
				list = append(list, r)
			}
			return s.whole(json, html, expect, func(io.Writer) (*result.Result, error) {
				all, err := result.Combine(list)
				if err != nil {
					return nil, usage(err)
				}
				return all, nil
			})
		},
	}
	c.Flags().StringVar(&json, "json", "", "write the combined result as JSON to this file (- for standard output)")
	c.Flags().StringVar(&html, "html", "", "write the combined result as an HTML page to this file")
	c.Flags().StringArrayVar(&expect, "expect", nil, "condition on the combined result, as for dmwake load; repeatable")
	return c
}

// loadReport writes a result in the forms of outputs.
type loadReport struct{ *result.Result }

// WriteHTML implements written.
func (r loadReport) WriteHTML(w io.Writer) error { return page.Write(w, r.Result) }
