package lab

import (
	"bytes"
	"crypto"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// refusing is a target that answers certain requests for a token with 500.
func refusing(t *testing.T, refuse func(rst []byte) bool) *Lab {
	t.Helper()
	return served(t, "", func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			if bytes.Contains(body, []byte(enroll.ActionRequestToken)) && refuse(body) {
				http.Error(w, "no", http.StatusInternalServerError)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			h.ServeHTTP(w, r)
		})
	}, func(cfg *target.Config, addr string) {
		cfg.Target.Discovery = "https://" + addr + mdmserver.DiscoveryPath
	})
}

// windowsForm tells whether an RST carries the CSR as Windows encodes it.
func windowsForm(t *testing.T, rst []byte) bool {
	e, err := enroll.ReadEnvelope(rst)
	if err != nil {
		t.Error(err)
		return false
	}
	r, err := e.TokenRequest()
	if err != nil {
		t.Error(err)
		return false
	}
	return bytes.Contains(r.CSR, []byte{0x2b, 0x0e, 0x03, 0x02, 0x1d}) // sha1WithRSA as Windows names it
}

func (l *Lab) device(t *testing.T, edit ...func(*dmclient.Config)) *dmclient.Device {
	t.Helper()
	d, err := l.NewDevice(dmclient.Win11(), edit...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func odd(c *dmclient.Config) { c.Identity.Name = "O'Brien & söhne" }

// TestLeniencyIsOfOneDevice: an odd device that is refused enrolls as best it
// can, and changes nothing for the others; nor does it where nobody had asked
// what an ordinary one needs.
func TestLeniencyIsOfOneDevice(t *testing.T) {
	for name, before := range map[string]func(*Lab){
		"after Preflight": func(l *Lab) { l.Preflight(t.Context()) },
		"before anything": func(*Lab) {},
	} {
		t.Run(name, func(t *testing.T) {
			l := refusing(t, func(rst []byte) bool { return bytes.Contains(rst, []byte("Brien")) && windowsForm(t, rst) })
			before(l)
			if err := l.Enroll(t.Context(), l.device(t, odd)); err != nil {
				t.Errorf("the odd device: %v", err)
			}
			if got := l.Leniency(); got.PlainCSR || len(l.Notes()) != 0 {
				t.Errorf("leniency %+v, notes %q", got, l.Notes())
			}
		})
	}
}

// TestLeniencyConfirmed: a server that refuses every Windows CSR is met with
// plain ones once an ordinary device found that out, whoever came before it.
func TestLeniencyConfirmed(t *testing.T) {
	var asked atomic.Int64
	l := refusing(t, func(rst []byte) bool {
		asked.Add(1)
		return windowsForm(t, rst)
	})
	if err := l.Enroll(t.Context(), l.device(t, odd)); err != nil {
		t.Errorf("the odd device: %v", err)
	}
	if len(l.Notes()) != 0 {
		t.Errorf("notes %q by an odd device", l.Notes())
	}
	if got := l.Leniency(); !got.PlainCSR || got.IgnorePolicies {
		t.Errorf("leniency %+v", got)
	}
	if n := l.Notes(); len(n) != 1 || !strings.Contains(n[0], "ENR-09") {
		t.Errorf("notes %q", n)
	}
	asked.Store(0)
	if err := l.Enroll(t.Context(), l.device(t)); err != nil || asked.Load() != 1 {
		t.Errorf("%v after %d requests, want 1", err, asked.Load())
	}
}

// TestLeniencyUnderLoad: one 500 does not change the form, neither for an
// ordinary device nor for an odd one.
func TestLeniencyUnderLoad(t *testing.T) {
	for name, edit := range map[string]func(*dmclient.Config){"ordinary": func(*dmclient.Config) {}, "odd": odd} {
		t.Run(name, func(t *testing.T) {
			var busy, plain atomic.Int64
			busy.Store(1)
			l := refusing(t, func(rst []byte) bool {
				if !windowsForm(t, rst) {
					plain.Add(1)
				}
				return busy.Add(-1) >= 0
			})
			if err := l.Enroll(t.Context(), l.device(t, edit)); err != nil {
				t.Error(err)
			}
			if got := l.Leniency(); got.PlainCSR || len(l.Notes()) != 0 || plain.Load() != 0 {
				t.Errorf("leniency %+v, notes %q, %d plain requests", got, l.Notes(), plain.Load())
			}
		})
	}
}

// TestLeniencyIsFixed: what the first ordinary device found is not changed by a
// later one that is refused.
func TestLeniencyIsFixed(t *testing.T) {
	var strict atomic.Bool
	l := refusing(t, func(rst []byte) bool { return strict.Load() && windowsForm(t, rst) })
	if err := l.Preflight(t.Context()); err != nil {
		t.Fatal(err)
	}
	strict.Store(true)
	if err := l.Enroll(t.Context(), l.device(t)); err != nil {
		t.Error(err)
	}
	if got := l.Leniency(); got.PlainCSR || len(l.Notes()) != 0 {
		t.Errorf("leniency %+v, notes %q", got, l.Notes())
	}
}

// TestLeniencyOfEmbedded: labs of one setup share what was found out, and a
// server that nothing helps with is not asked over and over.
func TestLeniencyOfEmbedded(t *testing.T) {
	start := func(broken ...*mutants.Mutant) *Lab {
		l, err := Start(nil, Options{Keys: testKeys, Seed: 4, Mutants: broken})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Close)
		return l
	}
	l := start(mutants.EnrStrictCSR, mutants.EnrPoliciesPanic)
	if err := l.Preflight(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := l.Leniency(); !got.PlainCSR || !got.IgnorePolicies || len(l.Notes()) != 2 {
		t.Errorf("leniency %+v, notes %q", got, l.Notes())
	}
	own, release, err := l.Alone("")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if got, known := own.lenient().get(); !known || !got.PlainCSR {
		t.Errorf("alone: %+v, known: %v", got, known)
	}
	if setup, err := l.As("md5"); err != nil || !setup.Leniency().PlainCSR {
		t.Errorf("of a setup: %v", err)
	}
	if len(l.Notes()) != 2 {
		t.Errorf("a cause is told more than once: %q", l.Notes())
	}
	broken := start(mutants.EnrPolicyLies)
	broken.Leniency()
	if got, known := broken.lenient().get(); !known || got != (dmclient.EnrollOptions{}) {
		t.Errorf("%+v, known: %v", got, known)
	}
}

// TestOrdinary: what makes a device odd.
func TestOrdinary(t *testing.T) {
	usual := dmclient.Config{Profile: dmclient.Win11(), Key: func() (crypto.Signer, error) { return nil, nil }}
	for name, c := range map[string]struct {
		edit func(*dmclient.Config)
		want bool
	}{
		"nothing":         {func(*dmclient.Config) {}, true},
		"how it is kept":  {func(c *dmclient.Config) { c.Keep, c.NoRetry = 3, true }, true},
		"another profile": {func(c *dmclient.Config) { c.Profile = dmclient.WP81() }, true},
		"its profile":     {func(c *dmclient.Config) { c.Profile.RequestVersion = "9.0" }, false},
		"its identity":    {func(c *dmclient.Config) { c.Identity.DeviceID = "A'B" }, false},
		"its key":         {func(c *dmclient.Config) { c.Key = nil }, false},
		"its quirks":      {func(c *dmclient.Config) { c.Quirks = []string{"http2"} }, false},
		"its password":    {func(c *dmclient.Config) { c.Password = "wrong" }, false},
		"its clock":       {func(c *dmclient.Config) { c.Skew = 1 }, false},
	} {
		edited := usual
		c.edit(&edited)
		if got := new(Lab).ordinary(&usual, &edited); got != c.want {
			t.Errorf("%s: ordinary %v", name, got)
		}
	}
}
