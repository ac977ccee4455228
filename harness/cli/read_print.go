package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/redact"

	"github.com/dmwake/dmwake/harness/reading"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// redactFindings hides secrets in all that a log says.
func redactFindings(f *reading.Findings) {
	hide := func(fields ...*string) {
		for _, p := range fields {
			*p = redact.Text(*p)
		}
	}
	for i := range f.Messages {
		for k := range f.Messages[i].Says {
			hide(&f.Messages[i].Says[k])
		}
	}
	for i := range f.Sessions {
		hide(&f.Sessions[i].Device, &f.Sessions[i].Server)
		for k := range f.Sessions[i].Commands {
			c := &f.Sessions[i].Commands[k]
			hide(&c.LocURI, &c.Data, &c.Result)
		}
	}
	for i := range f.Events {
		hide(&f.Events[i].Text, &f.Events[i].LocURI)
	}
	for i := range f.Envelopes {
		hide(&f.Envelopes[i].Fault)
	}
	for i := range f.Report {
		hide(&f.Report[i].Value)
	}
	for i := range f.Wrong {
		hide(&f.Wrong[i].Saw)
	}
}

// findings prints what a log tells, as a person reads a session.
func (s *streams) findings(name string, f *reading.Findings, verbose bool) {
	say(s.out, "%s: %s\n", name, strings.Join(contents(f), ", "))
	for i := range f.Sessions {
		s.pastedSession(i+1, &f.Sessions[i], f.Messages, verbose)
	}
	if len(f.Envelopes) > 0 {
		fmt.Fprintln(s.out, "\nenrollment")
		for _, e := range f.Envelopes {
			say(s.out, "  line %-5d %s%s\n", e.Line, e.Action, after(": the server refuses: ", strings.TrimSpace(e.Fault+after(", which Windows shows as ", e.Code))))
		}
	}
	if len(f.Report) > 0 {
		fmt.Fprintln(s.out, "\nMDMDiagReport")
		for _, r := range f.Report {
			say(s.out, "  %-26s %s\n", r.Name, r.Value)
		}
	}
	if len(f.Events) > 0 {
		fmt.Fprintln(s.out, "\nevents of Windows")
		s.pastedEvents(f.Events, verbose)
	}
	if len(f.Wrong) > 0 {
		fmt.Fprintln(s.out, "\nwrong, by the rules of dmwake test")
		for _, w := range f.Wrong {
			say(s.out, "  %s %s  %s\n", w.Scenario, w.Level, w.Title)
			say(s.out, "    source    %s\n    expected  %s\n    saw       %s, in message %s of the server%s%s\n    fix       %s\n", w.Source, w.Expected, w.Saw, w.MsgID, line(" (line ", w.Line, ")"), more(w.Places), w.Fix)
		}
	}
	if len(f.Cut) > 0 {
		fmt.Fprintln(s.out, "\ncut")
		for _, c := range f.Cut {
			say(s.out, "  line %-5d %s\n", c.Line, c.What)
		}
	}
	if len(f.Notes) > 0 {
		fmt.Fprintln(s.out, "\nnote")
		for _, n := range f.Notes {
			say(s.out, "  %s\n", n)
		}
	}
	if len(f.Explain) > 0 {
		fmt.Fprintln(s.out, "\ncodes")
		for _, c := range f.Explain {
			say(s.out, "  dmwake explain %s\n", c)
		}
	}
	byServer := func(m reading.Message) bool { return m.From == "server" && !m.Cut }
	if len(f.Wrong) == 0 && slices.ContainsFunc(f.Messages, byServer) {
		fmt.Fprintln(s.out, "\nThe server's messages that are whole break none of the rules that a log is enough for.")
	}
}

