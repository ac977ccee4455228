// Package faultspec reads a fault as users write it, "name" or "name=argument".
// Device faults and push service faults share this spelling.
package faultspec

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Find splits a spec and finds its kind among kinds. form gives a kind's name and
// how its argument is written: empty for no argument, in brackets for an optional
// one.
func Find[K any](spec string, kinds []K, form func(K) (name, arg string)) (kind K, arg string, err error) {
	name, arg, has := strings.Cut(spec, "=")
	names := make([]string, len(kinds))
	for i, k := range kinds {
		known, want := form(k)
		names[i] = known
		switch {
		case known != name:
		case want == "" && has:
			return kind, "", fmt.Errorf("fault %s takes no argument", name)
		case want != "" && want[0] != '[' && arg == "":
			return kind, "", fmt.Errorf("fault %s needs an argument: %s=%s", name, name, want)
		default:
			return k, arg, nil
		}
	}
	return kind, "", fmt.Errorf("unknown fault %q; known faults: %s", name, strings.Join(names, ", "))
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
