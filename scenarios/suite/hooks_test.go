package suite

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// TestHooksAreTold: a failed scenario has what the hooks printed for its devices,
// and the run has all that a failed hook printed.
func TestHooksAreTold(t *testing.T) {
	l := newLab(t)
	sh := func(script string) *target.Hook { return &target.Hook{Exec: []string{"sh", "-c", script}} }
	h := &l.Config.Target.Hooks
	h.Queue, h.Push = sh("echo 'host not found'"), sh("echo '{\"error\":\"no channel\"}'; echo one >&2; echo two >&2; exit 3")
	out := Collect(t.Context(), l, []Scenario{
		scenario("AAA-01", func(t *T) {
			d := t.EnrolledOnly()
			if err := t.Lab.Queue(t.Context(), d.Device, lab.Command{Verb: "Get", LocURI: "./DevInfo/Lang"}); err != nil {
				t.Error("%v", err)
			}
			t.Fail("the command", "nothing")
		}),
		scenario("AAA-02", func(t *T) { t.Push(t.EnrolledOnly()) }),
	}, Options{})
	if r := out.Results[0]; !slices.Contains(r.Hooks, "queue hook, printed: host not found") || !strings.HasPrefix(r.Hooks[0], "queue hook: sh -> ok after ") {
		t.Errorf("%s: %q", r.Outcome, r.Hooks)
	}
	if want := []string{"the push hook failed: sh: exit status 3: two\npush hook, printed: {\"error\":\"no channel\"}\npush hook, standard error: one | two"}; !slices.Equal(out.Hooks, want) {
		t.Errorf("%q, want %q", out.Hooks, want)
	}
}

// TestRefusedInASession: a push hook that fails during a session of the device is run
// again after it, and another one is not.
func TestRefusedInASession(t *testing.T) {
	for _, inSession := range []bool{true, false} {
		l := newLab(t)
		var asked atomic.Int32
		var device atomic.Pointer[Device]
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if asked.Add(1) > 1 {
				return
			}
			if inSession {
				device.Load().Sync(dmclient.SyncOptions{})
			}
			w.WriteHeader(http.StatusConflict)
		}))
		defer server.Close()
		l.Config.Target.Hooks.Push = &target.Hook{HTTP: &target.HTTPHook{Method: http.MethodPost, URL: server.URL}}
		r := Collect(t.Context(), l, []Scenario{scenario("AAA-01", func(t *T) {
			device.Store(t.EnrolledOnly())
			t.Push(device.Load())
		})}, Options{}).Results[0]
		want, times := report.Skipped, int32(1)
		if inSession {
			want, times = report.Passed, 2
		}
		if r.Outcome != want || asked.Load() != times {
			t.Errorf("in a session %t: %s %s, asked %d times", inSession, r.Outcome, r.Reason, asked.Load())
		}
	}
}
