package devices_test

import (
	"context"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/devices"
	"github.com/dmwake/dmwake/harness/lab"
)

// TestForLab: the lab's target is the devices' default, however it lets devices enroll:
// with the user's password, with a certificate, or with the tokens of its directory.
func TestForLab(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for _, setup := range []string{"", "certificate", "entra"} {
		l, err := lab.Start(nil, lab.Options{Seed: 1, Setup: setup})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		p := devices.New(devices.ForLab(l))
		defer p.Close()
		d, err := p.Create(devices.Spec{Key: "ec"})
		if err != nil {
			t.Fatal(setup, err)
		}
		if d, err = p.Enroll(ctx, d.ID, devices.Enrollment{}); err != nil || d.State != "enrolled" || d.Push.URI == "" {
			t.Errorf("%s: %+v %v", setup, d, err)
		}
		if setup != "entra" {
			continue
		}
		if d, err = p.Create(devices.Spec{Key: "ec", Enroll: devices.Enroll{Token: "expired"}}); err != nil {
			t.Fatal(err)
		}
		if _, err = p.Enroll(ctx, d.ID, devices.Enrollment{}); err == nil {
			t.Error("an expired token was taken")
		}
		if _, err = p.Create(devices.Spec{Enroll: devices.Enroll{Token: "exspired"}}); err == nil {
			t.Error("an unknown kind of token was taken")
		}
	}
}

// TestOwnServer: a device with a server of its own gets none of the lab's credentials.
func TestOwnServer(t *testing.T) {
	t.Parallel()
	l, err := lab.Start(nil, lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := devices.New(devices.ForLab(l))
	defer p.Close()
	d, err := p.Create(devices.Spec{Server: devices.Server{Discovery: "https://other.example/EnrollmentServer/Discovery.svc"}})
	if err != nil || d.Username != "" || d.Discovery != "https://other.example/EnrollmentServer/Discovery.svc" {
		t.Errorf("%+v %v", d, err)
	}
	if d, err = p.Create(devices.Spec{Enroll: devices.Enroll{Username: "me@other.example"}}); err != nil || d.Discovery != l.Config.Target.Discovery || d.Username != "me@other.example" {
		t.Errorf("%+v %v", d, err)
	}
	if d, err = p.Create(devices.Spec{}); err != nil || d.Username != "demo@mdm.example" || d.Discovery != l.Config.Target.Discovery {
		t.Errorf("%+v %v", d, err)
	}
}
