package report

import (
	"regexp"
	"strings"

	"github.com/dmwake/dmwake/harness/page"
)

// culprit is where a failure shows: an exchange, a step, and the elements of the
// server's replies that are wrong.
type culprit struct {
	exchange, step int                 // -1 if it is not known
	marks          map[int][]page.Mark // by exchange
	why            string              // what is said at the step
}

var (
	locURI      = regexp.MustCompile(`\./[\w.%/-]*[\w-]`)
	elementName = regexp.MustCompile(`\b[A-Z][a-z]+(?:[A-Z]+[a-z]*)+\b|\b(?:Final|Status|Alert|Results|Atomic|Format|Target|Source|Action|Chal|Cred)\b`)
	messageOf   = regexp.MustCompile(`\bmessage (\d+) (?:of|in) session (\w+)|\bsession (\w+), message (\d+)`)
	httpStatus  = regexp.MustCompile(`\bHTTP (?:status )?(\d{3})\b`)
	howMany     = regexp.MustCompile(`^\d+ of \d+: `)
	refusedStep = regexp.MustCompile(`^[45]\d\d\b`)
)

// How many elements are marked: more are not a mistake, but how the messages look.
const maxMarks, maxNamed = 8, 2

// find looks for what a verdict speaks of: the message that it names, what was seen
// there, the nodes and the elements that it names. What it does not find stays unknown:
// a wrong mark is worse than none.
func find(s *Result) culprit {
	c := culprit{exchange: -1, step: -1, why: labelSaw + " " + clip(oneLine(s.Saw), 80)}
	c.named(s)
	c.mark(s)
	if c.exchange < 0 {
		c.exchange = whole(s)
	}
	if c.step < 0 {
		c.step = c.inSteps(s)
	}
	return c
}

// named finds the message that the verdict names.
func (c *culprit) named(s *Result) {
	m := messageOf.FindStringSubmatch(s.Expected + " " + s.Saw)
	if m == nil {
		return
	}
	text := "session " + m[2] + m[3] + ", message " + m[1] + m[4]
	for i, step := range s.Steps {
		if rest, ok := strings.CutPrefix(step.Text, text); !ok || rest != "" && rest[0] != ':' {
			continue
		}
		for k := i + 1; k < len(s.Steps); k++ {
			if r := s.Steps[k]; r.From == Server && r.To == Device {
				c.step, c.exchange = k, r.Exchange-1
				return
			}
		}
	}
}

// values are texts that the verdict saw, from the whole to the most exact.
func values(s *Result) (out []string) {
	v := howMany.ReplaceAllString(strings.TrimSpace(s.Saw), "")
	if len(v) > 200 || strings.Contains(v, "\n") {
		return nil
	}
	out = append(out, v)
	if i := strings.LastIndex(v, ": "); i >= 0 {
		out = append(out, v[i+2:])
	}
	return out
}

// mark finds the elements, from the most to the least exact kind of words.
func (c *culprit) mark(s *Result) {
	var exact, seen, named []page.Mark
	names := elementName.FindAllString(s.Expected+" "+s.Title, -1)
	for _, v := range values(s) {
		for _, n := range names {
			exact = append(exact, page.Mark{Name: n, Value: v})
		}
		if len(v) >= 4 {
			seen = append(seen, page.Mark{Value: v})
		}
	}
	nodes := func(text string) (out []page.Mark) {
		for _, uri := range locURI.FindAllString(text, -1) {
			out = append(out, page.Mark{Value: uri})
		}
		return out
	}
	for _, n := range elementName.FindAllString(s.Saw+" "+s.Expected+" "+s.Title, -1) {
		named = append(named, page.Mark{Name: n})
	}
	for k, kind := range [][]page.Mark{exact, seen, nodes(s.Saw), nodes(s.Expected), named} {
		most := maxMarks
		if k == 4 {
			most = maxNamed
		}
		if c.apply(s, kind, most) {
			return
		}
	}
}

// apply takes the marks that have few elements in a reply.
func (c *culprit) apply(s *Result, kind []page.Mark, most int) bool {
	marks := map[int][]page.Mark{}
	first := -1
	for i := range s.Exchanges {
		if c.exchange >= 0 && i != c.exchange || s.Exchanges[i].Response == "" {
			continue
		}
		for _, m := range kind {
			if n := page.Count(s.Exchanges[i].Response, m); n > 0 && n <= most {
				marks[i] = []page.Mark{m}
				if first < 0 {
					first = i
				}
				break
			}
		}
	}
	if first < 0 {
		return false
	}
	c.marks, c.exchange = marks, first
	return true
}

// whole finds an exchange that is wrong as a whole: in its Content-Type, its status, or
// what the device tried.
func whole(s *Result) int {
	status := httpStatus.FindStringSubmatch(s.Saw)
	for i := range s.Exchanges {
		e := &s.Exchanges[i]
		for _, v := range values(s) {
			if e.ContentType != "" && (e.ContentType == v || strings.HasPrefix(e.ContentType, v+";")) {
				return i
			}
		}
		if e.What != "" && strings.Contains(s.Saw, e.What) || status != nil && strings.HasPrefix(httpText(e), "HTTP "+status[1]) {
			return i
		}
	}
	return -1
}

// inSteps finds the step of the exchange, or the notification that WNS refused.
func (c *culprit) inSteps(s *Result) int {
	for i := len(s.Steps) - 1; i >= 0 && c.exchange >= 0; i-- {
		if step := &s.Steps[i]; step.Exchange == c.exchange+1 && step.From == Server {
			return i
		}
	}
	if s.Area == "WNS" || s.Area == "TOK" {
		for i, step := range s.Steps {
			if step.From == WNS && refusedStep.MatchString(step.Text) && i > 0 && s.Steps[i-1].To == WNS {
				return i - 1
			}
		}
	}
	return -1
}
