package suite

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// breach is one place where a rule is broken.
type breach struct {
	device              *dmclient.Device
	ex                  *dmclient.Exchange
	expected, saw, from string
	// Of a mistake: how often it was made, and to which devices.
	times   int
	devices map[string]bool
}

// line tells it in a report.
func (b *breach) line() string {
	if b.times < 2 {
		return b.from + ": " + b.saw
	}
	of := "1 device"
	if n := len(b.devices); n > 1 {
		of = fmt.Sprintf("%d devices", n)
	}
	return fmt.Sprintf("%s: %s (%d times, to %s)", b.from, b.saw, b.times, of)
}

// keptBreaches is how many places one rule's result lists, keptMistakes how many
// different mistakes.
const keptBreaches, keptMistakes = 20, 300

// ear holds what one scenario heard so far.
type ear struct {
	list      []breach
	mistakes  kinds
	remarks   kinds // of what breaks no rule
	total     int
	in        map[string]int // places by the scenario that held the session
	concerned bool
}

func newEar() *ear { return &ear{in: map[string]int{}} }

func (e *ear) note(scenario string, b breach) {
	e.in[scenario]++
	if e.total++; len(e.list) < keptBreaches {
		e.list = append(e.list, b)
	}
}

func (e *ear) mistake(scenario, kind, device string, b breach) {
	e.in[scenario]++
	e.total++
	e.mistakes.add(kind, device, b)
}

// places are all places that are kept, the mistakes each with its first.
func (e *ear) places() []breach {
	out := append([]breach(nil), e.list...)
	for _, b := range e.mistakes.order {
		out = append(out, *b)
	}
	return out
}

// kinds are mistakes, each once.
type kinds struct {
	order []*breach
	by    map[string]*breach
	more  int // places of kinds that are not kept
}

func (k *kinds) add(kind, device string, b breach) {
	known := k.by[kind]
	if known == nil {
		if len(k.order) == keptMistakes {
			k.more++
			return
		}
		if k.by == nil {
			k.by = map[string]*breach{}
		}
		b.devices = map[string]bool{}
		known = &b
		k.by[kind], k.order = known, append(k.order, known)
	}
	known.times++
	known.devices[device] = true
}

func (k *kinds) lines() (out []string) {
	for _, b := range k.order {
		out = append(out, b.line())
	}
	if k.more > 0 {
		out = append(out, fmt.Sprintf("%d more are not listed", k.more))
	}
	return out
}

// ids are parts of a LocURI or a value that differ from device to device.
var ids = regexp.MustCompile(`[0-9a-f][0-9a-f-]{7,}|\d{4,}`)

// alike is the same for the same mistake on different devices.
func alike(verb, locURI, saw string) string {
	return verb + " " + ids.ReplaceAllString(strings.ToLower(locURI), "*") + " " + ids.ReplaceAllString(strings.ToLower(saw), "*")
}
