package doctor

import (
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
)

// TestHookOutputs: doctor shows what each hook printed, whether it failed or not.
func TestHookOutputs(t *testing.T) {
	sh := func(script string) *target.Hook { return &target.Hook{Exec: []string{"sh", "-c", script}} }
	for name, c := range map[string]struct {
		edit  func(*target.Hooks)
		step  string
		state State
		saw   string
		hooks string
		reach bool
	}{
		"exit 0, and nothing done": {func(h *target.Hooks) { h.Queue = sh("echo 'host not found'") }, "queue hook", Bad, "did not bring the queued Get", "queue hook, printed: host not found", false},
		"work does nothing":        {func(h *target.Hooks) { h.Queue, h.Work = nil, sh("echo 'E4002 no device'") }, "queue hook", Bad, "the work hook ran, but", "work hook, printed: E4002 no device", false},
		"lookup fails":             {func(h *target.Hooks) { h.Lookup = sh("echo 'no jq' >&2; exit 127") }, "lookup hook", Bad, "the lookup hook failed: sh: exit status 127: no jq", "lookup hook, standard error: no jq", false},
		"lookup works":             {func(h *target.Hooks) { h.Lookup = sh("echo H-7") }, "lookup hook", OK, "the server knows the device as H-7", "lookup hook, printed: H-7", false},
		"enrolled works":           {func(h *target.Hooks) { h.Enrolled = sh("echo assigned") }, "enrollment", OK, "device ", "enrolled hook, printed: assigned", false},
		"enrolled after session": {func(h *target.Hooks) {
			h.Enrolled = sh("echo approved")
			h.Enrolled.After = target.AfterSession
		}, "session", OK, "messages", "enrolled hook, printed: approved", false},
		"enrolled after session fails": {func(h *target.Hooks) {
			h.Enrolled = sh("echo 'no group'; exit 1")
			h.Enrolled.After = target.AfterSession
		}, "session", Bad, "the enrolled hook failed", "enrolled hook, printed: no group", false},
		"enrolled fails": {func(h *target.Hooks) { h.Enrolled = sh("echo 'no group'; exit 1") }, "enrollment", Bad, "the enrolled hook failed", "enrolled hook, printed: no group", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := lab.Start(nil, lab.Options{Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			c.edit(&l.Config.Target.Hooks)
			seen := false
			Examine(t.Context(), l, func(f Finding) {
				if f.Step != c.step {
					return
				}
				seen = true
				if f.State != c.state || !strings.Contains(f.Saw, c.saw) || !strings.Contains(strings.Join(f.Hooks, "\n"), c.hooks) || f.Reach != c.reach {
					t.Errorf("%+v, want %s %q with %q", f, c.state, c.saw, c.hooks)
				}
			})
			if !seen {
				t.Errorf("no step %s", c.step)
			}
		})
	}
}
