package lab

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// knows is a target whose server refuses each RequestVersion above the ones it
// knows, by a SOAP fault. Its profiles are the given ones, or the default.
func knows(t *testing.T, versions []string, profiles ...string) *Lab {
	t.Helper()
	return served(t, "", func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			e, err := enroll.ReadEnvelope(body)
			if err != nil {
				h.ServeHTTP(w, r)
				return
			}
			if d, err := e.DiscoverRequest(); err == nil && !slices.Contains(versions, d.RequestVersion) {
				out, _ := (&enroll.Fault{Code: "Receiver", Subcode: "EnrollmentServer", Reason: "RequestVersion"}).Write(e.MessageID, "a")
				w.WriteHeader(http.StatusInternalServerError)
				w.Write(out)
				return
			}
			h.ServeHTTP(w, r)
		})
	}, func(cfg *target.Config, addr string) {
		cfg.Target.Discovery, cfg.Target.Profiles = "https://"+addr+mdmserver.DiscoveryPath, profiles
	})
}

// TestOlderProfile: a server that refuses the newest RequestVersion is tested
// with the next older Windows, and the run says so.
func TestOlderProfile(t *testing.T) {
	for _, c := range []struct {
		versions, profiles []string
		want               string
		notes              int
	}{
		{[]string{"9.0", "6.0"}, nil, "win11-24h2 win11-25h2", 0},
		{[]string{"6.0"}, nil, "win11-24h2", 1},
		{[]string{"4.0", "5.0"}, nil, "win10-22h2", 3},
		{[]string{"6.0"}, []string{"wp81", "win11", "win11-25h2"}, "wp81 win11", 1},
		{[]string{"6.0"}, []string{"win11-25h2"}, "", 0},
		{nil, []string{"win11-24h2", "win11-25h2"}, "", 1},
	} {
		l := knows(t, c.versions, c.profiles...)
		err := l.Preflight(t.Context())
		if (err == nil) != (c.want != "") {
			t.Errorf("%v, %v: %v", c.versions, c.profiles, err)
		}
		if got := strings.Join(l.Config.Target.Profiles, " "); c.want != "" && got != c.want {
			t.Errorf("%v, %v: profiles %s, want %s", c.versions, c.profiles, got, c.want)
		}
		notes := l.Notes()
		if len(notes) != c.notes || c.notes > 0 && !strings.Contains(notes[0], "The server refuses Discover with RequestVersion 9.0 of win11-25h2") {
			t.Errorf("%v, %v: notes %q", c.versions, c.profiles, notes)
		}
	}
}

// TestOlderProfileTakesDocument: where the newest Windows refuses a document
// without AAUTHDATA, the run goes on with an older one.
func TestOlderProfileTakesDocument(t *testing.T) {
	l := served(t, "", func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			out := rec.Body.Bytes()
			if e, err := enroll.ReadEnvelope(out); err == nil {
				if reply, err := e.TokenResponse(); err == nil {
					reply.Provisioning = bytes.ReplaceAll(reply.Provisioning, []byte("AAUTHDATA"), []byte("OTHER"))
					out, _ = reply.Write(e.RelatesTo, "a")
				}
			}
			w.WriteHeader(rec.Code)
			w.Write(out)
		})
	}, func(cfg *target.Config, addr string) {
		cfg.Target.Discovery = "https://" + addr + mdmserver.DiscoveryPath
	})
	if err := l.Preflight(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(l.Config.Target.Profiles, " "); got != "win11-24h2" {
		t.Errorf("profiles %s", got)
	}
	if notes := strings.Join(l.Notes(), " "); !strings.Contains(notes, "win11-25h2 cannot enroll (see ENR-34)") || !strings.Contains(notes, "0x80070057") {
		t.Errorf("notes %s", notes)
	}
}

// TestNewestProfile: "dmwake init" finds the newest Windows that a server takes.
func TestNewestProfile(t *testing.T) {
	for want, versions := range map[string][]string{"win11-25h2": {"9.0", "6.0"}, "win11-24h2": {"6.0"}, "win10-22h2": {"5.0", "3.0"}, "": nil} {
		l := knows(t, versions)
		cfg, err := l.DeviceConfig()
		if err != nil {
			t.Fatal(err)
		}
		got, r, err := NewestProfile(t.Context(), cfg)
		if got != want || (err == nil) != (want != "") || err == nil && r.AuthPolicy != mdmserver.OnPremise {
			t.Errorf("%v: %q, %+v, %v", versions, got, r, err)
		}
	}
	if _, _, err := NewestProfile(t.Context(), dmclient.Config{Discovery: "https://127.0.0.1:1/D.svc"}); err == nil || RefusesVersion(err) {
		t.Errorf("nobody there: %v", err)
	}
}

// TestRefusesVersion tells a refused version from other failures of Discover.
func TestRefusesVersion(t *testing.T) {
	fault := func(subcode string) error {
		return &enroll.Error{Step: enroll.StepDiscover, Status: 500, Err: &enroll.Fault{Subcode: subcode}}
	}
	for _, c := range []struct {
		err  error
		want bool
	}{
		{fault("EnrollmentServer"), true}, {fault("MessageFormat"), true}, {fault(enroll.FaultAuthentication), false},
		{&enroll.Error{Step: enroll.StepToken, Status: 500, Err: &enroll.Fault{}}, false},
		{&enroll.Error{Step: enroll.StepDiscover, Status: 404, Err: errors.New("HTTP status 404")}, false}, {nil, false},
		{&enroll.Error{Step: enroll.StepDiscover, Status: 400, Err: errors.New("HTTP status 400")}, true},
		{&enroll.Error{Step: enroll.StepDiscover, Status: 500, Err: errors.New("HTTP status 500")}, true},
	} {
		if got := RefusesVersion(c.err); got != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}

// TestImage: devices of target.image share what it names, and nothing else.
func TestImage(t *testing.T) {
	l := served(t, "", whole, func(cfg *target.Config, addr string) {
		cfg.Target.Discovery = "https://" + addr + mdmserver.DiscoveryPath
		cfg.Target.Image = target.Image{Name: "GOLDEN", HWDevID: strings.Repeat("AB", 32), Serial: "S1"}
	})
	a, b := l.NewIdentity(), l.NewIdentity()
	if a.Name != "GOLDEN" || a.Name != b.Name || a.HWDevID != b.HWDevID || a.Serial != "S1" || a.Serial != b.Serial || a.DeviceID == b.DeviceID {
		t.Errorf("%+v\n%+v", a, b)
	}
}
