package lab

import (
	"errors"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/target"
)

// TestLimits: what this machine lacks is told before a run, with what to do.
func TestLimits(t *testing.T) {
	crowd := func(n int) *target.Config { return &target.Config{Target: target.Target{Crowd: n}} }
	for _, c := range []struct {
		name           string
		cfg            *target.Config
		parallel, have int
		want           string // empty: enough
	}{
		{"ulimit -n 64", nil, 4, 64, "the limit is 64: raise it (ulimit -n 4096), or lower target.crowd (200) or --parallel (4)"},
		{"64, another server", crowd(0), 1, 64, "(ulimit -n 4096)"},
		{"the usual soft limit", nil, 4, 1024, ""},
		{"macOS' soft limit", crowd(50), 1, 256, ""},
		{"a crowd", crowd(2000), 1, 1024, "target.crowd (2000)"},
		{"a larger crowd than 4096 take", crowd(3000), 64, 1024, "ulimit -n 5120"},
	} {
		err := limits(c.cfg, c.parallel, c.have)
		var limit *LimitError
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (!errors.As(err, &limit) || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if OpenFiles() < 64 {
		t.Errorf("OpenFiles says %d", OpenFiles())
	}
}
