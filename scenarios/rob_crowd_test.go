package scenarios

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// TestLoneGateway: one answer of a gateway in a crowd says nothing about the server; two
// do, and so does one that comes again.
func TestLoneGateway(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		fails  func(n int32) bool // the n-th message to the management address
		want   report.Outcome
	}{
		"one 502":   {http.StatusBadGateway, func(n int32) bool { return n == 30 }, report.Passed},
		"one 500":   {http.StatusInternalServerError, func(n int32) bool { return n == 30 }, report.Failed},
		"two 503":   {http.StatusServiceUnavailable, func(n int32) bool { return n == 30 || n == 31 }, report.Failed},
		"many 503s": {http.StatusServiceUnavailable, func(n int32) bool { return n >= 30 }, report.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var messages atomic.Int32
			l := against(t, "", func(h http.Handler) http.HandlerFunc {
				return func(w http.ResponseWriter, r *http.Request) {
					if strings.HasPrefix(r.URL.Path, mdmserver.ManagementPath) && c.fails(messages.Add(1)) {
						w.WriteHeader(c.status)
						return
					}
					h.ServeHTTP(w, r)
				}
			})
			l.Config.Target.Crowd = 20
			r, err := suite.Run(t.Context(), l, &only(t, "ROB-10")[0])
			if n := messages.Load(); n < 31 || r.Outcome != c.want || strings.Contains(r.Saw, "crashed") {
				t.Errorf("%d messages: %s %s %v; expected %s, saw %s", n, r.Outcome, r.Reason, err, r.Expected, r.Saw)
			}
		})
	}
}
