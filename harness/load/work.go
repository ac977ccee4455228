package load

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Work is what each push is for.
type Work struct {
	Kind     string // none, get, wipe, profile
	Settings int    // of a profile
}

// ParseWork reads "none", "get", "wipe" or "profile:N", N settings.
func ParseWork(s string) (Work, error) {
	if n, ok := strings.CutPrefix(s, "profile:"); ok {
		k, err := strconv.Atoi(n)
		if err != nil || k < 1 || k > 500 {
			return Work{}, fmt.Errorf("%q: a profile has from 1 to 500 settings", s)
		}
		return Work{Kind: "profile", Settings: k}, nil
	}
	if s != "none" && s != "get" && s != "wipe" {
		return Work{}, fmt.Errorf("%q is none of none, get, wipe, profile:N", s)
	}
	return Work{Kind: s}, nil
}

// Commands is how many commands each push carries.
func (w Work) Commands() int {
	switch w.Kind {
	case "get", "wipe":
		return 1
	case "profile":
		return w.Settings
	}
	return 0
}

// What the work is about, without the root, which servers spell as they like
// (./Vendor, ./Device/Vendor).
const (
	getNode     = "/DevDetail/URI/MaxSegLen"
	wipeNode    = "/RemoteWipe/"
	settingNode = "/Policy/Config/Browser/Setting" // and a number
)

// commands are those of one wake-up.
func (w Work) commands() (out []lab.Command) {
	switch w.Kind {
	case "get":
		return []lab.Command{{Verb: syncml.Get, LocURI: "." + getNode}}
	case "wipe":
		return []lab.Command{lab.RemoteWipe}
	case "profile":
		for k := range w.Settings {
			out = append(out, lab.Command{Verb: syncml.Replace, LocURI: "./Vendor/MSFT" + settingNode + fmt.Sprint(k%97), Format: "int", Data: fmt.Sprint(k % 2)})
		}
	}
	return out
}

// in tells which of the server's messages in a session, counted from 0, brought the
// last of the work; -1 where none did.
func (w Work) in(s *dmclient.Session) (last int) {
	last = -1
	for i := range s.Commands {
		if c := &s.Commands[i]; c.Msg > last && w.isFor(c.LocURI) {
			last = c.Msg
		}
	}
	return last
}

func (w Work) isFor(locURI string) bool {
	ends := func(s, with string) bool {
		return len(s) >= len(with) && strings.EqualFold(s[len(s)-len(with):], with)
	}
	switch w.Kind {
	case "get":
		return ends(locURI, getNode)
	case "wipe": // there are several kinds of it
		return strings.Contains(strings.ToLower(locURI), strings.ToLower(wipeNode))
	case "profile":
		return ends(strings.TrimRight(locURI, "0123456789"), settingNode)
	}
	return false
}
