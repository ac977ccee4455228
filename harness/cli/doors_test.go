package cli

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/internal/testenv"
)

// TestAdminAPIRefusesWebPages: no page of the web queues a wipe, by its own name that
// resolves to loopback or by a request to loopback.
func TestAdminAPIRefusesWebPages(t *testing.T) {
	t.Parallel()
	devices, admin := testenv.Addr(t), testenv.Addr(t)
	mdm(t, t.TempDir(), []string{"DMWAKE_PASSWORD=secret-1"}, "--listen", devices, "--admin", admin, "--ca-dir", "ca")
	for _, c := range []struct {
		what   string
		edit   func(*http.Request)
		status int
	}{
		{"the operator", func(*http.Request) {}, 404}, // there is no such device
		{"a name that resolves here", func(r *http.Request) { r.Host = "rebound.example:8444" }, 403},
		{"a page of another origin", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403},
		{"a page of another site", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+admin+"/devices/D1/commands",
			strings.NewReader(`{"verb":"Exec","locURI":"./Device/Vendor/MSFT/RemoteWipe/doWipe"}`))
		if err != nil {
			t.Fatal(err)
		}
		c.edit(req)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || !strings.Contains(string(raw), `"error":`) {
			t.Errorf("%s: %d %s, want %d", c.what, resp.StatusCode, raw, c.status)
		}
	}
}
