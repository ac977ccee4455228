package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/dmwake/dmwake/harness/report"
)

func manCommand(s *streams) *cobra.Command {
	return &cobra.Command{
		Use:   "man FOLDER",
		Short: "Write the manual pages",
		Long: `Writes a manual page for each command into a folder, which it makes if need be. An
archive of a release has them already.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(errors.New("dmwake man takes one folder, such as ~/.local/share/man/man1"))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			pages := manPages(c.Root())
			if err := os.MkdirAll(args[0], 0o755); err != nil { //nolint:gosec // manuals are for everybody
				return usage(err)
			}
			for name, text := range pages {
				if err := os.WriteFile(filepath.Join(args[0], name), []byte(text), 0o644); err != nil { //nolint:gosec // manuals are for everybody
					return usage(err)
				}
			}
			say(s.out, "wrote %d pages to %s\n", len(pages), args[0])
			return nil
		},
	}
}

// manPages are the manual pages of a command and all below it, by file. cobra's own take a
// command's text for Markdown, and its tables and examples are none.
func manPages(c *cobra.Command) map[string]string {
	out := map[string]string{strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1": manPage(c)}
	for _, k := range documented(c) {
		for name, text := range manPages(k) {
			out[name] = text
		}
	}
	return out
}

// documented are the commands that help lists, but help itself.
func documented(c *cobra.Command) []*cobra.Command {
	return slices.DeleteFunc(slices.Clone(c.Commands()), func(k *cobra.Command) bool { return !k.IsAvailableCommand() || k.Name() == "help" })
}

// roff is a page in the macros of man(7).
type roff struct{ strings.Builder }

// manPage has the sections that man-pages(7) names, in its order.
func manPage(c *cobra.Command) string {
	c.InitDefaultHelpFlag()
	var p roff
	name := strings.ReplaceAll(c.CommandPath(), " ", "-")
	p.macro("TH", strings.ToUpper(name), "1", "", "dmwake "+report.Version, "dmwake")
	p.WriteString(".ad l\n.nh\n")
	p.macro("SH", "NAME")
	p.line(name + " - " + c.Short)
	p.macro("SH", "SYNOPSIS")
	p.line(c.UseLine())
	p.macro("SH", "DESCRIPTION")
	if c.Long == "" {
		p.line(c.Short + ".")
	}
	p.text(c.Long)
	if list := documented(c); len(list) > 0 {
		p.macro("SH", "COMMANDS")
		for _, k := range list {
			p.item(k.CommandPath(), k.Short)
		}
	}
	p.flags("OPTIONS", c.NonInheritedFlags())
	p.flags("OPTIONS OF "+strings.ToUpper(c.CommandPath())+" AND ITS SIBLINGS", c.InheritedFlags())
	if !c.HasParent() {
		p.macro("SH", "EXIT STATUS")
		for _, e := range exits {
			p.item(fmt.Sprint(e.code), e.means)
		}
	}
	if c.Example != "" {
		p.macro("SH", "EXAMPLES")
		p.text(c.Example)
	}
	if c.HasParent() {
		p.macro("SH", "SEE ALSO")
		p.line(strings.ReplaceAll(c.Parent().CommandPath(), " ", "-") + "(1)")
	}
	return p.String()
}

// exits are the exit codes of dmwake test; harness/docs/commands.md has those of the
// others.
var exits = []struct {
	code  int
	means string
}{
	{exitOK, "all passed"},
	{exitFailed, "a MUST failed, or what --fail-on names"},
	{exitUsage, "the command line, the configuration, a hook, or a limit of this machine is wrong"},
	{exitUnreachable, "the target could not be reached, or no device could enroll"},
	{exitSuite, "dmwake itself failed"},
	{exitInterrupted, "interrupted; a report covers the run so far"},
}

func (p *roff) macro(name string, args ...string) {
	p.WriteString("." + name)
	for _, a := range args {
		p.WriteString(` "` + strings.ReplaceAll(escaped(a), `"`, `\(dq`) + `"`)
	}
	p.WriteByte('\n')
}

func (p *roff) line(text string) { p.WriteString(escaped(text) + "\n") }

func (p *roff) item(term, text string) {
	p.WriteString(".TP\n.B " + escaped(term) + "\n")
	p.line(text)
}

// text sets paragraphs as they flow, and lines that are set in as they are.
func (p *roff) text(text string) {
	inset, blank := false, false
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" {
			blank = true
			continue
		}
		switch in := strings.HasPrefix(line, "  "); {
		case in && !inset:
			p.WriteString(".PP\n.RS 2\n.nf\n")
			inset = true
		case inset && !in:
			p.WriteString(".fi\n.RE\n.PP\n")
			inset = false
		case blank && inset:
			p.WriteByte('\n')
		case blank:
			p.WriteString(".PP\n")
		}
		blank = false
		p.line(strings.TrimPrefix(line, "  "))
	}
	if inset {
		p.WriteString(".fi\n.RE\n")
	}
}

func (p *roff) flags(title string, set *pflag.FlagSet) {
	if !set.HasAvailableFlags() {
		return
	}
	p.macro("SH", title)
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		term := "--" + f.Name
		if f.Shorthand != "" {
			term = "-" + f.Shorthand + ", " + term
		}
		if value != "" {
			term += " " + value
		}
		switch f.DefValue {
		case "", "0", "false", "[]", "0s":
		default:
			usage += " (default " + f.DefValue + ")"
		}
		p.item(term, usage)
	})
}

// escaped is a text that roff shows as it is: a hyphen stays one that can be copied, and no
// line is a request.
func escaped(s string) string {
	s = strings.NewReplacer(`\`, `\e`, `-`, `\-`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}
