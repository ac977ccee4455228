package cli

import (
	"fmt"

	"github.com/dmwake/dmwake/harness/load"
	"github.com/spf13/cobra"
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

func loadMergeCommand(s *streams) *cobra.Command {
	var json, html string
	var expect []string
	c := &cobra.Command{
		Use:   "merge A.json B.json...",
		Short: "Add up the results of runs on several machines",
		Long: `Adds up results of "dmwake load --json" that went on at the same time on several
machines against one server, each with a --seed of its own: counts are summed and
histograms merged, so that the percentiles are those of all wake-ups together.
--expect holds the whole against what is expected.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usage(fmt.Errorf("dmwake load merge takes two files or more, and got %d", len(args)))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			var expected []*load.Expectation
			for _, text := range expect {
				e, err := load.ParseExpectation(text)
				if err != nil {
					return usage(fmt.Errorf("--expect %w", err))
				}
				expected = append(expected, e)
			}
			var list []*load.Result
			for _, path := range args {
				r, err := load.Read(path)
				if err != nil {
					return usage(err)
				}
				list = append(list, r)
			}
			all, err := load.Combine(list)
			if err != nil {
				return usage(err)
			}
			out, err := openOutputs(s.out, json, "", html)
			if err != nil {
				return usage(err)
			}
			defer out.close()
			if err := out.write(all); err != nil {
				return usage(err)
			}
			w := s.out
			if json == "-" {
				w = s.err
			}
			tell(w, all)
			return judge(w, all, expected)
		},
	}
	c.Flags().StringVar(&json, "json", "", "write the whole as JSON to this file (- for standard output)")
	c.Flags().StringVar(&html, "html", "", "write the whole as one HTML page to this file")
	c.Flags().StringArrayVar(&expect, "expect", nil, "what has to be so of the whole; repeatable")
	return c
}
