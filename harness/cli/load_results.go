package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/load/verify"
)

func loadCompareCommand(s *streams) *cobra.Command {
	slack := 0.1
	c := &cobra.Command{
		Use:   "compare BEFORE.json NOW.json",
		Short: "Compare the results of two runs, stage by stage",
		Long: `Compares two results of "dmwake load --json". Exit code 1 if the later one is worse:
more lost, failed or polled, or a p99 of the whole that is over by more than
--slack.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usage(fmt.Errorf("dmwake load compare takes two files, and got %d", len(args)))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			before, err := load.Read(args[0])
			if err != nil {
				return usage(err)
			}
			now, err := load.Read(args[1])
			if err != nil {
				return usage(err)
			}
			worse, err := load.Compare(s.out, before, now, slack)
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
	c.Flags().Float64Var(&slack, "slack", slack, "by which share p99 may be over")
	return c
}

func loadVerifyCommand(s *streams) *cobra.Command {
	var json, html, prometheus string
	var instances int
	var expect []string
	c := &cobra.Command{
		Use:   "verify RESULT...",
		Short: "Give the one verdict on a load that several k6 processes shared",
		Long: `Holds the results of the k6 processes of one test together (the files that their
scripts write, or their logs), and against what came to --prometheus: that no
part is missing or there twice, that all began together, that every wake-up is
accounted for, and that Prometheus has the same counts and times. --expect holds
the whole against what is expected.

Exit codes: 0 all is so, 1 it is not, 2 usage, 3 Prometheus does not answer.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(errors.New("dmwake load verify takes the result files of the processes"))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			var list []*load.Instance
			for _, path := range args {
				in, err := load.ReadInstance(path)
				if errors.Is(err, os.ErrNotExist) {
					err = fmt.Errorf("%w: that process did not come as far as a result; its log says why", err)
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
					return usage(fmt.Errorf("--prometheus %w", err))
				}
				if list[0].TestID == "" {
					return usage(errors.New("--prometheus: the results have no testid; start k6 with --tag testid=NAME"))
				}
			}
			return s.whole(json, html, expect, func(w io.Writer) (*load.Result, error) {
				v := verify.Instances(list, instances)
				if server != nil {
					if err := v.Reconcile(c.Context(), server, list, time.Now()); err != nil {
						return nil, &exitError{exitUnreachable, err}
					}
				}
				for _, k := range v.Checks {
					fmt.Fprintf(w, "%-6s %s\n", map[bool]string{true: "ok", false: "NOT OK"}[k.OK], k.What)
				}
				if !v.OK() {
					return v.Whole, &exitError{exitFailed, errSilent}
				}
				return v.Whole, nil
			})
		},
	}
	c.Flags().StringVar(&prometheus, "prometheus", "", "the Prometheus that k6 wrote to, such as http://127.0.0.1:9090; without it the results alone are held together")
	c.Flags().IntVar(&instances, "instances", 0, "how many processes there were")
	c.Flags().StringVar(&json, "json", "", "write the whole as JSON to this file (- for standard output)")
	c.Flags().StringVar(&html, "html", "", "write the whole as one HTML page to this file")
	c.Flags().StringArrayVar(&expect, "expect", nil, "what has to be so of the whole; repeatable")
	return c
}

// whole makes one result of several and writes, tells and judges it. Where join
// gives an error with a result, that is written and told before.
func (s *streams) whole(json, html string, expect []string, join func(w io.Writer) (*load.Result, error)) error {
	var expected []*load.Expectation
	for _, text := range expect {
		e, err := load.ParseExpectation(text)
		if err != nil {
			return usage(fmt.Errorf("--expect %w", err))
		}
		expected = append(expected, e)
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
	unwritten := out.write(all)
	tell(w, all)
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
		Long: `Adds up results of "dmwake load --json" that went on at the same time on several
machines against one server, each with a --share of one run or a --seed of its own: counts are summed and
histograms merged, so that the percentiles are those of all wake-ups together.
--expect holds the whole against what is expected.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usage(fmt.Errorf("dmwake load merge takes two files or more, and got %d", len(args)))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			var list []*load.Result
			for _, path := range args {
				r, err := load.Read(path)
				if err != nil {
					return usage(err)
				}
				list = append(list, r)
			}
			return s.whole(json, html, expect, func(io.Writer) (*load.Result, error) {
				all, err := load.Combine(list)
				if err != nil {
					return nil, usage(err)
				}
				return all, nil
			})
		},
	}
	c.Flags().StringVar(&json, "json", "", "write the whole as JSON to this file (- for standard output)")
	c.Flags().StringVar(&html, "html", "", "write the whole as one HTML page to this file")
	c.Flags().StringArrayVar(&expect, "expect", nil, "what has to be so of the whole; repeatable")
	return c
}
