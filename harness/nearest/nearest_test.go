package nearest

import (
	"strings"
	"testing"
)

// TestOf: a misspelt name finds the one that was meant, and a strange one none.
func TestOf(t *testing.T) {
	known := []string{"status", "slow", "stop", "pfn-418-500", "dropped", "SES-01", "discovery"}
	for name, want := range map[string]string{
		"staus": "status", "pfn-418": "pfn-418-500", "droped": "dropped", "ses-1": "SES-01", "Discovry": "discovery", "x": "", "gremlins": "", "": "",
		strings.Repeat("status", 1_000_000): "",
	} {
		if got := Of(name, known); got != want {
			t.Errorf("%.20q means %q, want %q", name, got, want)
		}
	}
	if got := Hint("staus", known); got != "; did you mean status?" {
		t.Error(got)
	}
	if got := Hint("gremlins", known); got != "" {
		t.Error(got)
	}
}
