package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dmwake/dmwake/harness/nearest"
)

// unknownCommand is the error for a name that is no command of c.
func unknownCommand(c *cobra.Command, name string) error {
	var known []string
	for _, k := range c.Commands() {
		if k.IsAvailableCommand() || k.Name() == "help" {
			known = append(known, k.Name())
		}
	}
	return usage(fmt.Errorf("unknown command %q%s; %s --help lists all of them", name, nearest.Hint(name, known), c.CommandPath()))
}

// onlyCommands is the annotation of a command that does nothing by itself.
const onlyCommands = "dmwake_only_commands"

// commandsOnly makes c a command that only has others: alone it gives its help, and any
// argument is a command that is unknown.
func commandsOnly(c *cobra.Command) {
	c.Annotations = map[string]string{onlyCommands: "yes"}
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return unknownCommand(c, args[0])
		}
		return nil
	}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
}

// strictHelp has "help NAME" fail for a command that is unknown.
func strictHelp(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	for _, help := range root.Commands() {
		if help.Name() != "help" {
			continue
		}
		help.Args = func(_ *cobra.Command, args []string) error {
			at := root
			for _, name := range args {
				i := slices.IndexFunc(at.Commands(), func(k *cobra.Command) bool { return k.Name() == name || k.HasAlias(name) })
				if i < 0 {
					return unknownCommand(at, name)
				}
				at = at.Commands()[i]
			}
			return nil
		}
	}
}

// flagError is an error about a flag, with what the flag takes.
func flagError(c *cobra.Command, err error) error {
	var (
		wrong   *pflag.InvalidValueError
		unknown *pflag.NotExistError
		hint    string
	)
	switch {
	case errors.As(err, &wrong):
		return usage(fmt.Errorf("--%s: %q is %s; %s --help lists the flags", wrong.GetFlag().Name, wrong.GetValue(), notA(wrong), c.CommandPath()))
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		if other := flagElsewhere(c, unknown.GetSpecifiedName()); other != "" {
			return usage(fmt.Errorf("--%s does not apply to %s, only to %s; %s --help lists the flags", unknown.GetSpecifiedName(), c.CommandPath(), other, c.CommandPath()))
		}
		var known []string
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				known = append(known, f.Name)
			}
		})
		if near := nearest.Of(unknown.GetSpecifiedName(), known); near != "" {
			hint = fmt.Sprintf("; did you mean --%s?", near)
		}
	}
	return usage(fmt.Errorf("%w%s; %s --help lists the flags", err, hint, c.CommandPath()))
}

// flagElsewhere names the commands beside c that have a flag.
func flagElsewhere(c *cobra.Command, name string) string {
	var have []string
	if c.HasParent() {
		for _, k := range c.Parent().Commands() {
			if f := k.Flags().Lookup(name); f != nil && !f.Hidden && name != "help" {
				have = append(have, k.Name())
			}
		}
	}
	return strings.Join(have, ", ")
}

// notA says what a value is not that a flag refused.
func notA(e *pflag.InvalidValueError) string {
	switch e.GetFlag().Value.Type() {
	case "bool":
		return "neither true nor false"
	case "duration":
		return "no duration, such as 500ms, 30s or 1h30m"
	case "int", "int64":
		return "no whole number that fits"
	case "uint", "uint64":
		return "no whole number from 0 that fits"
	case "float64":
		return "no number"
	case "intSlice":
		return "no whole number that fits, and no list of such"
	}
	return "wrong: " + e.Unwrap().Error()
}