// contents says what a log has.
func contents(f *reading.Findings) (out []string) {
	byDevice := 0
	for _, m := range f.Messages {
		if m.From == "device" {
			byDevice++
		}
	}
	if n := len(f.Messages); n > 0 {
		out = append(out, fmt.Sprintf("%s (%d of a device, %d of a server) in %s", wording.Count(n, "message"), byDevice, n-byDevice, wording.Count(len(f.Sessions), "session")))
	}
	if n := len(f.Envelopes); n > 0 {
		out = append(out, wording.Count(n, "message")+" of an enrollment")
	}
	if n := len(f.Events); n > 0 {
		out = append(out, wording.Count(n, "event")+" of Windows")
	}
	if len(f.Report) > 0 {
		out = append(out, "an MDMDiagReport")
	}
	if len(out) == 0 {
		out = append(out, wording.Count(len(f.Explain), "code")+", and neither messages nor events")
	}
	return out
}

func (s *streams) pastedSession(n int, p *reading.Session, messages []reading.Message, verbose bool) {
	say(s.out, "\nsession %s of device %s, with %s\n", p.ID, cmp.Or(p.Device, "(not named)"), cmp.Or(p.Server, "(not named)"))
	for _, m := range messages {
		if m.Session != n {
			continue
		}
		cut := ""
		if m.Cut {
			cut = " (cut)"
		}
		say(s.out, "  %-6s message %s%s%s\n", m.From, m.MsgID, line(", line ", m.Line, ""), cut)
		for _, words := range m.Says {
			say(s.out, "    %s\n", words)
		}
		if m.From == "server" {
			for i := range p.Commands {
				if c := &p.Commands[i]; c.MsgID == m.MsgID && c.Line == m.Line {
					s.pastedCommand(c, verbose)
				}
			}
		}
	}
	told := false
	for i := range p.Commands {
		if c := &p.Commands[i]; c.MsgID == "" {
			if !told {
				fmt.Fprintln(s.out, "  commands of the server that are not in the log, by what the device answered")
				told = true
			}
			s.pastedCommand(c, verbose)
		}
	}
}

func (s *streams) pastedCommand(c *reading.Command, verbose bool) {
	text := strings.TrimSpace(c.Verb + " " + c.LocURI)
	if c.LocURI == "" {
		text += after(" with CmdID ", c.CmdID)
	}
	if c.Data != "" {
		text += " = " + clipped(c.Data, verbose)
	}
	answer := "no Status in the log"
	if c.Status != "" {
		answer = c.Status + after(" ", statusText(c.Status))
	}
	answer += after(", originalerror ", c.Original)
	if c.Result != "" {
		answer += ", value " + clipped(c.Result, verbose)
	}
	say(s.out, "    %s\n      -> %s\n", text, answer)
}

func statusText(code string) string {
	return syncml.CodeText((&syncml.Command{Data: code}).Code())
}

// pastedEvents prints events; of those that tell no failure and follow each other with
// the same number, only the first without -v.
func (s *streams) pastedEvents(list []reading.Event, verbose bool) {
	for i := 0; i < len(list); i++ {
		e := &list[i]
		n := 1
		for !verbose && !e.Failed && i+n < len(list) && list[i+n].ID == e.ID && !list[i+n].Failed {
			n++
		}
		mark := " "
		if e.Failed {
			mark = "!"
		}
		times := ""
		if n > 1 {
			times = fmt.Sprintf(" (and %d more)", n-1)
		}
		say(s.out, "%s line %-5d %-5s %s%s%s\n", mark, e.Line, number(e.ID), after("", e.Time+"  "), e.Text, times)
		if e.Verb != "" {
			say(s.out, "    %s %s\n      -> %s\n", e.Verb, e.LocURI, e.Result)
		}
		i += n - 1
	}
}

func number(n int) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// after returns a text with a word before it; empty for an empty text.
func after(word, text string) string {
	if strings.TrimSpace(text) == "" {
		return ""
	}
	return word + text
}

func line(before string, n int, behind string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s%d%s", before, n, behind)
}

func more(places int) string {
	if places < 2 {
		return ""
	}
	return fmt.Sprintf("; %d places in all", places)
}

func clipped(s string, whole bool) string {
	s = strings.Join(strings.Fields(s), " ")
	if whole {
		return s
	}
	return report.Clip(s, 80)
}
