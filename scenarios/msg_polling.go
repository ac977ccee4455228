package scenarios

import (
	"regexp"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// pollNode matches a LocURI at or below Poll: the account, and the value's name.
var pollNode = regexp.MustCompile(`(?i)^(\./(?:Device/)?Vendor/MSFT/DMClient/Provider/[^/]+)/Poll(?:/([^/]+))?$`)

// pollWrites are the writes to Poll in a session.
type pollWrites struct {
	at      int               // of the first pair with one
	account string            // the LocURI above Poll
	values  map[string]string // by name
	added   bool              // Poll was added before the first value
}

// pollsOf returns the writes to Poll in a session; ok is false if there is none.
func pollsOf(h *suite.Heard) (w pollWrites, ok bool) {
	w.values = map[string]string{}
	for i, p := range h.Pairs {
		commandsOf(p.Got, func(c, _ *syncml.Command) {
			if c.Verb != syncml.Add && c.Verb != syncml.Replace {
				return
			}
			for _, it := range c.Items {
				switch m := pollNode.FindStringSubmatch(it.Target.LocURI); {
				case m == nil:
				case m[2] == "":
					w.added = w.added || len(w.values) == 0
				default:
					if len(w.values) == 0 {
						w.at, w.account = i, m[1]
					}
					w.values[m[2]] = strings.TrimSpace(it.Data)
				}
			}
		})
	}
	return w, len(w.values) > 0
}

// sets are those of the device, with what the session wrote.
func (w *pollWrites) sets(h *suite.Heard) []pollSet {
	return pollSetsOf(func(name string) string {
		for written, value := range w.values {
			if strings.EqualFold(written, name) {
				return value
			}
		}
		return h.Look(w.account + "/Poll/" + name)
	})
}

func setsValidPolls(h *suite.Heard) {
	w, ok := pollsOf(h)
	if !ok {
		return
	}
	for _, r := range validPolls(w.sets(h)) {
		if !r.ok {
			h.Breach(w.at, r.what+": "+r.expected, "%s: %s", r.what, suite.Show(r.saw))
			return
		}
	}
}

func setsGoodPolls(h *suite.Heard) {
	w, ok := pollsOf(h)
	if !ok {
		return
	}
	if !w.added && lacksPoll(h) {
		h.Breach(w.at, "Add of .../Poll before its values, on a device that was provisioned without Poll", "its values only")
		return
	}
	sets := w.sets(h)
	for _, r := range append(slowingPolls(sets), rarePolls(sets[2], h.Polls)) {
		if !r.ok {
			h.Breach(w.at, r.what+": "+r.expected, "%s: %s", r.what, suite.Show(r.saw))
			return
		}
	}
}

// lacksPoll reports whether the device had no Poll when the session began: it was
// provisioned without, and no session before added or wrote it.
func lacksPoll(h *suite.Heard) bool {
	doc := h.Document()
	earlier, whole := h.Before(), h.Whole()
	if doc == nil || !whole {
		return false
	}
	for _, n := range doc.Provider.Nodes {
		if strings.HasPrefix(strings.ToLower(n.Path), "poll/") {
			return false
		}
	}
	for _, s := range earlier {
		for _, c := range s.Commands {
			if c.Verb != syncml.Get && pollNode.MatchString(c.LocURI) {
				return false
			}
		}
	}
	return true
}
