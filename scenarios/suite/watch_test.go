package suite

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/target"
)

// sickServer is a target that answers 503 for a while.
type sickServer struct {
	sick atomic.Int32 // how many more requests it fails at; below 0: for good
	lab  *lab.Lab
}

func newSickServer(t *testing.T) *sickServer {
	t.Helper()
	s := &sickServer{}
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n := s.sick.Load(); n != 0 {
			s.sick.CompareAndSwap(n, max(n-1, -1))
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(srv.Close)
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "dmwake.yaml")
	text := "target: {discovery: '" + srv.URL + "/EnrollmentServer/Discovery.svc', ca: ca.pem, username: demo@mdm.example, password: {file: ca.pem}}\nwns: {mode: direct, listen: '127.0.0.1:0', ca_dir: lab}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := target.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if s.lab, err = lab.Start(cfg, lab.Options{Seed: 1}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.lab.Close)
	return s
}

// TestAway: a target that was away while a scenario ran may have spoilt it. It is
// run again by itself, so that only the one that brought the target down fails.
func TestAway(t *testing.T) {
	s := newSickServer(t)
	var down, spoilt sync.Once
	gone, begun := make(chan struct{}), make(chan struct{})
	list := []Scenario{
		scenario("AAA-01", func(t *T) {
			down.Do(func() {
				<-begun
				s.sick.Store(2)
				close(gone)
			})
			t.Fail("an answer", "a crash")
		}),
		scenario("AAA-02", func(t *T) {
			first := false
			spoilt.Do(func() {
				first = true
				close(begun)
			})
			<-gone
			if first {
				t.Fail("an answer", "503, as the server is away")
			}
		}),
	}
	out := Collect(t.Context(), s.lab, list, Options{Parallel: 2})
	var got []string
	for _, r := range out.Results {
		got = append(got, r.ID+" "+string(r.Outcome))
	}
	if want := []string{"AAA-01 failed", "AAA-02 passed"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if len(out.Notes) == 0 || !strings.Contains(out.Notes[0], "stopped answering, and dmwake waited for it") {
		t.Errorf("notes %q", out.Notes)
	}
}

// TestGone: a target that does not come back ends the run; what was not run says
// so.
func TestGone(t *testing.T) {
	s := newSickServer(t)
	s.lab.Config.Timeouts.Restart = 300 * time.Millisecond
	list := []Scenario{scenario("AAA-01", func(t *T) { s.sick.Store(-1); t.Fail("an answer", "a crash") })}
	for _, id := range []string{"AAA-02", "AAA-03", "AAA-04"} {
		list = append(list, scenario(id, func(t *T) {
			if s.sick.Load() != 0 {
				t.Fail("an answer", "none")
			}
		}))
	}
	out := Collect(t.Context(), s.lab, list, Options{})
	if out.Down == nil {
		t.Error("the outcome does not say that the target is gone")
	}
	after := 0
	for _, r := range out.Results {
		switch {
		case r.ID == "AAA-01" && r.Outcome != report.Failed:
			t.Errorf("%s: %s", r.ID, r.Outcome)
		case r.Outcome == report.Skipped && strings.Contains(r.Reason, "the target was gone"):
			after++
		case r.ID != "AAA-01" && r.Outcome != report.Passed:
			t.Errorf("%s: %s %s %s", r.ID, r.Outcome, r.Reason, r.Saw)
		}
	}
	t.Logf("%d scenarios were left out", after)
}
