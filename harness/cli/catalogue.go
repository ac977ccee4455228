package cli

import (
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Command is a command as its help has it, for documents.
type Command struct {
	Path                 string // with the commands above it: "dmwake device run"
	Use                  string // one line, without the flags
	Short, Long, Example string
	Flags                []Flag // its own, and those of commands above it, group by group
	Commands             []string
}

// Flag is a flag of a command.
type Flag struct {
	Name, Short string // without dashes; Short is a letter or empty
	Takes       string // what stands after it; empty for a switch
	Default     string // empty: none
	Does        string
	Group       string // in the command's help; empty: none
}

// Commands are all commands, each before the ones below it. Hidden ones, and those that
// cobra adds to any program, are left out.
func Commands() []Command {
	var out []Command
	var add func(c *cobra.Command)
	add = func(c *cobra.Command) {
		c.DisableFlagsInUseLine = true
		k := Command{Path: c.CommandPath(), Use: c.UseLine(), Short: c.Short, Long: c.Long, Example: c.Example}
		for _, g := range FlagGroups(c) {
			g.Flags.VisitAll(func(f *pflag.Flag) {
				if f.Name != "help" {
					k.Flags = append(k.Flags, described(f, g.Title))
				}
			})
		}
		var below []*cobra.Command
		for _, s := range c.Commands() {
			if !s.Hidden && s.Name() != "help" && s.Name() != "completion" {
				k.Commands = append(k.Commands, s.CommandPath())
				below = append(below, s)
			}
		}
		out = append(out, k)
		for _, s := range below {
			add(s)
		}
	}
	add(rootCommand(&streams{io.Discard, io.Discard}))
	return out
}

func described(f *pflag.Flag, group string) Flag {
	takes, does := pflag.UnquoteUsage(f)
	out := Flag{Name: f.Name, Short: f.Shorthand, Takes: takes, Does: does, Group: group}
	switch f.DefValue {
	case "", "0", "0s", "false", "[]":
	default:
		out.Default = f.DefValue
	}
	return out
}
