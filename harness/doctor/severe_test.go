package doctor

import (
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
)

// TestSevereHooks: hooks that restart or end something run only if they are named, on a
// device of their own, and doctor says before what it will do.
func TestSevereHooks(t *testing.T) {
	nothing := &target.Hook{Exec: []string{"true"}}
	for name, c := range map[string]struct {
		hooks []string
		edit  func(*target.Hooks)
		want  map[string]string // what the last finding of a step says
		state State
	}{
		"none": {want: map[string]string{"other hooks": "active, unenroll, restart"}, state: OK},
		"all": {hooks: []string{"wipe", "unenroll", "lock", "restart"}, state: OK, want: map[string]string{
			"restart hook": "the server answers again after", "lock hook": "a session brought Exec of ./Vendor/MSFT/RemoteLock/Lock; the device is enrolled",
			"unenroll hook": "the server unenrolled the device in a session", "wipe hook": "a session brought Exec of ./Vendor/MSFT/RemoteWipe/doWipe; the device is wiped"}},
		"wipe does nothing":     {hooks: []string{"wipe"}, edit: func(h *target.Hooks) { h.Wipe = nothing }, state: Bad, want: map[string]string{"wipe hook": "did not show it: no Exec of ./Vendor/MSFT/RemoteWipe"}},
		"unenroll does nothing": {hooks: []string{"unenroll"}, edit: func(h *target.Hooks) { h.Unenroll = nothing }, state: Bad, want: map[string]string{"unenroll hook": "the device is enrolled, and its sessions go on"}},
		"restart fails":         {hooks: []string{"restart"}, edit: func(h *target.Hooks) { h.Restart = &target.Hook{Exec: []string{"false"}} }, state: Bad, want: map[string]string{"restart hook": "the restart hook failed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := lab.Start(nil, lab.Options{Seed: 1, Push: 1e9, Quiet: 1e8})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if c.edit != nil {
				c.edit(&l.Config.Target.Hooks)
			}
			last, announced, own := map[string]Finding{}, []string{}, ""
			Examine(t.Context(), l, func(f Finding) {
				if f.Step == "enrollment" && f.State == OK {
					own = strings.Fields(strings.TrimPrefix(f.Saw, "device "))[0]
				}
				if f.State == Will {
					announced = append(announced, strings.TrimSuffix(f.Step, " hook"))
					if strings.Contains(f.Saw, own[:32]) {
						t.Errorf("it is done to the device of the other steps: %+v", f)
					}
				}
				last[f.Step] = f
			}, c.hooks...)
			for step, saw := range c.want {
				if f := last[step]; f.State != c.state || !strings.Contains(f.Saw, saw) {
					t.Errorf("%s: %+v, want %s %q", step, f, c.state, saw)
				}
			}
			want := slices.DeleteFunc(Severe(), func(s string) bool { return !slices.Contains(c.hooks, s) })
			if !slices.Equal(announced, want) {
				t.Errorf("announced are %s, want %s", announced, want)
			}
			if f := last["other hooks"]; len(c.hooks) == 0 && !strings.Contains(f.Do, "--hooks restart,unenroll") {
				t.Errorf("nothing says how to try the others: %+v", f)
			}
		})
	}
}

// TestCheckHooks: what cannot be tried is said before anything starts.
func TestCheckHooks(t *testing.T) {
	hook := &target.Hook{Exec: []string{"true"}}
	for _, c := range []struct {
		t    target.Target
		name string
		want string
	}{
		{target.Target{}, "wpe", `"wpe" is none of restart, lock, unenroll, wipe`},
		{target.Target{}, "restart", "target.hooks.restart is not set"},
		{target.Target{}, "wipe", "target.hooks.wipe is not set"},
		{target.Target{Hooks: target.Hooks{Queue: hook}}, "wipe", ""},
		{target.Target{Hooks: target.Hooks{Queue: &target.Hook{Exec: hook.Exec, Verbs: []string{"Get"}}}}, "lock", "target.hooks.lock is not set"},
		{target.Target{Hooks: target.Hooks{Wipe: hook}, SharedDevice: true}, "wipe", "wipe ends the only device of this target"},
		{target.Target{Hooks: target.Hooks{Restart: hook}, SharedDevice: true}, "restart", ""},
	} {
		err := CheckHooks(&c.t, []string{c.name})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
