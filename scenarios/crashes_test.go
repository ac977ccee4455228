package scenarios

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// TestCrashesAreToldOnce: a server whose handlers crash on all that their parser
// misses has one bug at each endpoint, however many scenarios it fails.
func TestCrashesAreToldOnce(t *testing.T) {
	l := behind(t, mdmserver.Config{SessionAuth: mdmserver.AuthMD5}, tls.RequestClientCert, func(h http.Handler) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			compact := bytes.HasPrefix(body, []byte("<SyncML xmlns=")) || bytes.HasPrefix(body, []byte("<s:Envelope xmlns"))
			if r.Method == http.MethodPost && (err != nil || !compact || bytes.Contains(body, []byte("com.dmwake/unknown")) || bytes.Contains(body, []byte(">!!!<"))) {
				panic(http.ErrAbortHandler)
			}
			h.ServeHTTP(w, r)
		}
	})
	list, err := Select([]string{"ENR-19", "ENR-30", "ROB-01", "SES-23", "SES-24", "SEC-15", "SEC-17"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := report.Report{Scenarios: suite.Collect(t.Context(), l, list, suite.Options{Parallel: 3, Catalogue: All()}).Results}
	r.Finish()
	var got []string
	for _, c := range r.Causes {
		slices.Sort(c.Scenarios)
		got = append(got, strings.Join(c.Scenarios, " ")+": "+c.Text)
	}
	slices.Sort(got)
	want := []string{
		"ENR-19 ENR-30: the handler of an enrollment service crashes on unexpected input",
		"ROB-01 SEC-17 SES-23 SES-24: the handler of the management address crashes on unexpected input",
	}
	if !slices.Equal(got, want) {
		t.Errorf("causes:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
