package page

import (
	"fmt"
	"slices"
)

// Diagram is a sequence diagram: who sent what to whom, in order.
type Diagram struct {
	ID     string   // the arrows have the addresses #ID-1, #ID-2, ...
	Lanes  []string // the parties, from left to right; who takes no part is left out
	Arrows []Arrow
}

// maxLanes is how many lanes the style sheet can draw.
const maxLanes = 6

// Arrow is one message.
type Arrow struct {
	From, To string
	Text     string // verbs and statuses: "message 2: Status 200, Get"
	Note     string // more, in small letters
	Culprit  string // what is wrong here, in a few words; the arrow is red then
	Href     string // where its message is
	Fold     string // arrows in a row with the same Fold are folded under this title
}

// Placed is an arrow with its place.
type Placed struct {
	Arrow
	ID       string
	N        int
	A, B     int // lanes from the left, from 1; A <= B
	Leftward bool
}

// Folded are arrows in a row.
type Folded struct {
	Title  string // empty: not Folded
	Arrows []Placed
}

// Taking are the lanes that take part, in the order of Lanes; parties that it does not
// name follow.
func (d Diagram) Taking() (out []string) {
	takes := func(name string) bool {
		return slices.ContainsFunc(d.Arrows, func(a Arrow) bool { return a.From == name || a.To == name })
	}
	for _, l := range d.Lanes {
		if takes(l) && !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	for _, a := range d.Arrows {
		for _, l := range []string{a.From, a.To} {
			if !slices.Contains(out, l) {
				out = append(out, l)
			}
		}
	}
	return out[:min(len(out), maxLanes)]
}

// Rows are the arrows in their places. A fold that has the culprit is not Folded.
func (d Diagram) Rows() (out []Folded) {
	lanes := d.Taking()
	for i, a := range d.Arrows {
		from, to := slices.Index(lanes, a.From)+1, slices.Index(lanes, a.To)+1
		if from == 0 || to == 0 {
			continue
		}
		row := Placed{Arrow: a, ID: fmt.Sprintf("%s-%d", d.ID, i+1), N: i + 1, A: min(from, to), B: max(from, to), Leftward: from > to}
		if n := len(out); n == 0 || out[n-1].Title != a.Fold {
			out = append(out, Folded{Title: a.Fold})
		}
		last := &out[len(out)-1]
		last.Arrows = append(last.Arrows, row)
	}
	return out
}

// Open reports whether the fold has the culprit.
func (f Folded) Open() bool {
	return slices.ContainsFunc(f.Arrows, func(a Placed) bool { return a.Culprit != "" })
}
