package faultspec

import (
	"strings"
	"testing"
	"time"
)

func TestFind(t *testing.T) {
	kinds := [][2]string{{"plain", ""}, {"needs", "CODE"}, {"may", "[N]"}}
	form := func(k [2]string) (string, string) { return k[0], k[1] }
	for spec, c := range map[string]struct{ kind, arg, wrong string }{
		"plain":   {"plain", "", ""},
		"plain=":  {"", "", "fault plain takes no argument"},
		"plain=1": {"", "", "fault plain takes no argument"},
		"needs=1": {"needs", "1", ""},
		"needs":   {"", "", "fault needs needs an argument: needs=CODE"},
		"needs=":  {"", "", "fault needs needs an argument: needs=CODE"},
		"may":     {"may", "", ""},
		"may=a=b": {"may", "a=b", ""},
		"none":    {"", "", `unknown fault "none"; known faults: plain, needs, may`},
		"":        {"", "", `unknown fault ""; known faults: plain, needs, may`},
	} {
		k, arg, err := Find(spec, kinds, form)
		if c.wrong != "" {
			if err == nil || err.Error() != c.wrong {
				t.Errorf("%q: %v, want %s", spec, err, c.wrong)
			}
		} else if err != nil || k[0] != c.kind || string(arg) != c.arg {
			t.Errorf("%q: %s with %q, %v", spec, k[0], arg, err)
		}
	}
}

func TestArguments(t *testing.T) {
	if n, err := Number("", 7); n != 7 || err != nil {
		t.Error(n, err)
	}
	if n, err := Number("3", 7); n != 3 || err != nil {
		t.Error(n, err)
	}
	if d, err := Duration("", time.Minute); d != time.Minute || err != nil {
		t.Error(d, err)
	}
	if d, err := Duration("5s", time.Minute); d != 5*time.Second || err != nil {
		t.Error(d, err)
	}
	for _, arg := range []string{"0", "-1", "x", "1.5"} {
		if _, err := Number(arg, 1); err == nil || !strings.Contains(err.Error(), "not a number from 1 up") {
			t.Errorf("%s: %v", arg, err)
		}
	}
	for _, arg := range []string{"0s", "-1s", "5", "soon"} {
		if _, err := Duration(arg, 1); err == nil || !strings.Contains(err.Error(), "not a positive duration") {
			t.Errorf("%s: %v", arg, err)
		}
	}
}
