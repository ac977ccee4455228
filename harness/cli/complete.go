package cli

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dmwake/dmwake/harness/target/presets"
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
	"preset": func() []cobra.Completion {
		return distinct(presets.All(), func(p *presets.Preset) (string, string) { return p.Name, p.About })
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

// words of flags that take one of a few, by flag, and where commands differ by command and
// flag.
var choices = map[string]string{
	"sender": "hook own wns none", "curve": "x25519 default", "who": "round random", "fail-on": "must should partial nothing", "wns": "proxy hosts direct",
	"app-kind": "classic classic-retired entra", "auth-policy": "OnPremise Federated Certificate", "session-auth": "basic md5", "encoding": "xml wbxml", "cache-policy": "cache no-cache none",
	"work": "none get wipe app profile:20", "dmwake push type": "wns/raw wns/toast wns/tile wns/badge", "dmwake device enroll type": "Full Device",
	"dmwake load key": "ec rsa", "dmwake load compare-delivery key": "ec rsa", "dmwake device enroll key": "rsa ec",
	"dmwake mdm wns": "https://127.0.0.1:7443",
}

// listOf gives the values of a flag of a command; nil if it takes anything.
func listOf(c *cobra.Command, flag string) func() []cobra.Completion {
	words := choices[c.CommandPath()+" "+flag]
	if words == "" {
		words = choices[flag]
	}
	if words == "" {
		return named[flag]
	}
	return func() []cobra.Completion { return strings.Fields(words) }
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
		list := listOf(c, f.Name)
		if _, own := c.GetFlagCompletionFunc(f.Name); own || list == nil {
			return
		}
		//nolint:errcheck // the flag is there, and has no values yet
		c.RegisterFlagCompletionFunc(f.Name, func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return list(), cobra.ShellCompDirectiveNoFileComp
		})
	})
	if complete := arguments[c.CommandPath()]; complete != nil && c.ValidArgsFunction == nil {
		c.ValidArgsFunction = complete
	}
	for _, k := range c.Commands() {
		completeNames(k)
	}
}
