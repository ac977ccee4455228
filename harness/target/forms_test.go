package target

import (
	"strings"
	"testing"
)

// TestForms: verbs and formats limit the queue hook, and only that.
func TestForms(t *testing.T) {
	k := &Hook{Exec: []string{"true"}, Verbs: []string{"Exec"}, Formats: []string{"chr", "b64"}}
	for _, c := range []struct{ verb, format, says string }{
		{"Exec", "", ""}, {"Exec", "b64", ""}, {"Get", "", "takes no Get"}, {"Exec", "xml", "takes no format xml"},
	} {
		err := k.Takes(c.verb, c.format)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s %s: %v", c.verb, c.format, err)
		}
	}
	if err := (*Hook)(nil).Takes("Get", ""); err == nil {
		t.Error("without a queue hook nothing is taken")
	}
	for says, h := range map[string]Hooks{
		`"Exek" is none of`:     {Queue: &Hook{Exec: []string{"true"}, Verbs: []string{"Exek"}}},
		`"text" is none of`:     {Queue: &Hook{Exec: []string{"true"}, Formats: []string{"text"}}},
		"target.hooks.push: ve": {Push: &Hook{Exec: []string{"true"}, Verbs: []string{"Exec"}}},
	} {
		if err := h.check(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}
