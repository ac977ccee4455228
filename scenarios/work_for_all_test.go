package scenarios

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
)

// everyone adds POST /everyone to the admin API: it applies a profile to all devices.
func everyone(api http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/everyone" {
			api.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the caller is gone
		}
		rec := httptest.NewRecorder()
		api.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "http://127.0.0.1/devices", http.NoBody))
		var devices []struct{ ID string }
		if err := json.Unmarshal(rec.Body.Bytes(), &devices); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		for _, d := range devices {
			api.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "http://127.0.0.1/devices/"+d.ID+"/profile", bytes.NewReader(body)))
		}
		w.WriteHeader(http.StatusAccepted)
	}
}

// TestWorkForAll: a hook that names no device makes work for all of them, and no device
// gets another's. If the hook names one, and the server gives the work to all the same,
// that is found.
func TestWorkForAll(t *testing.T) {
	for _, c := range []struct {
		name, query, id string
		mutant          *mutants.Mutant
		variant         *variants.Variant
		want            report.Outcome
		says            string
	}{
		{"for all", "", "SEC-11", nil, nil, report.Passed, ""},
		{"for all", "", "SEC-12", nil, nil, report.Passed, ""},
		{"for all", "", "SEC-06", nil, nil, report.Passed, ""},
		{"for all", "", "ENR-63", nil, nil, report.Passed, ""},
		{"for all, by the certificate alone", "", "SEC-03", nil, variants.CertOnly, report.NotApplicable, "target.hooks.work names no device"},
		{"for all, and no certificate is needed", "", "SEC-01", mutants.SecNoCert, nil, report.Failed, "the server sent "},
		{"for one, given to all", "?only={{.DeviceID}}", "SEC-11", nil, nil, report.Failed, "/"},
		{"for one, given to all", "?only={{.DeviceID}}", "ENR-63", nil, nil, report.Warned, "the other one"},
	} {
		t.Run(c.name+", "+c.id, func(t *testing.T) {
			t.Parallel()
			s := foreign{hooks: func(admin string) target.Hooks {
				h := lab.ReferenceHooks(admin)
				h.Queue, h.Push = nil, nil
				h.Work = &target.Hook{HTTP: &target.HTTPHook{URL: admin + "/everyone" + c.query, Body: `{"revision":{{.N}}}`}}
				return h
			}}
			if c.mutant != nil {
				s.broken = []*mutants.Mutant{c.mutant}
			}
			if c.variant != nil {
				s.variants = []*variants.Variant{c.variant}
			}
			all, l := All(), s.start(t)
			r, err := suite.Run(t.Context(), l, &all[slices.IndexFunc(all, func(s Scenario) bool { return s.ID == c.id })])
			if r.Outcome != c.want || !strings.Contains(r.Saw+r.Reason, c.says) || strings.Contains(r.Saw, "queued for the device") {
				t.Errorf("%s, %s %v; expected %s, saw %s", r.Outcome, r.Reason, err, r.Expected, r.Saw)
			}
		})
	}
}
