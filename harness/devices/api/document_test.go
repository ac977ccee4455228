package api

import (
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/control"
	"github.com/dmwake/dmwake/fakewns/control/openapi"
	"github.com/dmwake/dmwake/harness/devices"
)

// TestDocument: the document of the whole listener has every route of the devices' API,
// and nothing of it that is no route.
func TestDocument(t *testing.T) {
	p := devices.New(devices.Config{})
	defer p.Close()
	wns := fakewns.New(fakewns.Config{})
	part := Part(p, wns)
	raw, err := control.Document([]control.Part{part})
	if err != nil {
		t.Fatal(err)
	}
	of := func(path string) bool {
		return path != "/v1/devices/{device}/connection" && slices.ContainsFunc(part.Paths, func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") })
	}
	var described, served []string
	for path, item := range openapi.Document(t, raw).Paths.Map() {
		for method := range item.Operations() {
			if of(path) {
				described = append(described, method+" "+path)
			}
		}
	}
	router, ok := part.Handler.(*mux.Router)
	if !ok {
		t.Fatalf("%T", part.Handler)
	}
	err = router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := route.GetPathTemplate()
		if err != nil {
			return err
		}
		methods, err := route.GetMethods()
		for _, m := range methods {
			served = append(served, m+" "+strings.ReplaceAll(path, ":last|[0-9]+", ""))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(described)
	slices.Sort(served)
	if len(served) < 20 || !slices.Equal(described, served) {
		t.Errorf("openapi.yaml and the routes differ:\n%q\n%q", described, served)
	}
}
