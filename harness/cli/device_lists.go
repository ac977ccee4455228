package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/dmclient/faults"
)

func faultsCommand(s *streams) *cobra.Command {
	return &cobra.Command{
		Use: "faults", Short: "List the faults that --fault takes", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			w := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
			for _, k := range faults.All() {
				name := k.Name
				if k.Arg != "" {
					name += "=" + k.Arg
				}
				say(w, "%s\t%s\n", name, k.Does)
			}
			return w.Flush()
		},
	}
}

func quirksCommand(s *streams) *cobra.Command {
	return &cobra.Command{
		Use: "quirks", Short: "List the quirks that --quirk takes, and the profiles", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			w := tabwriter.NewWriter(s.out, 0, 4, 2, ' ', 0)
			for _, q := range dmclient.QuirkList() {
				say(w, "%s\t%s\t%s\n", q.Name, q.Strength, q.Does)
			}
			fmt.Fprintln(w)
			for _, p := range dmclient.Profiles() {
				say(w, "%s\t%s %s\t%s\n", p.Name, p.Platform, p.OSVersion, strings.Join(p.Quirks.Active(), ", "))
			}
			return w.Flush()
		},
	}
}
