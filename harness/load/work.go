package load

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/harness/lab"
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

// commands are those of one wake-up.
func (w Work) commands(*wakeup) (out []lab.Command) {
	switch w.Kind {
	case "get":
		return []lab.Command{{Verb: syncml.Get, LocURI: "./DevDetail/URI/MaxSegLen"}}
	case "wipe":
		return []lab.Command{{Verb: syncml.Exec, LocURI: "./Vendor/MSFT/RemoteWipe/doWipe"}}
	case "profile":
		for k := range w.Settings {
			out = append(out, lab.Command{Verb: syncml.Replace, LocURI: "./Vendor/MSFT/Policy/Config/Browser/Setting" + fmt.Sprint(k%97), Format: "int", Data: fmt.Sprint(k % 2)})
		}
	}
	return out
}
