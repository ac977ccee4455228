package report

import (
	"regexp"
	"strings"
)

// marks are the words that a failure is about, from the most to the least exact
// kind. The page marks the lines of the server's messages that contain words of the
// most exact kind found.
type marks [][]string

// line is a line of a message.
type line struct {
	Text   string
	Marked bool
}

var (
	locURI  = regexp.MustCompile(`\./[\w.%/-]*[\w-]`)
	element = regexp.MustCompile(`\b[A-Z][a-z]+(?:[A-Z]+[a-z]*)+\b|\b(?:Final|Status|Alert|Results|Atomic|Format|Target|Source|Action|Chal|Cred)\b`)
)

// marksOf takes from a verdict, in this order: the value seen, named nodes, named
// elements.
func marksOf(s *Result) marks {
	said := s.Expected + " " + s.Saw
	var m marks
	if v := strings.TrimSpace(s.Saw); len(v) >= 4 && len(v) <= 200 && !strings.Contains(v, "\n") {
		m = append(m, []string{">" + v + "<", v})
	}
	m = append(m, locURI.FindAllString(said, -1))
	var names []string
	for _, n := range element.FindAllString(said+" "+s.Title, -1) {
		names = append(names, "<"+n+">", "<"+n+" ", "<"+n+"/")
	}
	return append(m, names)
}

// Lines returns the lines of a message, with the matching ones marked.
func (m marks) Lines(message string) (out []line) {
	text := Pretty([]byte(message))
	var words []string
	for _, kind := range m {
		for _, w := range kind {
			if strings.Contains(text, w) {
				words = append(words, w)
			}
		}
		if len(words) > 0 {
			break
		}
	}
	for _, l := range strings.Split(text, "\n") {
		k := line{Text: l}
		for _, w := range words {
			k.Marked = k.Marked || strings.Contains(l, w)
		}
		out = append(out, k)
	}
	return out
}
