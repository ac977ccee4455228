package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/printable"
)

//go:embed report.html
var page string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"join":   strings.Join,
	"fewer":  fewer,
	"pretty": func(s string) string { return Pretty([]byte(s)) },
}).Parse(page))

// view is a Report with everything the page says about it.
type view struct {
	*Report
	Took          time.Duration
	Verdict, Tone string
	Counts        string
	Undecided     string // why the result is partial
	Causes        []causesView
	Areas         []areaView
	Details       []resultView
	Errors        []*Result
	Rows          []rowView
}

type causesView struct {
	Title, Tone string
	Causes      []toldCause
}

type areaView struct {
	Name, About                                          string
	Passed, Failed, Known, Warned, Blocked, Error, Other int
}

type resultView struct {
	*Result
	Tone, Again string
	Diagram     template.HTML
	Marks       marks
}

type rowView struct {
	*Result
	Tone   string
	Detail bool   // the page shows the failure in full
	By     string // the anchor of the scenario that blocks it
}

// WriteHTML writes the report as one self-contained page: no script, no font, no
// network.
func (r *Report) WriteHTML(w io.Writer) error {
	r.redact()
	v := view{Report: r, Took: (time.Duration(r.DurationMs) * time.Millisecond).Round(100 * time.Millisecond), Counts: r.Summary.Counts()}
	v.Verdict, v.Tone = r.Verdict()
	if r.Partial {
		v.Undecided = r.undecided()
	}
	failed, warned, known := r.told()
	for _, c := range []causesView{{"What failed", "bad", failed}, {"Warnings", "warn", warned}, {"Known failures", "warn", known}} {
		if len(c.Causes) == 0 {
			continue
		}
		v.Causes = append(v.Causes, c)
		for _, t := range c.Causes {
			for _, s := range slices.Concat(t.Failed, t.Warned, t.Known) {
				v.Details = append(v.Details, resultView{s, r.tone(s), r.Again + " --only " + s.ID, diagram(s.Steps), marksOf(s)})
			}
		}
	}
	v.rows()
	if err := pageTemplate.Execute(printable.NewWriter(w, false), v); err != nil {
		return fmt.Errorf("write the HTML report: %w", err)
	}
	return nil
}

// rows fills the table of scenarios and the areas.
func (v *view) rows() {
	places := map[string]string{}
	for i := range v.Scenarios {
		s := &v.Scenarios[i]
		places[s.ID] = "row-" + s.ID
		if s.Broken() {
			places[s.ID] = s.ID
		}
	}
	at := map[string]int{}
	for i := range v.Scenarios {
		s := &v.Scenarios[i]
		k, ok := at[s.Area]
		if !ok {
			k = len(v.Areas)
			at[s.Area] = k
			v.Areas = append(v.Areas, areaView{Name: s.Area, About: areas[s.Area]})
		}
		a := &v.Areas[k]
		row := rowView{Result: s, Tone: v.tone(s), Detail: s.Broken()}
		switch {
		case v.counts(s):
			a.Failed++
		case s.Broken() && s.Known:
			a.Known++
		case s.Broken():
			a.Warned++
		case s.Outcome == Passed:
			a.Passed++
		case s.Outcome == Blocked:
			a.Blocked++
			row.By = places[s.BlockedBy]
		case s.Outcome == Errored:
			a.Error++
			v.Errors = append(v.Errors, s)
		default:
			a.Other++
		}
		v.Rows = append(v.Rows, row)
	}
}

// tone says how good an outcome is, in the words of Verdict.
func (r *Report) tone(s *Result) string {
	switch {
	case r.counts(s), s.Outcome == Errored:
		return "bad"
	case s.Broken(), s.Outcome == Blocked:
		return "warn"
	case s.Outcome == Passed:
		return "good"
	}
	return "dim"
}
