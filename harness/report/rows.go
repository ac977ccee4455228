package report

import (
	"fmt"
	"net/url"
	"slices"
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
	Counts      []wordCount
}

type wordCount struct {
	N          int
	Word, Tone string
}

// groups are the outcomes in the order of the list.
var groups = []Outcome{Failed, Errored, Warned, Blocked, Skipped, NotApplicable, Passed}

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

// rows fills the list of scenarios and the areas.
func (v *view) rows() {
	by, at, seen := map[Outcome][]rowView{}, map[string]int{}, map[string]bool{}
	change := v.Changes.words()
	for i := range v.Scenarios {
		s := &v.Scenarios[i]
		row := rowView{Result: s, Word: s.Outcome.Word(), Tone: v.tone(s), Change: change[s.ID]}
		if s.Broken() || s.Outcome == Errored {
			c := find(s)
			row.Diagram, row.Messages = diagram(s, c), messages(s, c)
			row.Again = page.Copy{Text: again(v.Again, s, v.Seed), What: "the command for " + s.ID}
		}
		by[s.Outcome] = append(by[s.Outcome], row)
		k, ok := at[s.Area]
		if !ok {
			k = len(v.Areas)
			at[s.Area] = k
			about, _, _ := strings.Cut(areas[s.Area], ":")
			v.Areas = append(v.Areas, areaView{Name: s.Area, About: about})
		}
		v.Areas[k].add(row)
		if s.Outcome == Errored {
			v.Errors = append(v.Errors, s)
		}
	}
	for _, o := range groups {
		g := groupView{Title: o.Word(), Rows: by[o], Open: o == Failed || o == Warned || o == Errored}
		for i := range g.Rows {
			r := &g.Rows[i]
			r.First = !seen[r.Area]
			seen[r.Area] = true
			g.Tone = worst(g.Tone, r.Tone)
		}
		if len(g.Rows) > 0 {
			v.Groups = append(v.Groups, g)
		}
	}
}

func worst(a, b string) string {
	for _, tone := range []string{"bad", "warn", "good"} {
		if a == tone || b == tone {
			return tone
		}
	}
	return b
}

// add counts a scenario of an area. What says little about the server is counted
// together.
func (a *areaView) add(r rowView) {
	word := r.Word
	if r.Tone == "dim" {
		word = "other"
	}
	for i := range a.Counts {
		if c := &a.Counts[i]; c.Word == word {
			c.N++
			c.Tone = worst(c.Tone, r.Tone)
			return
		}
	}
	a.Counts = append(a.Counts, wordCount{1, word, r.Tone})
	order := func(c wordCount) int {
		if i := slices.IndexFunc(groups, func(o Outcome) bool { return o.Word() == c.Word }); i >= 0 {
			return i
		}
		return len(groups)
	}
	slices.SortFunc(a.Counts, func(x, y wordCount) int { return order(x) - order(y) })
}

// filter fills the chips.
func (v *view) filter() {
	outcome := page.Chips{Key: "outcome", Label: "Outcome"}
	levelCount, known := map[string]int{}, 0
	for _, g := range v.Groups {
		outcome.List = append(outcome.List, page.Chip{Value: g.Title, Count: len(g.Rows), Tone: g.Tone})
		for _, r := range g.Rows {
			levelCount[r.Level]++
			if r.Known && r.Broken() {
				known++
			}
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
	if known > 0 {
		v.Filter.Groups = append(v.Filter.Groups, page.Chips{Key: "baseline", Label: "Baseline", List: []page.Chip{{Value: "known", Count: known}}})
	}
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
