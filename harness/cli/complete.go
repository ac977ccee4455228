package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dmwake/dmwake/scenarios"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/dmclient/faults"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
)

// named are the values that the shell completes, by flag. Flags of one name take the
// same values in every command.
var named = map[string]func() []cobra.Completion{
	"area": func() []cobra.Completion {
		return distinct(scenarios.All(), func(s scenarios.Scenario) (string, string) { return s.Area(), "" })
	},
	"only": func() []cobra.Completion {
		return distinct(scenarios.All(), func(s scenarios.Scenario) (string, string) { return s.ID, s.Title })
	},
	"mutant": func() []cobra.Completion {
		return distinct(mutants.All(), func(m *mutants.Mutant) (string, string) { return m.Name, m.Does })
	},
	"variant": func() []cobra.Completion {
		return distinct(variants.All(), func(v *variants.Variant) (string, string) { return v.Name, v.Does })
	},
	"quirk": func() []cobra.Completion {
		return distinct(dmclient.QuirkList(), func(q dmclient.Quirk) (string, string) { return q.Name, q.Does })
	},
	"fault": func() []cobra.Completion { // lab has others
		return distinct(faults.All(), func(k faults.Kind) (string, string) { return k.Name, k.Does })
	},
	"profile": func() []cobra.Completion {
		return distinct(dmclient.Profiles(), func(p dmclient.Profile) (string, string) { return p.Name, p.OSVersion })
	},
}

// distinct are the names of a list, each once, with what they mean.
func distinct[T any](list []T, name func(T) (name, means string)) (out []cobra.Completion) {
	seen := map[string]bool{}
	for _, e := range list {
		n, means := name(e)
		if seen[n] {
			continue
		}
		seen[n] = true
		if means != "" {
			n = cobra.CompletionWithDesc(n, means)
		}
		out = append(out, n)
	}
	return out
}

// completeNames has the shell complete these flags, where the command has no values of
// its own for one.
func completeNames(c *cobra.Command) {
	c.Flags().VisitAll(func(f *pflag.Flag) {
		list := named[f.Name]
		if _, own := c.GetFlagCompletionFunc(f.Name); own || list == nil {
			return
		}
		//nolint:errcheck // the flag is there, and has no values yet
		c.RegisterFlagCompletionFunc(f.Name, func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return list(), cobra.ShellCompDirectiveNoFileComp
		})
	})
	for _, k := range c.Commands() {
		completeNames(k)
	}
}
