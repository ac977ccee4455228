package dmclient_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestNoSessionInClear: a device does not follow its server to plain HTTP, unless it may.
func TestNoSessionInClear(t *testing.T) {
	seen := make(chan string, 10)
	plain := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.Method }))
	defer plain.Close()
	r := newRig(t, nil)
	d := r.enrolled(nil)
	r.queue(d, syncml.Replace, "./Vendor/MSFT/DMClient/Provider/"+d.Provider()+"/ManagementServiceAddress", "chr", plain.URL)
	r.sync(d)
	if _, err := d.Sync(r.ctx(), dmclient.SyncOptions{}); err == nil || !strings.Contains(err.Error(), "the management address is "+plain.URL+": the session would not be encrypted") {
		t.Errorf("the session ended with %v", err)
	}
	if ex := d.Post(r.ctx(), "text/plain", strings.NewReader(""), 0, dmclient.SyncOptions{}); ex.Err == nil {
		t.Error("Post sends")
	}
	if len(seen) > 0 {
		t.Errorf("the server got a %s over plain HTTP", <-seen)
	}
}
