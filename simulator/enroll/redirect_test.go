package enroll

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestDiscoveryRedirects: redirects of discovery are followed within https and
// for a few hops; the Discover stays a POST.
func TestDiscoveryRedirects(t *testing.T) {
	answer, err := (&DiscoverResponse{AuthPolicy: "OnPremise", EnrollmentURL: "https://mdm.example/rst"}).Write("urn:uuid:1", "2")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, to string
		status   int
		wrong    string // in the error; empty where discovery ends well
	}{
		{"302", "/there", http.StatusFound, ""},
		{"308", "/there", http.StatusPermanentRedirect, ""},
		{"to itself", "/", http.StatusFound, "HTTP status 302: a redirect to https://"},
		{"to http", "http://mdm.example/", http.StatusFound, "HTTP status 302 without a SOAP fault"},
		{"303", "/there", http.StatusSeeOther, "HTTP status 303"},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/" {
					w.Header().Set("Location", c.to)
					w.WriteHeader(c.status)
				} else if r.Method == http.MethodPost {
					w.Write(answer)
				}
			}))
			defer srv.Close()
			client := &Client{HTTP: srv.Client(), Discovery: srv.URL + "/"}
			client.HTTP.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			reach := client.Reach(t.Context())
			r, err := client.Discover(t.Context())
			switch {
			case c.wrong == "" && (reach != nil || err != nil || r.EnrollmentURL != "https://mdm.example/rst"):
				t.Errorf("%+v, %v, %v", r, reach, err)
			case c.wrong != "" && (reach == nil || err == nil || !strings.Contains(err.Error(), c.wrong)):
				t.Errorf("expected %q, saw %v and %v", c.wrong, reach, err)
			}
		})
	}
}
