package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// TestEnrolledAfterSession: the hook runs once for each enrollment, after the first
// session that the server answered.
func TestEnrolledAfterSession(t *testing.T) {
	l, err := Start(nil, Options{Keys: testKeys, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file := filepath.Join(t.TempDir(), "calls")
	l.Config.Target.Hooks.Enrolled = &target.Hook{After: target.AfterSession, Exec: []string{"sh", "-c", `echo "$1 $2" >> ` + file, "-", "{{.DeviceID}}", "{{.EntDMID}}"}}
	calls := func() int {
		raw, err := os.ReadFile(file)
		if err != nil {
			return 0
		}
		return strings.Count(string(raw), "\n")
	}
	d, err := l.ordinaryDevice()
	if err != nil {
		t.Fatal(err)
	}
	sync := func(o dmclient.SyncOptions) {
		t.Helper()
		s, _ := d.Sync(t.Context(), o)
		if err := l.AfterSession(t.Context(), d, s); err != nil {
			t.Fatal(err)
		}
	}
	for enrollment := 1; enrollment <= 2; enrollment++ {
		if err := d.Enroll(t.Context(), dmclient.EnrollOptions{Again: true}); err != nil {
			t.Fatal(err)
		}
		if err := l.AfterEnrollment(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		sync(dmclient.SyncOptions{NoCertificate: true}) // refused, so the server has not seen the device yet
		if n := calls(); n != enrollment-1 {
			t.Fatalf("%d calls before the first session of enrollment %d", n, enrollment)
		}
		for range 2 {
			sync(dmclient.SyncOptions{})
			if n := calls(); n != enrollment {
				t.Fatalf("%d calls after the first session of enrollment %d", n, enrollment)
			}
		}
	}
	raw, err := os.ReadFile(file)
	if err != nil || !strings.HasPrefix(string(raw), d.Identity().DeviceID+" ") {
		t.Errorf("%s %v", raw, err)
	}
}
