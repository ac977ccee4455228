package scenarios

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/scenarios/suite"
)

// TestNoLinkedEnrollment: a server that sets up no linked enrollment fails none of their
// scenarios, with the link hook or without.
func TestNoLinkedEnrollment(t *testing.T) {
	t.Parallel()
	var called atomic.Int64
	hooked := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called.Add(1) }))
	t.Cleanup(hooked.Close)
	plain, withHook := newLab(t), newLab(t)
	withHook.Config.Target.Hooks.Link = &target.Hook{HTTP: &target.HTTPHook{URL: hooked.URL + "/{{.DeviceID}}"}}
	for _, s := range declaredConfiguration {
		s.On = "" // the embedded server as it usually is
		if r, _ := suite.Run(t.Context(), plain, &s); r.Outcome != report.NotApplicable || !strings.Contains(r.Reason, "target.hooks.link") {
			t.Errorf("%s: %s, %s", r.ID, r.Outcome, r.Reason)
		}
		if r, _ := suite.Run(t.Context(), withHook, &s); r.Outcome != report.NotApplicable || !strings.Contains(r.Reason, "after the link hook") {
			t.Errorf("%s with the hook: %s, %s", r.ID, r.Outcome, r.Reason)
		}
	}
	if called.Load() != int64(len(declaredConfiguration)) {
		t.Errorf("the hook was called %d times, want once for each of %d scenarios", called.Load(), len(declaredConfiguration))
	}
}
