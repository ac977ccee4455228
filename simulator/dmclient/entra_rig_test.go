package dmclient_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/entra"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// fakeEntra is a directory with devices' tokens of any kind.
type fakeEntra struct {
	idp    *entra.Provider
	kind   entra.Kind // of what it issues next
	user   string     // who is logged in; empty: the directory gives no token of a user
	asked  []dmclient.TokenRequest
	issued []string
}

func (f *fakeEntra) tokens(_ context.Context, r dmclient.TokenRequest) (string, error) {
	f.asked = append(f.asked, r)
	if f.user == "" && !r.Device {
		return "", errors.New("nobody is signed in")
	}
	token, err := f.idp.Issue(f.kind, entra.Who{UPN: f.user, DeviceID: r.DeviceID, Audience: r.Audience, Device: r.Device, Unregistered: r.DeviceID == ""})
	f.issued = append(f.issued, token)
	return token, err
}

func (f *fakeEntra) config(c *dmclient.Config) { c.Tokens = f.tokens }

func join(c *dmclient.Config) { c.EnrollmentType = "Device" }

// entraRig is a reference server that trusts a directory.
func entraRig(t *testing.T, edits ...func(*mdmserver.Config)) (*rig, *fakeEntra) {
	t.Helper()
	f := &fakeEntra{kind: entra.Good, user: "demo@mdm.example"}
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.idp.ServeHTTP(w, r) }))
	t.Cleanup(keys.Close)
	var err error
	if f.idp, err = entra.New(entra.Config{BaseURL: keys.URL}); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(c *mdmserver.Config) {
		c.AuthPolicy = mdmserver.Federated
		c.Entra = &mdmserver.Entra{Tenant: f.idp.Tenant(), Issuer: f.idp.Issuer(), Audience: f.idp.Audience(), KeysURL: f.idp.KeysURL()}
		for _, edit := range edits {
			edit(c)
		}
	})
	return r, f
}

// carries is what a session's messages carry of tokens: "Bearer user" and the like.
func carries(s *dmclient.Session, f *fakeEntra) string {
	whose := map[string]string{}
	for i, token := range f.issued {
		who := "user"
		if f.asked[i].Device {
			who = "device"
		}
		whose[token] = who
	}
	var out []string
	seen := map[string]int{}
	note := func(what, token string) {
		if token != "" {
			who := whose[token]
			if who == "" {
				who = "unknown"
			}
			seen[what+" "+who]++
		}
	}
	for _, ex := range s.Exchanges {
		note("Bearer", strings.TrimPrefix(ex.Header.Get("Authorization"), "Bearer "))
		for _, v := range ex.Header["DeviceToken"] {
			note("DeviceToken", v)
		}
	}
	for i := range s.Sent[0].Body {
		c := &s.Sent[0].Body[i]
		if c.Verb == syncml.Alert && len(c.Items) > 0 && c.Items[0].Meta != nil && c.Items[0].Meta.Type == "com.microsoft/MDM/AADUserToken" {
			note("Alert", c.Items[0].Data)
			seen["Alert user"] += len(s.Exchanges) - 1 // only package 1 has it
		}
	}
	for _, what := range []string{"Alert user", "Bearer user", "Bearer device", "DeviceToken device", "Alert unknown", "Bearer unknown"} {
		if n := seen[what]; n == len(s.Exchanges) {
			out = append(out, what)
		} else if n > 0 {
			out = append(out, fmt.Sprintf("%s in %d of %d messages", what, n, len(s.Exchanges)))
		}
	}
	return strings.Join(out, ", ")
}

// told is what a device tells of its last session, in the words of carries.
func told(d *dmclient.Device) string {
	var out []string
	for _, c := range d.Tokens() {
		who := " user"
		if c.Device {
			who = " device"
		}
		for i, place := range []string{"Alert", "Bearer", "DeviceToken"} {
			if c.In&(1<<i) != 0 {
				out = append(out, place+who)
			}
		}
	}
	return strings.Join(out, ", ")
}
