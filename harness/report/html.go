package report

import (
	_ "embed"
	"fmt"
	"io"
	"strings"
	"time"

	"html/template"

	"github.com/dmwake/dmwake/harness/page"
	"github.com/dmwake/dmwake/harness/printable"
)

//go:embed report.html
var reportHTML string

var pageTemplate = template.Must(page.New("report").Funcs(template.FuncMap{
	"join": strings.Join, "fewer": fewer, "cite": Cite, "word": Outcome.Word, "many": many,
	"detail": func(row rowView, labels map[string]string) rowDetail { return rowDetail{row, labels} },
}).Parse(reportHTML))

// view is a Report with everything the page says about it.
type view struct {
	*Report
	Took          time.Duration
	Verdict, Tone string
	Causes        []causesView
	Areas         []areaView
	Errors        []*Result
	Open          []string
	Filter        page.Filter
	Groups        []groupView
	Titles        map[string]string
	Labels        map[string]string
	Changes       *Changes
}

// rowDetail is what the template of a row needs.
type rowDetail struct {
	Row    rowView
	Labels map[string]string
}

// causesView are the causes under one heading. The first ones are shown in a line each.
type causesView struct {
	Title, Tone string
	Shown, Rest []toldCause
	Folded      bool
}

// shownCauses is how many causes the summary shows: it has to fit one screen.
const shownCauses = 8

// WriteHTML writes the report as one self-contained page: it fetches nothing, and can be
// read without its script.
func (r *Report) WriteHTML(w io.Writer) error { return r.writeHTML(w, nil) }

// WriteHTMLSince is WriteHTML with what changed since an earlier report.
func (r *Report) WriteHTMLSince(w io.Writer, before *Report) error {
	d := Diff(before, r)
	return r.writeHTML(w, &d)
}

func (r *Report) writeHTML(w io.Writer, changes *Changes) error {
	r.redact()
	v := view{Report: r, Took: (time.Duration(r.DurationMs) * time.Millisecond).Round(100 * time.Millisecond), Open: r.Open(), Changes: changes,
		Titles: map[string]string{"own": OwnFailures, "open": Undecided, "notes": WorthKnowing, "hooks": HooksFailed},
		Labels: map[string]string{"cause": LabelCause, "rule": LabelRule, "source": LabelSource, "expected": LabelExpected, "saw": LabelSaw, "fix": LabelFix, "again": LabelAgain}}
	v.Verdict, v.Tone = r.Verdict()
	failed, warned, known := r.told()
	for _, c := range []struct {
		title, tone string
		list        []toldCause
	}{{WhatFailed, "bad", failed}, {Warnings, "warn", warned}, {KnownFailures, "warn", known}} {
		if len(c.list) == 0 {
			continue
		}
		one := causesView{Title: c.title, Tone: c.tone, Shown: c.list, Folded: len(v.Causes) > 0}
		if len(c.list) > shownCauses+1 { // "1 more" is no shorter than a cause
			one.Shown, one.Rest = c.list[:shownCauses], c.list[shownCauses:]
		}
		v.Causes = append(v.Causes, one)
	}
	v.rows()
	v.filter()
	if err := pageTemplate.Execute(printable.NewWriter(w, false), v); err != nil {
		return fmt.Errorf("write the HTML report: %w", err)
	}
	return nil
}

// Count is how many causes there are.
func (c causesView) Count() int { return len(c.Shown) + len(c.Rest) }

// More says what else has the cause.
func (c toldCause) More() string {
	var parts []string
	if n := len(c.Failed) + len(c.Warned) + len(c.Known) - 1; n > 0 {
		parts = append(parts, fmt.Sprintf("+%d", n))
	}
	if n := len(c.Blocked); n > 0 {
		parts = append(parts, fmt.Sprintf("%d %s", n, Blocked.Word()))
	}
	return strings.Join(parts, ", ")
}
