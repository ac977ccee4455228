package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/report"
)

func reportCommand(s *streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "report",
		Short: "Compare or join the JSON reports of runs",
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(reportDiff(s), reportMerge(s))
	return c
}

func reportDiff(s *streams) *cobra.Command {
	return &cobra.Command{
		Use:   "diff BEFORE.json NOW.json",
		Short: "Say what was fixed, what broke, and what is new",
		Long:  "Compares two JSON reports. Exit code 0: nothing broke; 1: something did.",
		Args:  exactly(2, "two JSON reports"),
		RunE: func(_ *cobra.Command, args []string) error {
			before, err := readReport(args[0])
			if err != nil {
				return usage(err)
			}
			now, err := readReport(args[1])
			if err != nil {
				return usage(err)
			}
			fixed, broken, added, other := report.Diff(before, now)
			for _, l := range []struct {
				title string
				list  []report.Change
			}{{"broken", broken}, {"fixed", fixed}, {"new", added}, {"otherwise", other}} {
				for _, c := range l.list {
					fmt.Fprintf(s.out, "%-9s  %s %-6s %s -> %s  %s\n", l.title, c.ID, c.Level, orNone(c.Before), orNone(c.Now), c.Title)
				}
			}
			fmt.Fprintf(s.out, "%d broken, %d fixed, %d new, %d otherwise\n", len(broken), len(fixed), len(added), len(other))
			if len(broken) > 0 {
				return &exitError{exitFailed, errSilent}
			}
			return nil
		},
	}
}

func orNone(o report.Outcome) string {
	if o == "" {
		return "none"
	}
	return string(o)
}

func reportMerge(s *streams) *cobra.Command {
	var json, junit, html string
	c := &cobra.Command{
		Use:   "merge A.json B.json...",
		Short: "Join the reports of parts of a run into one",
		Long:  "Joins JSON reports of one target. A scenario that several have counts as it went worst. Exit codes are those of dmwake test.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usage(errors.New("give the JSON reports to join, two at least"))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			var parts []*report.Report
			for _, a := range args {
				r, err := readReport(a)
				if err != nil {
					return usage(err)
				}
				parts = append(parts, r)
			}
			merged, err := report.Merge(parts)
			if err != nil {
				return usage(err)
			}
			o, err := openOutputs(s.out, json, junit, html)
			if err != nil {
				return usage(err)
			}
			defer o.close()
			text, _ := merged.Verdict()
			fmt.Fprintf(s.err, "%d passed, %d failed, %d skipped, %d not applicable\n%s\n", merged.Summary.Passed, merged.Summary.Failed, merged.Summary.Skipped, merged.Summary.NotApplicable, text)
			if err := o.write(merged); err != nil {
				return usage(err)
			}
			return verdict(merged, nil, nil)
		},
	}
	c.Flags().StringVar(&json, "json", "", "write the JSON report to this file, - for standard output")
	c.Flags().StringVar(&junit, "junit", "", "write the JUnit report to this file")
	c.Flags().StringVar(&html, "html", "", "write the HTML report to this file")
	return c
}

func readReport(path string) (*report.Report, error) {
	f, err := os.Open(path) //nolint:gosec // the user names it
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := report.Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

func exactly(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return usage(fmt.Errorf("%s takes %s", c.CommandPath(), what))
		}
		return nil
	}
}
