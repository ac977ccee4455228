package cli

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/explain"
	"github.com/dmwake/dmwake/harness/repro"
	"github.com/dmwake/dmwake/scenarios"
)

func explainCommand(s *streams) *cobra.Command {
	c := &cobra.Command{
		Use:   "explain TEXT...",
		Short: "Say what the codes in a pasted text mean, their causes, and what to do",
		Long: `Explains the codes that a text has: what each means on this path, its causes in
the order in which people had them, what to look at, which command shows it and
which scenario would have caught it.

It knows what Windows shows at enrollment (0x8018nnnn, 0x8019nnnn), for a command
(0x87D1nnnn, 0x8600nnnn), an installation (0x80073nnn) and a connection
(0x80072nnn, 0x8009nnnn), the push client's errors (0x803Ennnn, 0x8804nnnn),
SyncML statuses, Push/Status, WNS's answers, subcodes of SOAP faults, OAuth errors
and AADSTS codes. A number may be hexadecimal with or without 0x, or decimal,
signed or not. "-" reads the text from standard input.

  dmwake explain 0x80180006
  dmwake explain -2016345612
  dmwake explain HTTP 400 from discovery
  dmwake explain 500 RemoteWipe      # 404 and 500 depend on the CSP
  dmwake explain wns 410             # also syncml, push-status, token
  dmwake explain push-status         # all of them
  dmwake explain AADSTS7000215
  dmwake explain - < pasted.txt`,
		// A negative number is no flag, so the flags are read here.
		DisableFlagParsing: true,
		ValidArgsFunction: func(*cobra.Command, []string, string) (out []string, _ cobra.ShellCompDirective) {
			for _, f := range explain.All() {
				out = append(out, f.Code+"\t"+f.Means)
			}
			return out, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			text, list, help, err := explainArgs(args)
			switch {
			case err != nil:
				return usage(err)
			case help:
				return c.Help()
			case list:
				for _, f := range explain.All() {
					say(s.out, "%-17s %-36s %s\n", f.Code, f.Where, f.Means)
				}
				return nil
			case text == "-":
				raw, err := io.ReadAll(io.LimitReader(c.InOrStdin(), explain.MaxPaste+1))
				if err != nil {
					return usage(fmt.Errorf("standard input: %w", err))
				}
				text = string(raw)
				if len(raw) > explain.MaxPaste {
					say(s.err, "dmwake: only the first %d bytes are read\n", explain.MaxPaste)
				}
			}
			return explainText(s, text)
		},
	}
	c.Flags().Bool("list", false, "list all codes, one per line")
	return c
}

// aFlag is what cobra would take for a flag, and is no number and no text.
var aFlag = regexp.MustCompile(`^--?[A-Za-z][\w-]*(=\S*)?$`)

// explainArgs tells the flags from the text: a minus before a digit begins a number.
func explainArgs(args []string) (text string, list, help bool, err error) {
	for i, a := range args {
		switch {
		case a == "--":
			return strings.Join(append(textOf(args[:i]), args[i+1:]...), " "), list, help, nil
		case a == "--list":
			list = true
		case a == "--help", a == "-h":
			help = true
		case aFlag.MatchString(a):
			return "", false, false, fmt.Errorf("unknown flag: %s; dmwake explain --help lists the flags", a)
		}
	}
	text = strings.Join(textOf(args), " ")
	if strings.TrimSpace(text) == "" && !list && !help {
		err = errors.New("give a code, such as 0x80180006 or 418, or the text that has it; --list shows all")
	}
	return text, list, help, err
}

// textOf are the arguments without the flags.
func textOf(args []string) []string {
	return slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "--list" || a == "--help" || a == "-h" })
}

// explainText explains every code of a text.
func explainText(s *streams, text string) error {
	if in := strings.ToLower(strings.TrimSpace(text)); slices.Contains(explain.Narrows(), in) {
		for i, f := range explain.Place(in) {
			printFound(s.out, i, &f)
		}
		return nil
	}
	r := explain.Read(text)
	for i := range r.Found {
		printFound(s.out, i, &r.Found[i])
	}
	for _, status := range r.Ask {
		say(s.out, "\nWhich CSP answered %s? More is known of:\n", status)
		for _, node := range explain.Nodes(status) {
			say(s.out, "  dmwake explain %s %s\n", status, node)
		}
	}
	var unknown []string
	for _, word := range r.Unknown {
		unknown = append(unknown, unknownCode(word))
	}
	switch {
	case len(r.Found) == 0 && len(unknown) == 0:
		return usage(errors.New("no code in this text; give it as you have it, such as 0x80180006, -2016345612, 418 or AADSTS7000215; --list shows all"))
	case len(r.Found) == 0:
		return usage(fmt.Errorf("%s; dmwake explain --list shows all", strings.Join(unknown, "; ")))
	}
	for _, u := range unknown {
		say(s.out, "\n%s\n", u)
	}
	return nil
}

// unknownCode says that a code is unknown, and which ones are near.
func unknownCode(word string) string {
	if near := explain.Near(word); len(near) > 0 {
		return fmt.Sprintf("unknown code %s; did you mean %s?", word, strings.Join(near, ", "))
	}
	return "unknown code " + word
}

// printFound prints all that is known of one code.
func printFound(w io.Writer, i int, f *explain.Found) {
	if i > 0 {
		fmt.Fprintln(w)
	}
	head := f.Code
	if f.Name != "" {
		head += "  " + f.Name
	}
	also := ""
	if n, ok := f.Number(); ok {
		signed := int64(n)
		if signed >= 1<<31 {
			signed -= 1 << 32
		}
		also = fmt.Sprintf("; %d, %d", signed, n)
	}
	say(w, "%s  (%s%s)\n  %s\n", head, f.Where, also, f.Means)
	for _, c := range f.Causes {
		say(w, "  cause: %s\n", c)
	}
	for _, d := range f.Do {
		say(w, "  do:    %s\n", d)
	}
	for _, c := range shows(f) {
		say(w, "  see:   %s\n", c)
	}
	for _, id := range f.Scenarios {
		say(w, "  test:  %s %s\n", id, titleOf(id))
	}
	for _, page := range f.Docs {
		say(w, "  docs:  harness/docs/%s\n", page)
	}
	say(w, "  (%s: %s)\n", f.Strength, f.Source)
}

// shows are the commands that show a code: its own, and the reproductions that name
// it.
func shows(f *explain.Found) []string {
	out := slices.Clone(f.Shows)
	for _, name := range shownBy(f) {
		if c := "dmwake repro " + name; !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

func titleOf(id string) string {
	for _, s := range scenarios.All() {
		if s.ID == id {
			return s.Title
		}
	}
	return ""
}

// shownBy returns the reproductions that show a code.
func shownBy(f *explain.Found) (out []string) {
	for _, c := range repro.All() {
		if c.Explain == "" {
			continue
		}
		// A status without a place is first of all a device's.
		if k := explain.Read(c.Explain).Found; len(k) > 0 && k[0].Where == f.Where && k[0].Code == f.Code {
			out = append(out, c.Name)
		}
	}
	return out
}
