package reference

import (
	"cmp"
	"strings"

	"github.com/dmwake/dmwake/harness/cli"
)

// commands is the page of every command with its flags.
func commands() *page {
	p := begin("commands.md", "Commands and flags", "every command, with its examples and flags")
	p.f("Exit codes, and what `-q` and `-v` print: [commands](../commands.md). `dmwake completion SHELL` prints a script that completes commands, flags and their values in bash, zsh, fish or PowerShell.\n")
	all := cli.Commands()
	p.head("command", "what it does")
	for _, c := range all {
		p.row(toCommand(c.Path), escaped(c.Short))
	}
	for _, c := range all {
		level := 2
		if strings.Count(c.Path, " ") > 1 {
			level = 3
		}
		p.heading(level, c.Path, "command", c.Short)
		p.f("    %s\n\n", c.Use)
		p.prose(cmp.Or(c.Long, c.Short+"."))
		if c.Example != "" {
			p.f("\nExamples:\n\n")
			for line := range strings.Lines(c.Example + "\n") {
				p.f("  %s", line)
			}
		}
		if len(c.Commands) > 0 {
			p.f("\nCommands: %s\n", list(c.Commands, toCommand))
		}
		p.flags(&c)
	}
	return p
}

// flags writes the flags of a command, group by group in the order of its help.
func (p *page) flags(c *cli.Command) {
	for i, f := range c.Flags {
		if i == 0 || f.Group != c.Flags[i-1].Group {
			title := f.Group
			if title == "" && i > 0 {
				title = "Other"
			}
			if title != "" {
				p.f("\n%s:\n", title)
			}
			p.head("flag", "takes", "default", "what it does")
		}
		name := code("--" + f.Name)
		if f.Short != "" {
			name += ", " + code("-"+f.Short)
		}
		standard := ""
		if f.Default != "" {
			standard = code(f.Default)
		}
		p.row(name, cmp.Or(words[f.Takes], f.Takes), standard, escaped(f.Does))
		p.entries = append(p.entries, entry{"--" + f.Name, "flag", c.Path, p.file + "#" + slug(c.Path)})
	}
}

// words are the names of pflag's types in the words of the pages.
var words = map[string]string{"string": "text", "strings": "list", "stringArray": "text", "int": "whole number", "ints": "whole number", "uint": "whole number", "float": "number"}

func toCommand(path string) string { return link(code(path), "commands.md#"+slug(path)) }
