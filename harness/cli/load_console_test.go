package cli

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/internal/testenv"
)

// TestLoadConsole: a load shows itself on the console's page while it runs, and the page
// stays current. Foreign names and web pages do not reach it.
func TestLoadConsole(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	at := testenv.Addr(t)
	cmd := command(ctx, t.TempDir(), nil, "load", "--devices", "4", "--rate", "20", "--duration", "1h", "--console", at)
	started(t, cmd, " done ")
	get := func(path string, header map[string]string, host string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range header {
			r.Header.Set(k, v)
		}
		if host != "" {
			r.Host = host
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	var page bytes.Buffer
	resp := get("/", nil, "")
	if _, err := page.ReadFrom(resp.Body); err != nil || resp.Request.URL.Path != "/console/load" {
		t.Errorf("%s: %v", resp.Request.URL, err)
	}
	for _, want := range []string{"4 devices against the embedded reference server, 20 wake-ups a second", `id="stage-whole"`, "Done by push", "<polyline"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("%q is not in\n%s", want, &page)
		}
	}
	for _, path := range []string{"/", "/console/load"} {
		for name, header := range map[string]map[string]string{"rebound.example": nil, "": {"Origin": "https://evil.example"}} {
			if resp := get(path, header, name); resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s as %q with %v: %s", path, name, header, resp.Status)
			}
		}
	}
	events := bufio.NewScanner(get("/console/load", map[string]string{"Accept": "text/event-stream"}, "").Body)
	changes := 0
	for changes < 2 && events.Scan() { // the whole page, and then a change of it
		if strings.HasPrefix(events.Text(), "event: patch") {
			changes++
		}
	}
	if changes < 2 {
		t.Errorf("%d changes: %v", changes, events.Err())
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit code %d", code)
	}
}

// TestLoadConsoleElsewhere: the pages have no password, hence no other machine may reach
// them.
func TestLoadConsoleElsewhere(t *testing.T) {
	var out, errs bytes.Buffer
	if code := Main([]string{"load", "--console", "0.0.0.0:0"}, &out, &errs); code != exitUsage || !strings.Contains(errs.String(), "--console: other machines could reach 0.0.0.0:0") {
		t.Errorf("exit code %d: %s", code, &errs)
	}
}
