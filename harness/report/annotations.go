package report

import (
	"fmt"
	"io"
	"strings"
)

// WriteAnnotations writes what failed as workflow commands, which GitHub shows
// as annotations of the run: an error for what fails it, a warning for the
// rest.
func (r *Report) WriteAnnotations(w io.Writer) {
	for i := range r.Scenarios {
		s := &r.Scenarios[i]
		if !s.Broken() {
			continue
		}
		kind := "warning"
		if r.Failing(s) {
			kind = "error"
		}
		text := fmt.Sprintf("%s\nexpected: %s\nsaw: %s\nsource: %s\n%s --only %s", s.Rule, s.Expected, s.Saw, s.Source, r.Again, s.ID)
		fmt.Fprintf(w, "::%s title=%s::%s\n", kind, property(s.ID+" "+s.Title), message(text))
	}
}

// message and property escape as the workflow commands ask for.
func message(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(clean(s))
}

func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(message(s))
}
