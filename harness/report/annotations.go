package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// WriteAnnotations writes failures as workflow commands, which GitHub shows as
// annotations of the run: one per cause, an error if it fails the run, else a
// warning. GitHub shows ten of each kind.
func (r *Report) WriteAnnotations(w io.Writer) {
	r.redact()
	failed, warned, known := r.told()
	for _, c := range slices.Concat(failed, warned, known) {
		s, kind := c.Head, "warning"
		if slices.ContainsFunc(c.Failed, r.Failing) {
			kind = "error"
		}
		text := fmt.Sprintf("%s\n%s: %s\n%s: %s\n%s: %s\n%s", s.Rule, LabelExpected, s.Expected, LabelSaw, s.Saw, LabelSource, s.Source, again(r.Again, s, r.Seed))
		if s.Cause != "" {
			text = s.Cause + "\n" + text
		}
		if same := c.same(); same != "" {
			text += "\n" + LabelSame + ": " + same
		}
		fmt.Fprintf(w, "::%s title=%s::%s\n", kind, property(s.ID+" "+s.Title), message(text))
	}
	var errors []string
	for i := range r.Scenarios {
		if s := &r.Scenarios[i]; s.Outcome == Errored {
			errors = append(errors, s.ID+": "+oneLine(s.Reason))
		}
	}
	if len(errors) > 0 {
		title := fmt.Sprintf("dmwake itself failed in %s", many(len(errors), "scenario"))
		fmt.Fprintf(w, "::error title=%s::%s\n", property(title), message("This says nothing about the server; please report it.\n"+strings.Join(errors, "\n")))
	}
}

// message and property escape text for workflow commands.
func message(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(clean(s))
}

func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(message(s))
}
