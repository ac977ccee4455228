package report

import "github.com/dmwake/dmwake/harness/redact"

// redact hides secrets in everything that a report says about a run. Titles, rules
// and fixes are the suite's own texts.
func (r *Report) redact() {
	list := func(lines []string) {
		for i := range lines {
			lines[i] = redact.Text(lines[i])
		}
	}
	text := func(fields ...*string) {
		for _, f := range fields {
			*f = redact.Text(*f)
		}
	}
	text(&r.Target.Name, &r.Target.Discovery, &r.Again, &r.Aborted)
	list(r.Notes)
	list(r.HookErrors)
	for i := range r.Causes {
		text(&r.Causes[i].Text)
	}
	for i := range r.Scenarios {
		s := &r.Scenarios[i]
		text(&s.Reason, &s.Expected, &s.Saw, &s.Cause)
		list(s.Evidence)
		list(s.Hooks)
		for k := range s.Steps {
			text(&s.Steps[k].Text)
		}
		for k := range s.Exchanges {
			e := &s.Exchanges[k]
			text(&e.URL, &e.Request, &e.Response, &e.Error, &e.ContentType)
		}
	}
}
