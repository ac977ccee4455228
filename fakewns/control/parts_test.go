package control

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/control/openapi"
	"github.com/dmwake/dmwake/fakewns/faults"
)

const partDoc = `
info: {title: both, version: "1"}
paths: {/v1/more: {get: {responses: {"200": {description: It}}}}}
components: {schemas: {More: {type: string}}}
`

// TestParts: further handlers are behind the same guard, the control API's own paths go
// first, and one document describes all.
func TestParts(t *testing.T) {
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "part "+r.URL.Path) })
	srv := httptest.NewServer(Handler(fakewns.New(fakewns.Config{}), Options{Token: "sesame", Parts: []Part{
		{Paths: []string{"/v1/devices", "/v1/more"}, Handler: echo, OpenAPI: []byte(partDoc)},
		{Paths: []string{"/console/"}, Handler: echo, Home: true},
	}}))
	defer srv.Close()
	ask := func(method, path, token string) (int, string) {
		req := must(http.NewRequest(method, srv.URL+path, strings.NewReader(`{"state":"connected"}`)))(t)
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp := must(http.DefaultClient.Do(req))(t)
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body)
	}
	for _, c := range []struct {
		method, path, token string
		status              int
		body                string
	}{
		{"GET", "/v1/more", "", 401, "token"},
		{"GET", "/console/x", "wrong", 401, "token"},
		{"GET", "/v1/more", "sesame", 200, "part /v1/more"},
		{"GET", "/v1/devices/a/b", "sesame", 200, "part /v1/devices/a/b"},
		{"PUT", "/v1/devices/a/connection", "sesame", 204, ""},
		{"GET", "/v1/moreover", "sesame", 404, "unknown path"},
		{"GET", "/", "sesame", 200, "part /console/"}, // led there; Go's client keeps the token on the same host
		{"GET", "/readyz", "", 200, "ready"},
	} {
		if status, body := ask(c.method, c.path, c.token); status != c.status || !strings.Contains(body, c.body) {
			t.Errorf("%s %s: %d %q, want %d %q", c.method, c.path, status, body, c.status, c.body)
		}
	}
	_, raw := ask("GET", "/openapi.yaml", "sesame")
	doc := openapi.Document(t, []byte(raw))
	if doc.Info.Title != "both" || doc.Paths.Find("/v1/more") == nil || doc.Paths.Find("/v1/apps") == nil || doc.Components.Schemas["More"] == nil {
		t.Errorf("the document has not all: %s", raw)
	}
	if _, err := Document([]Part{{Paths: []string{"/x"}, OpenAPI: []byte(`paths: {/v1/apps: {get: {}}}`)}}); err == nil || !strings.Contains(err.Error(), "/v1/apps") {
		t.Errorf("a path is described twice: %v", err)
	}
}

// TestReady: 503 and what is not ready.
func TestReady(t *testing.T) {
	srv := httptest.NewServer(Handler(fakewns.New(fakewns.Config{}), Options{Token: "sesame", Ready: func() []string { return []string{"the disk is full"} }}))
	defer srv.Close()
	resp := must(http.Get(srv.URL + "/readyz"))(t)
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusServiceUnavailable || string(body) != "the disk is full\n" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

// TestNamespaces: faults, journal and channels of a namespace can be listed and reset
// apart.
func TestNamespaces(t *testing.T) {
	d, ctx := newDesk(t, Options{}), t.Context()
	d.wns.SetNamespaces(func(device string) string { return strings.ToLower(device[:1]) })
	other := "E0000000000000000000000000000002"
	must(d.OpenChannel(ctx, other, fakewns.DefaultApp.PFN))(t)
	if _, err := d.AddFault(ctx, faults.Rule{Fault: "status=410 namespace=e"}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.AddFault(ctx, faults.Rule{Fault: "status=500 device=" + device}); err != nil {
		t.Fatal(err)
	}
	_, err := d.AddFault(ctx, faults.Rule{Fault: "status=500 on=token namespace=e"})
	fails(t, err, 400, "of no device")
	if a, b := must(d.Push(ctx, Push{Device: device}))(t), must(d.Push(ctx, Push{Device: other}))(t); a.Status != 500 || b.Status != 410 {
		t.Errorf("answered %d and %d", a.Status, b.Status)
	}
	get := func(path string) string {
		resp := must(d.HTTP.Get(d.srv.URL + path))(t)
		defer resp.Body.Close()
		raw, _ := io.ReadAll(resp.Body)
		return string(raw)
	}
	for _, path := range []string{"/v1/faults?namespace=e", "/v1/journal?namespace=e", "/v1/channels?namespace=e"} {
		if got := get(path); strings.Contains(got, device) || !strings.Contains(got, other) && !strings.Contains(got, `"namespace":"e"`) {
			t.Errorf("%s: %s", path, got)
		}
	}
	for _, path := range []string{"/v1/faults?namespace=e", "/v1/journal?namespace=e"} {
		req := must(http.NewRequest(http.MethodDelete, d.srv.URL+path, nil))(t)
		resp := must(d.HTTP.Do(req))(t)
		resp.Body.Close()
		if resp.StatusCode != http.StatusNoContent || strings.Contains(get(path), "410") {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
	if len(must(d.Faults(ctx))(t)) != 1 || len(must(d.Journal(ctx, nil))(t)) != 1 {
		t.Error("the other namespace lost something")
	}
}
