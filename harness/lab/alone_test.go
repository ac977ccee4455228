package lab

import (
	"net/http"
	"testing"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// TestAlone: a lab that stands alone shares neither server nor push service, and
// is gone after release while the other goes on.
func TestAlone(t *testing.T) {
	l, err := Start(nil, Options{Keys: testKeys, Seed: 5, Mutants: []*mutants.Mutant{mutants.WnsPut}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	for _, setup := range append(Setups(), "") {
		own, release, err := l.Alone(setup)
		if err != nil {
			t.Fatalf("%q: %v", setup, err)
		}
		if own.WNS == l.WNS || own.Config.Target.Discovery == l.Config.Target.Discovery || own.Seed != l.Seed || len(own.opts.Mutants) != 1 {
			t.Errorf("%q: it is not one of its own", setup)
		}
		if (own.Directory != nil) != (setup == "entra") {
			t.Errorf("%q: directory %v", setup, own.Directory)
		}
		own.WNS.Inject(fakewns.Fault{On: fakewns.Notification, Status: 503})
		if again, err := own.As(setup); err != nil || again != own {
			t.Errorf("%q: as it is set up it is another lab (%v)", setup, err)
		}
		release()
		if err := own.Healthy(t.Context()); err == nil {
			t.Errorf("%q: it answers after release", setup)
		}
	}
	if _, release, err := l.Alone("nothing"); err == nil {
		t.Error("an unknown setup was taken")
	} else {
		release()
	}
	if len(l.WNS.Faults()) != 0 {
		t.Error("a fault of another lab is here")
	}
	l.wakeable(t)
}

// TestAloneOfAnother: a server of the user's own cannot be had twice.
func TestAloneOfAnother(t *testing.T) {
	l := served(t, "", whole, func(cfg *target.Config, addr string) {
		cfg.Target.Discovery = "https://" + addr + mdmserver.DiscoveryPath
	})
	own, release, err := l.Alone("md5")
	if err != nil || own != l {
		t.Fatalf("%v, %v", own, err)
	}
	release()
	if err := l.Healthy(t.Context()); err != nil {
		t.Errorf("after release: %v", err)
	}
}

// TestKeys: devices of the embedded server share a few keys, over all labs of a
// run. Each device of another server has its own.
func TestKeys(t *testing.T) {
	embedded, err := Start(nil, Options{Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(embedded.Close)
	alone, release, err := embedded.Alone("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	// Of the 2*sharedKeys that are asked for half are new.
	seen := map[any]bool{}
	for range sharedKeys {
		for _, l := range []*Lab{embedded, alone} {
			k, err := l.key()
			if err != nil {
				t.Fatal(err)
			}
			seen[k] = true
		}
	}
	if len(seen) != sharedKeys {
		t.Errorf("%d keys, want %d", len(seen), sharedKeys)
	}
	other := served(t, "", func(h http.Handler) http.Handler { return h }, func(cfg *target.Config, addr string) {
		cfg.Target.Discovery = "https://" + addr + mdmserver.DiscoveryPath
	})
	clear(seen)
	for range 3 {
		d, err := other.NewDevice(dmclient.Win11())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.CSR(false); err != nil {
			t.Fatal(err)
		}
		seen[d.PublicKey()] = true
	}
	if len(seen) != 3 {
		t.Errorf("%d keys of 3 devices", len(seen))
	}
}

// BenchmarkAlone is what a lab of its own costs.
func BenchmarkAlone(b *testing.B) {
	l, err := Start(nil, Options{Keys: testKeys, Seed: 5})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(l.Close)
	for _, setup := range []string{"", "entra"} {
		b.Run("setup="+setup, func(b *testing.B) {
			for b.Loop() {
				_, release, err := l.Alone(setup)
				if err != nil {
					b.Fatal(err)
				}
				release()
			}
		})
	}
}
