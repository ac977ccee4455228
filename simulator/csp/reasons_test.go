package csp

import (
	"reflect"
	"strings"
	"testing"
)

func TestReasons(t *testing.T) {
	const text = `# About the CSP.
# differs extra: a capture,
# line 3
A G node
  # differs format: one
  # differs values below: two

  # three
  B G chr
  # A remark.
  C G chr
`
	nodes, err := parseTree(text)
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseReasons(text, nodes)
	if err != nil {
		t.Fatal(err)
	}
	want := []Reason{{"A", "extra", "a capture, line 3"}, {"A/B", "format", "one"}, {"A/B", "values below", "two three"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	for text, want := range map[string]string{
		"# differs format\nA G node":          "line 1: a reason has the form",
		"# differs format: \nA G node":        "a reason has the form",
		"A G node\n# differs format: because": "no node is below",
	} {
		if _, err := parseReasons(text, []Node{{Path: "A"}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	for _, c := range All() {
		for _, r := range c.Remarks() {
			if strings.Contains(r, "differs ") {
				t.Errorf("%s: the remark %q is not free of its mark", c.Name, r)
			}
		}
		if _, err := c.Reasons(); err != nil {
			t.Error(err)
		}
	}
}
