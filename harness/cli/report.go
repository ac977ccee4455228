package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/report"
)

func reportCommand(s *streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "report",
		Short: "Compare or join the JSON reports of runs",
	}
	commandsOnly(c)
	c.AddCommand(reportDiff(s), reportMerge(s))
	return c
}

// since is a report whose page says what changed.
type since struct {
	*report.Report
	before *report.Report
}

// WriteHTML writes the page.
func (s since) WriteHTML(w io.Writer) error { return s.WriteHTMLSince(w, s.before) }

func reportDiff(s *streams) *cobra.Command {
	var html string
	c := &cobra.Command{
		Use:   "diff BEFORE.json NOW.json",
		Short: "Say what was fixed, what broke, and what is new",
		Long: `Compares two JSON reports of "dmwake test".

  broken     fails or warns now and did not before, or fails instead of warns
  fixed      passes now, and failed or warned before
  new        only in the later report, whatever its outcome
  undecided  was decided before, and is blocked, skipped or an error now
  other      every other change, and scenarios that are gone

Undecided is not broken: nobody knows what the server does there now. The page of
--html is the later report, with these changes first.

Exit codes: 0 nothing broke, 1 something did, 2 usage or a file that is not a
report.`,
		Args: exactly(2, "two JSON reports"),
		RunE: func(_ *cobra.Command, args []string) error {
			before, err := report.ReadFile(args[0])
			if err != nil {
				return usage(err)
			}
			now, err := report.ReadFile(args[1])
			if err != nil {
				return usage(err)
			}
			o, err := openOutputs(s.out, "", "", html)
			if err != nil {
				return usage(err)
			}
			defer o.close()
			d := report.Diff(before, now)
			for _, l := range d.Lists() {
				for _, c := range l.List {
					say(s.out, "%-9s  %s %-6s %s  %s\n", l.Word, c.ID, c.Level, c.Text(), c.Title)
				}
			}
			say(s.out, "%s\n", &d)
			if err := o.write(since{now, before}); err != nil {
				return usage(err)
			}
			o.tell(s.out)
			if len(d.Broken) > 0 {
				return &exitError{exitFailed, errSilent}
			}
			return nil
		},
	}
	c.Flags().StringVar(&html, "html", "", "write the HTML report to this file")
	return c
}

func reportMerge(s *streams) *cobra.Command {
	var json, junit, html string
	c := &cobra.Command{
		Use:   "merge A.json B.json...",
		Short: "Join the reports of parts of a run into one",
		Long: `Joins JSON reports of one target, from runs with the same --fail-on. Runs
against the embedded server have the same target if their mutants are the same.

If several reports have a scenario, its worst outcome counts, and a decided
outcome before blocked, skipped or error. A blocked scenario stays blocked while
its blocker is broken in the merged report. If the blocker passed in another
part, the scenario becomes skipped: run it again.

Exit codes are as for dmwake test.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usage(errors.New("give at least two JSON reports to join"))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			var parts []*report.Report
			for _, a := range args {
				r, err := report.ReadFile(a)
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
			say(s.err, "%s\n%s\n", merged.Summary.Counts(), text)
			if err := o.write(merged); err != nil {
				return usage(err)
			}
			o.tell(s.err)
			return verdict(merged, nil, nil)
		},
	}
	c.Flags().StringVar(&json, "json", "", "write the JSON report to this file, - for standard output")
	c.Flags().StringVar(&junit, "junit", "", "write the JUnit report to this file")
	c.Flags().StringVar(&html, "html", "", "write the HTML report to this file")
	return c
}

func exactly(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return usage(fmt.Errorf("%s takes %s", c.CommandPath(), what))
		}
		return nil
	}
}
