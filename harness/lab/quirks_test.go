package lab

import (
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// TestTargetQuirks: every device of the lab has the target's quirks. They do not make a
// device special, so it finds out what all devices tolerate.
func TestTargetQuirks(t *testing.T) {
	l, err := Start(nil, Options{Keys: testKeys, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.Config.Target.Quirks = []string{"pfn-errors"}
	if err := l.Preflight(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, known := l.lenient().get(); !known {
		t.Error("a device with the target's quirks does not count as an ordinary one")
	}
	d, err := l.ordinaryDevice()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Enroll(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	s, err := d.Sync(t.Context(), dmclient.SyncOptions{Origin: dmclient.OriginEnrollment})
	if err != nil || len(s.Received) == 0 {
		t.Fatalf("%v", err)
	}
	if !d.Profile().Quirks.PFNErrors {
		t.Errorf("%+v", d.Profile())
	}
	if !slices.ContainsFunc(l.Notes(), func(n string) bool { return strings.Contains(n, "target.quirks: pfn-errors") }) {
		t.Errorf("the report does not say that the devices have quirks: %s", l.Notes())
	}
}
