package report

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestFewer(t *testing.T) {
	many := func(n int, f string) (out []string) {
		for i := range n {
			out = append(out, fmt.Sprintf(f, i+1))
		}
		return out
	}
	messages := many(50, "message %d: HTTP 200, 1326 bytes")
	for name, c := range map[string]struct{ in, want []string }{
		"none":               {nil, nil},
		"few":                {messages[:4], messages[:4]},
		"many":               {messages, append(slices.Clone(messages[:3]), "(47 more like this)")},
		"another at the end": {append(slices.Clone(messages), "message 51: HTTP 500, 0 bytes"), append(slices.Clone(messages[:3]), "(47 more like this)", "message 51: HTTP 500, 0 bytes")},
		"times and ports":    {many(5, "08:49:03.%03d POST 127.0.0.1:443 -> 500"), append(many(3, "08:49:03.%03d POST 127.0.0.1:443 -> 500"), "(2 more like this)")},
		"another status":     {[]string{"a -> 500", "a -> 500", "a -> 200", "a -> 500", "a -> 500"}, []string{"a -> 500", "a -> 500", "a -> 200", "a -> 500", "a -> 500"}},
		"another word":       {[]string{"Get ./A", "Get ./B", "Get ./C", "Get ./D", "Get ./E"}, []string{"Get ./A", "Get ./B", "Get ./C", "Get ./D", "Get ./E"}},
	} {
		if got := fewer(c.in); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestEvidenceIsShort: people see a few of many equal lines, programs all of them.
func TestEvidenceIsShort(t *testing.T) {
	r := sample(false)
	for i := range r.Scenarios {
		if s := &r.Scenarios[i]; s.Broken() || s.Outcome == Errored {
			s.Evidence = nil
			for n := range 50 {
				s.Evidence = append(s.Evidence, fmt.Sprintf("message %d of %s: HTTP 200", n, s.ID))
			}
		}
	}
	var junit, json bytes.Buffer
	if err := r.WriteJUnit(&junit); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteJSON(&json); err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"terminal": terminal(r, false), "JUnit": junit.String(), "HTML": render(t, r)} {
		if strings.Count(text, "(47 more like this)") == 0 || strings.Contains(text, "message 9 of ") || !strings.Contains(text, "message 2 of SES-09: HTTP 200") {
			t.Errorf("%s: %d of the lines\n%s", what, strings.Count(text, "HTTP 200"), text)
		}
	}
	if n := strings.Count(json.String(), "of SES-09: HTTP 200"); n != 50 {
		t.Errorf("the JSON has %d lines", n)
	}
}
