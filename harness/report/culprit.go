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

const elementNames = `[A-Za-z]*[a-z][A-Z]\w*|[A-Z]{2,}[a-z]\w*|Final|Status|Alert|Results|Atomic|Format|Target|Source|Action|Chal|Cred|Cmd`

var (
	locURI      = regexp.MustCompile(`\./[\w.%/-]*[\w-]`)
	elementName = regexp.MustCompile(`(?:^|[\s(,;])(` + elementNames + `)\b`)
	pair        = regexp.MustCompile(`(?:^|[\s(,;])(` + elementNames + `):? ([^\s,;]+)`)
	messageOf   = regexp.MustCompile(`\bmessage (\d+) (?:of|in) session (\w+)|\bsession (\w+), message (\d+)`)
	answerTo    = regexp.MustCompile(`\breply to (Alert \d+|Discover|GetPolicies|RST)\b`)
	absent      = regexp.MustCompile(`^(?:none|nothing|0|neither|no [\w -]+)\b`)
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
	c := culprit{exchange: -1, step: -1, why: LabelSaw + " " + clip(oneLine(s.Saw), 80)}
	c.tried(s)
	if c.exchange < 0 && s.Area != "MSG" { // what is said about every message is not in its own steps
		if c.named(s) && c.exchange < 0 {
			return c // the report does not have this message
		}
	}
	c.mark(s)
	if c.exchange < 0 {
		c.exchange = whole(s)
	}
	if c.step < 0 {
		c.step = c.inSteps(s)
	}
	return c
}

// tried finds the exchange of what the verdict says was tried.
func (c *culprit) tried(s *Result) {
	for i := range s.Exchanges {
		if what := s.Exchanges[i].What; what != "" && strings.Contains(s.Saw, what) {
			c.exchange = i
			return
		}
	}
}

// named reports whether the verdict names a message, by its number or by what it answers,
// and finds it.
func (c *culprit) named(s *Result) bool {
	said := s.Expected + " " + s.Saw
	var is func(text string) bool
	numbered := false
	if m := messageOf.FindStringSubmatch(said); m != nil {
		numbered = true
		want := "session " + m[2] + m[3] + ", message " + m[1] + m[4]
		is = func(text string) bool { return text == want || strings.HasPrefix(text, want+":") }
	} else if m := answerTo.FindStringSubmatch(said); m != nil {
		word := regexp.MustCompile(`: (?:.*, )?` + m[1] + `(?:$|,| ×)`)
		is = word.MatchString
	} else {
		return false
	}
	for i, step := range s.Steps {
		if step.From != Device || !is(step.Text) {
			continue
		}
		for k := i + 1; k < len(s.Steps); k++ {
			if r := s.Steps[k]; r.From == Server && r.To == Device {
				c.step, c.exchange = k, r.Exchange-1
				return true
			}
		}
	}
	return numbered
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

// elements are the names of elements in a text.
func elements(text string) (out []string) {
	for _, m := range elementName.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

// mark finds the elements, from the most to the least exact kind of words.
func (c *culprit) mark(s *Result) {
	var exact, seen, named []page.Mark
	all := values(s)
	missing := len(all) > 0 && absent.MatchString(all[len(all)-1]) // what is there is not what is missing
	for _, m := range pair.FindAllStringSubmatch(s.Saw, -1) {
		if missing {
			break
		}
		exact = append(exact, page.Mark{Name: m[1], Value: m[2]})
		if len(m[2]) >= 8 {
			seen = append(seen, page.Mark{Value: m[2]})
		}
	}
	for _, v := range all {
		for _, n := range elements(s.Expected + " " + s.Title) {
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
	if !missing {
		for _, n := range elements(s.Saw + " " + s.Expected) {
			named = append(named, page.Mark{Name: n})
		}
	}
	for _, kind := range [][]page.Mark{exact, seen, nodes(s.Saw), nodes(s.Expected)} {
		if c.apply(s, kind, maxMarks, len(s.Exchanges)) {
			return
		}
	}
	c.apply(s, named, 1, 1)
}

// apply takes the marks that have few elements in a reply, and are in few replies.
func (c *culprit) apply(s *Result, kind []page.Mark, elements, replies int) bool {
	marks := map[int][]page.Mark{}
	first := -1
	for i := range s.Exchanges {
		if c.step >= 0 && i != c.exchange || s.Exchanges[i].Response == "" {
			continue
		}
		for _, m := range kind {
			if n := page.Count(s.Exchanges[i].Response, m); n > 0 && n <= elements {
				marks[i] = []page.Mark{m}
				if first < 0 {
					first = i
				}
				break
			}
		}
	}
	if first < 0 || len(marks) > replies {
		return false
	}
	if c.marks = marks; c.exchange < 0 {
		c.exchange = first
	}
	return true
}

// whole finds an exchange that is wrong as a whole: in its Content-Type, or its status.
func whole(s *Result) int {
	status := httpStatus.FindStringSubmatch(s.Saw)
	for i := range s.Exchanges {
		e := &s.Exchanges[i]
		for _, v := range values(s) {
			if e.ContentType != "" && (e.ContentType == v || strings.HasPrefix(e.ContentType, v+";")) {
				return i
			}
		}
		if status != nil && httpText(e) == "HTTP "+status[1] {
			return i
		}
	}
	return -1
}

// inSteps finds the step of the exchange, or the request to WNS that the verdict is about.
func (c *culprit) inSteps(s *Result) int {
	for i := len(s.Steps) - 1; i >= 0 && c.exchange >= 0; i-- {
		if step := &s.Steps[i]; step.Exchange == c.exchange+1 && step.From == Server {
			return i
		}
	}
	if c.exchange >= 0 {
		return -1
	}
	var all []int
	for i, step := range s.Steps {
		token := step.Text == TokenRequest
		if step.From != Server || step.To != WNS {
			continue
		}
		switch {
		case s.Area == "WNS" && !token, s.Area == "TOK" && token, s.Area == "WER" && !token && strings.Contains(s.Expected, "notification"):
			all = append(all, i)
		}
	}
	switch {
	case len(all) == 0:
		return -1
	case s.Area == "WER", strings.Contains(s.Expected, "at most"): // one too many
		return all[len(all)-1]
	}
	for _, i := range all {
		if i+1 < len(s.Steps) && refusedStep.MatchString(s.Steps[i+1].Text) {
			return i
		}
	}
	return all[0]
}
