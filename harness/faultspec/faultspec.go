// Package faultspec reads faults as users write them, in flags, configuration
// files, the control API and scenarios alike:
//
//	line  = fault *( blank word )
//	fault = name [ "=" value ]      such as status=503,Retry-After=5
//	word  = key "=" value           such as times=3
//	value = *( text / quoted )      a quoted part may hold blanks and commas
//
// In quotes, \" is a quote and \\ a backslash. Device faults and push service
// faults share this spelling; which faults and words there are is theirs to say.
package faultspec

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/nearest"
)

// Find splits a fault and finds its kind among kinds. form gives a kind's name and
// how its argument is written: empty for no argument, in brackets for an optional
// one.
func Find[K any](fault string, kinds []K, form func(K) (name, arg string)) (kind K, arg Value, err error) {
	name, rest, has := strings.Cut(fault, "=")
	names := make([]string, len(kinds))
	for i, k := range kinds {
		known, want := form(k)
		names[i] = known
		switch {
		case known != name:
		case want == "" && has:
			return kind, "", fmt.Errorf("fault %s takes no argument", name)
		case want != "" && want[0] != '[' && Value(rest).Text() == "":
			return kind, "", fmt.Errorf("fault %s needs an argument: %s=%s", name, name, want)
		default:
			return k, Value(rest), nil
		}
	}
	return kind, "", fmt.Errorf("unknown fault %q%s; known faults: %s", name, nearest.Hint(name, names), strings.Join(names, ", "))
}

// Number reads a positive argument; an empty one is fallback.
func Number(arg string, fallback int) (int, error) {
	if arg == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(arg)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not a number from 1 up", arg)
	}
	return n, nil
}

// Duration reads a positive argument; an empty one is fallback.
func Duration(arg string, fallback time.Duration) (time.Duration, error) {
	if arg == "" {
		return fallback, nil
	}
	d, err := time.ParseDuration(arg)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is not a positive duration such as 5s or 2m", arg)
	}
	return d, nil
}
