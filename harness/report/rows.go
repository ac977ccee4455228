package report

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/dmwake/dmwake/harness/page"
	"github.com/dmwake/dmwake/harness/redact"
)

// groupView are the scenarios with one outcome.
type groupView struct {
	Title, Tone string
	Open        bool
	Rows        []rowView
}

// rowView is a scenario in the list.
type rowView struct {
	*Result
	Tone, Word string
	Change     string
	First      bool // the first of its area: links to the area lead to it
	Diagram    page.Diagram
	Messages   []messageView
	Again      page.Copy
}

// messageView is an exchange.
type messageView struct {
	ID, Title, Status, Kind string
	What                    string // what the device did, if it is known
	Open                    bool
	Wrong                   string // what the diagram says at its arrow
	Request, Response       page.Message
}

type areaView struct {
	Name, About string
	Counts      []toneCount
}

type toneCount struct {
	Text, Tone string
}

// outcome names of the list: a known failure is neither failed nor warned.
const knownWord = "known"

func (r *Report) word(s *Result) string {
	switch {
	case s.Broken() && s.Known:
		return knownWord
	case r.counts(s):
		return Failed.Word()
	}
	return s.Outcome.Word()
}

// groups are the outcomes in the order of the list.
var groups = []struct{ word, tone string }{
	{Failed.Word(), "bad"}, {Errored.Word(), "bad"}, {Warned.Word(), "warn"}, {knownWord, "warn"}, {Blocked.Word(), "warn"}, {Skipped.Word(), "dim"}, {NotApplicable.Word(), "dim"}, {Passed.Word(), "good"},
}

// rows fills the list of scenarios and the areas.
func (v *view) rows() {
	by, areaCounts, seen := map[string][]rowView{}, map[string]map[string]int{}, map[string]bool{}
	change := v.Changes.words()
	for i := range v.Scenarios {
		s := &v.Scenarios[i]
		row := rowView{Result: s, Word: v.word(s), Change: change[s.ID]}
		if s.Broken() || s.Outcome == Errored {
			c := find(s)
			row.Diagram, row.Messages = diagram(s, c), messages(s, c)
			row.Again = page.Copy{Text: v.again(s), What: "the command for " + s.ID}
		}
		by[row.Word] = append(by[row.Word], row)
		if areaCounts[s.Area] == nil {
			areaCounts[s.Area] = map[string]int{}
			about, _, _ := strings.Cut(areas[s.Area], ":")
			v.Areas = append(v.Areas, areaView{Name: s.Area, About: about})
		}
		areaCounts[s.Area][row.Word]++
	}
	for i := range v.Areas {
		v.Areas[i].count(areaCounts[v.Areas[i].Name])
	}
	for _, g := range groups {
		rows := by[g.word]
		for i := range rows {
			rows[i].Tone = g.tone
			rows[i].First = !seen[rows[i].Area]
			seen[rows[i].Area] = true
		}
		if len(rows) > 0 {
			v.Groups = append(v.Groups, groupView{Title: g.word, Tone: g.tone, Rows: rows, Open: g.tone == "bad" || g.tone == "warn" && g.word != Blocked.Word()})
		}
	}
}

// count says how many scenarios of an area ended in which way, the worst first.
func (a *areaView) count(by map[string]int) {
	other := 0
	for _, g := range groups {
		switch n := by[g.word]; {
		case n == 0:
		case g.tone == "dim":
			other += n
		default:
			a.Counts = append(a.Counts, toneCount{fmt.Sprintf("%d %s", n, g.word), g.tone})
		}
	}
	if other > 0 {
		a.Counts = append(a.Counts, toneCount{fmt.Sprintf("%d other", other), "dim"})
	}
}

// again is the command that runs a scenario again, with the seed of this run.
func (r *Report) again(s *Result) string {
	return fmt.Sprintf("%s --only %s --seed %d", r.Again, s.ID, r.Seed)
}

// filter fills the chips.
func (v *view) filter() {
	outcome := page.Chips{Key: "outcome", Label: "Outcome"}
	levelCount := map[string]int{}
	for _, g := range v.Groups {
		outcome.List = append(outcome.List, page.Chip{Value: g.Title, Count: len(g.Rows), Tone: g.Tone})
		for _, r := range g.Rows {
			levelCount[r.Level]++
		}
	}
	level, area := page.Chips{Key: "level", Label: "Level"}, page.Chips{Key: "area", Label: "Area"}
	for _, l := range levels {
		if n := levelCount[l]; n > 0 {
			level.List = append(level.List, page.Chip{Value: l, Count: n})
		}
	}
	for _, a := range v.Areas {
		area.List = append(area.List, page.Chip{Value: a.Name})
	}
	v.Filter = page.Filter{Hint: "id, title, message", Groups: []page.Chips{outcome, level, area}}
	if v.Changes == nil {
		return
	}
	changed := page.Chips{Key: "change", Label: "Change"}
	for _, l := range v.Changes.Lists() {
		if len(l.List) > 0 {
			changed.List = append(changed.List, page.Chip{Value: l.Word, Count: len(l.List)})
		}
	}
	v.Filter.Groups = append([]page.Chips{changed}, v.Filter.Groups...)
}

func messageID(s *Result, i int) string { return fmt.Sprintf("%s-m%d", s.ID, i+1) }

// messages prepares the exchanges of a result.
func messages(s *Result, c culprit) (out []messageView) {
	for i := range s.Exchanges {
		e := &s.Exchanges[i]
		m := messageView{ID: messageID(s, i), Title: e.Method + " " + path(e.URL), Status: httpText(e), Kind: e.ContentType,
			Request: body(e.Request, nil), Response: body(e.Response, c.marks[i])}
		if what := tried(s, i); what != "" {
			m.What = clip(what, longestStep)
		}
		if i == c.exchange {
			m.Open, m.Wrong = true, c.why
		}
		out = append(out, m)
	}
	return out
}

// body prepares a body for the page. A secret may show only when the text is indented.
func body(text string, marks []page.Mark) page.Message {
	indented := page.Indent(text)
	if hidden := redact.Text(indented); hidden != indented {
		text = hidden
	}
	return page.Message{Text: text, Marks: marks}
}

// tried says what the device did in an exchange.
func tried(s *Result, i int) string {
	for _, step := range s.Steps {
		if step.Exchange == i+1 && step.From == Device {
			return step.Text
		}
	}
	return s.Exchanges[i].What
}

func httpText(e *Exchange) string {
	if e.Status == 0 {
		return "no reply: " + e.Error
	}
	return fmt.Sprintf("HTTP %d", e.Status)
}

// path is what differs from one address of a server to the next.
func path(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Path == "" {
		return address
	}
	if u.RawQuery != "" {
		return u.EscapedPath() + "?" + u.RawQuery
	}
	return u.EscapedPath()
}
