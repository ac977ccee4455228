package console

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/control"
)

// TestPart: beside the control API, the console asks a browser for the token in its own
// way, and the API is guarded as before.
func TestPart(t *testing.T) {
	t.Parallel()
	wns := fakewns.New(fakewns.Config{})
	for token, want := range map[string]map[string]int{
		"":       {"/": 200, "/console": 200, "/console/": 200, "/console/devices": 200, "/consoles": 404, "/v1/apps": 200, "/healthz": 200, "/openapi.yaml": 200},
		"sesame": {"/": 401, "/console": 401, "/console/": 401, "/console/devices": 401, "/consoles": 401, "/v1/apps": 401, "/healthz": 200, "/openapi.yaml": 401},
	} {
		srv := httptest.NewServer(control.Handler(wns, control.Options{Token: token, Parts: []control.Part{Part(Options{WNS: wns, Token: token})}}))
		t.Cleanup(srv.Close)
		for path, status := range want {
			resp, err := http.Get(srv.URL + path)
			if err != nil {
				t.Fatal(err)
			}
			raw, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			page := path == "/" || path == "/console" || strings.HasPrefix(path, "/console/")
			if resp.StatusCode != status || strings.Contains(string(raw), "<html") != page {
				t.Errorf("token %q: %s is %d\n%.200s", token, path, resp.StatusCode, raw)
			}
		}
	}
}
