package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"
)

//go:embed report.html
var page string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"join":   strings.Join,
	"pretty": func(s string) string { return Pretty([]byte(s)) },
}).Parse(page))

// view is a Report with what the page says of it.
type view struct {
	*Report
	Took          time.Duration
	Verdict, Tone string
	Areas         []areaView
	Lists         []listView
	Rows          []rowView
}

type areaView struct {
	Name, About                         string
	Passed, Failed, Known, Warned, Open int
}

type listView struct {
	Title   string
	Results []resultView
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
	Linked bool
}

// WriteHTML writes the report as one page that needs nothing else: no script,
// no font, no network.
func (r *Report) WriteHTML(w io.Writer) error {
	v := view{Report: r, Took: (time.Duration(r.DurationMs) * time.Millisecond).Round(100 * time.Millisecond)}
	v.Verdict, v.Tone = r.Verdict()
	lists := []listView{{Title: "What failed"}, {Title: "Failures that the baseline knows"}, {Title: "What could be better"}}
	at := map[string]int{}
	for i := range r.Scenarios {
		s := &r.Scenarios[i]
		k, ok := at[s.Area]
		if !ok {
			k = len(v.Areas)
			at[s.Area] = k
			v.Areas = append(v.Areas, areaView{Name: s.Area, About: areas[s.Area]})
		}
		a := &v.Areas[k]
		row := rowView{Result: s, Linked: s.Broken()}
		put := func(list int, tone string) {
			row.Tone = tone
			lists[list].Results = append(lists[list].Results, resultView{s, tone, r.Again + " --only " + s.ID, diagram(s.Steps), marksOf(s)})
		}
		switch {
		case r.Failing(s):
			a.Failed++
			put(0, "bad")
		case s.Broken() && s.Known:
			a.Known++
			put(1, "warn")
		case s.Broken():
			a.Warned++
			put(2, "warn")
		case s.Outcome == Passed:
			a.Passed++
			row.Tone = "good"
		default:
			a.Open++
			row.Tone = "dim"
		}
		v.Rows = append(v.Rows, row)
	}
	for _, l := range lists {
		if len(l.Results) > 0 {
			v.Lists = append(v.Lists, l)
		}
	}
	if err := pageTemplate.Execute(w, v); err != nil {
		return fmt.Errorf("write the HTML report: %w", err)
	}
	return nil
}

// Verdict is the run in a sentence, and how good that is: "good", "warn" or
// "bad".
func (r *Report) Verdict() (text, tone string) {
	known, warned := 0, 0
	for i := range r.Scenarios {
		switch s := &r.Scenarios[i]; {
		case !s.Broken() || r.Failing(s):
		case s.Known:
			known++
		default:
			warned++
		}
	}
	switch failed, open := len(r.Failures()), r.MustUndecided(); {
	case r.Aborted != "":
		return "The run ended early: " + r.Aborted, "bad"
	case failed > 0:
		return fmt.Sprintf("The server breaks %d of the rules that were checked.", failed), "bad"
	case open > 0:
		return fmt.Sprintf("Nothing failed, but the result is partial: %d MUST scenarios could not be decided.", open), "warn"
	case known > 0:
		return fmt.Sprintf("Nothing failed that the baseline does not know; it knows %d.", known), "warn"
	case warned > 0:
		return fmt.Sprintf("No MUST that was checked is broken; %d of the rest could be better.", warned), "good"
	}
	return "Every rule that was checked is kept.", "good"
}
