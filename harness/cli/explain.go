package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/explain"
	"github.com/dmwake/dmwake/harness/repro"
)

func explainCommand(s *streams) *cobra.Command {
	var list bool
	c := &cobra.Command{
		Use:   "explain [syncml|push-status|wns|token] CODE",
		Short: "Say what a code on the push path means, its causes, and what to do",
		Long: `Explains a SyncML status, a value of Push/Status, an answer from WNS or an error
from the token endpoint: what it means on this path, its known causes with the
most likely first, and what to check.

  dmwake explain 418
  dmwake explain push-status 3
  dmwake explain wns 410
  dmwake explain AADSTS7000215`,
		Args: func(_ *cobra.Command, args []string) error {
			if !list && (len(args) < 1 || len(args) > 2) {
				return usage(fmt.Errorf("give a code, such as 418; --list shows all"))
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) (out []string, _ cobra.ShellCompDirective) {
			for _, f := range explain.All() {
				out = append(out, f.Code+"\t"+f.Means)
			}
			return out, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if list {
				for _, f := range explain.All() {
					fmt.Fprintf(s.out, "%-17s %-36s %s\n", f.Code, f.Where, f.Means)
				}
				return nil
			}
			return explainCode(s, args)
		},
	}
	c.Flags().BoolVar(&list, "list", false, "list all codes, one per line")
	return c
}

func explainCode(s *streams, args []string) error {
	in, code := "", args[len(args)-1]
	if len(args) == 2 {
		in = strings.ToLower(args[0])
		if !slices.Contains(explain.Narrows(), in) {
			return usage(fmt.Errorf("%q is not one of %s", args[0], strings.Join(explain.Narrows(), ", ")))
		}
	}
	found := explain.Lookup(in, code)
	if in == "" && slices.Contains(explain.Narrows(), strings.ToLower(code)) {
		found = explain.Place(strings.ToLower(code))
	}
	if len(found) == 0 {
		return usage(fmt.Errorf("unknown code %s; dmwake explain --list shows all", strings.Join(args, " ")))
	}
	for i, f := range found {
		if i > 0 {
			fmt.Fprintln(s.out)
		}
		fmt.Fprintf(s.out, "%s  (%s)\n", f.Code, f.Where)
		explained(s.out, f.Answer)
		for _, name := range shownBy(f) {
			fmt.Fprintf(s.out, "to see it  dmwake repro %s\n", name)
		}
	}
	return nil
}

// shownBy returns the reproductions that show a code.
func shownBy(f explain.Found) (out []string) {
	for _, c := range repro.All() {
		if c.Explain == "" {
			continue
		}
		in, code, ok := strings.Cut(c.Explain, " ")
		if !ok {
			in, code = "", c.Explain
		}
		for _, k := range explain.Lookup(in, code) {
			if k.Where == f.Where && k.Code == f.Code {
				out = append(out, c.Name)
			}
		}
	}
	return out
}
