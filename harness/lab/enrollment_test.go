package lab

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// served is a target whose server is wrapped and reached in a way of its own.
func served(t *testing.T, base string, wrap func(http.Handler) http.Handler, edit func(cfg *target.Config, addr string)) *Lab {
	t.Helper()
	dir := t.TempDir()
	ca, err := intercept.LoadCA(dir, "mdm.example", "enterpriseenrollment.mdm.example")
	if err != nil {
		t.Fatal(err)
	}
	ln, err := Listen("the server", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	if base == "" {
		base = "https://" + addr
	}
	server, err := mdmserver.New(mdmserver.Config{BaseURL: base, Username: "demo@mdm.example", Password: "p", PFN: fakewns.DefaultApp.PFN})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	cfg := &target.Config{Target: target.Target{Username: "demo@mdm.example", Password: target.NewSecret("p"), CA: ca.CertFile},
		WNS: target.WNS{Mode: "proxy", Listen: "127.0.0.1:0", Proxy: "127.0.0.1:0", CADir: dir}, Timeouts: target.Timeouts{Restart: 20 * time.Second}}
	edit(cfg, addr)
	cfg.Defaults()
	l, err := Start(cfg, Options{Keys: testKeys, Seed: 3, BareWait: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert, GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if hello.ServerName == "" {
			return ca.Leaf("127.0.0.1")
		}
		return ca.Leaf(hello.ServerName)
	}}
	l.serve(tls.NewListener(ln, conf), wrap(server))
	return l
}

func whole(h http.Handler) http.Handler { return h }

// holds enrolls a device and holds a session with it.
func (l *Lab) holds(t *testing.T) *dmclient.Device {
	t.Helper()
	if err := l.Preflight(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l.wakeable(t)
}

// TestPathPrefix: a server below a path of its host is found, and all its URLs.
func TestPathPrefix(t *testing.T) {
	wrap := func(h http.Handler) http.Handler { return http.StripPrefix("/tenant/7", h) }
	l := served(t, "https://mdm.example/tenant/7", wrap, func(cfg *target.Config, addr string) {
		cfg.Target.Discovery, cfg.Target.Connect = "https://mdm.example/tenant/7"+mdmserver.DiscoveryPath, addr
	})
	if d := l.holds(t); d.Address() != "https://mdm.example/tenant/7/ManagementServer/MDM.svc" {
		t.Errorf("sessions go to %s", d.Address())
	}
}

// TestDiscoveryByDomain: without target.discovery the server is looked for by
// the domain of the user's address.
func TestDiscoveryByDomain(t *testing.T) {
	l := served(t, "https://enterpriseenrollment.mdm.example", whole, func(cfg *target.Config, addr string) { cfg.Target.Connect = addr })
	if got := l.Config.Target.DiscoveryURL(); got != "https://enterpriseenrollment.mdm.example/EnrollmentServer/Discovery.svc" {
		t.Errorf("discovery at %s", got)
	}
	l.holds(t)
	if err := l.Healthy(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestHealth: a server that is away for a while is waited for; one that stays
// away is told apart.
func TestHealth(t *testing.T) {
	var away atomic.Int64
	l := served(t, "", func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if away.Add(-1) >= 0 {
				http.Error(w, "starting", http.StatusServiceUnavailable)
				return
			}
			h.ServeHTTP(w, r)
		})
	}, func(cfg *target.Config, addr string) {
		cfg.Target.Discovery = "https://" + addr + mdmserver.DiscoveryPath
	})
	away.Store(4)
	if err := l.Healthy(t.Context()); err == nil {
		t.Error("a server that answers 503 is healthy")
	}
	if err := l.AwaitHealth(t.Context()); err != nil {
		t.Error(err)
	}
	away.Store(1 << 40)
	l.Config.Timeouts.Restart = 300 * time.Millisecond
	var down *DownError
	if err := l.AwaitHealth(t.Context()); !errors.As(err, &down) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.AwaitHealth(ctx); err == nil || errors.As(err, &down) {
		t.Errorf("interrupted: %v", err)
	}
}

// TestHealthOfOneThatNeverIs: a server that answers the GET with 500 when it is
// well is not waited for, and not taken for one that is gone.
func TestHealthOfOneThatNeverIs(t *testing.T) {
	l := served(t, "", func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				http.Error(w, "no", http.StatusInternalServerError)
				return
			}
			h.ServeHTTP(w, r)
		})
	}, func(cfg *target.Config, addr string) {
		cfg.Target.Discovery = "https://" + addr + mdmserver.DiscoveryPath
	})
	l.Preflight(t.Context()) // ENR-01 judges the GET
	if err := l.Healthy(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestConnectIsNamed: where target.connect leads elsewhere than the URL, the
// message names the address that was dialled.
func TestConnectIsNamed(t *testing.T) {
	const dead = "127.0.0.1:1"
	for connect, want := range map[string]string{
		dead:                "nothing listens at " + dead + " (target.connect); start the server, or check target.connect",
		"nowhere.invalid:1": "the name of nowhere.invalid:1 (target.connect) does not resolve; check target.connect",
		"":                  "nothing listens at localhost:1; start the server, or check target.discovery",
	} {
		l := served(t, "", whole, func(cfg *target.Config, _ string) {
			cfg.Target.Discovery, cfg.Target.Connect = "https://localhost:1"+mdmserver.DiscoveryPath, connect
		})
		var reach *UnreachableError
		if err := l.Preflight(t.Context()); !errors.As(err, &reach) || err.Error() != want {
			t.Errorf("%q: %v, want %s", connect, err, want)
		}
	}
}
