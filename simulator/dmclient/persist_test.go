package dmclient_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

const policy = "./Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength"

// shelf stores records, as a file would.
type shelf struct {
	full   bool
	seen   func() // before each record is stored
	record []byte
}

func (s *shelf) put(d *dmclient.Device) (err error) {
	if s.seen != nil {
		s.seen()
	}
	if s.full {
		return errors.New("no space left on device")
	}
	s.record, err = d.Pack(dmclient.Packing{})
	return err
}

// stored is the device as a restart finds it.
func (s *shelf) stored(t *testing.T, r *rig) *dmclient.Device {
	t.Helper()
	d, err := dmclient.Unpack(dmclient.Config{Roots: r.roots, WNS: r.wns, NoRetry: true}, dmclient.Packing{}, s.record)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestStoredBeforeAcknowledged: a device is stored once it is enrolled, and in a
// session before the server gets a Status for a command that changed it.
func TestStoredBeforeAcknowledged(t *testing.T) {
	r := newRig(t, nil)
	s := &shelf{}
	d := r.device(func(c *dmclient.Config) { c.Persist = s.put })
	if err := d.Enroll(r.ctx(), dmclient.EnrollOptions{}); err != nil {
		t.Fatal(err)
	}
	if again := s.stored(t, r); again.State() != dmclient.Enrolled || again.Certificate() == nil {
		t.Fatalf("after the enrollment a %s device is stored", again.State())
	}
	r.sync(d)
	for _, c := range []struct {
		verb           syncml.Verb
		uri, data, has string
	}{
		{syncml.Replace, policy, "8", "the policy"},
		{syncml.Exec, "./Vendor/MSFT/RemoteWipe/doWipe", "", "the wipe"},
	} {
		r.queue(d, c.verb, c.uri, "int", c.data)
		var told []string // what the server knew when the device was stored
		s.seen = func() { told = append(told, r.result(d)) }
		r.sync(d)
		if len(told) == 0 || strings.Contains(told[0], "200") || !strings.Contains(r.result(d), "200") {
			t.Errorf("%s: when the device was stored the server knew %q, at the end %q", c.has, told, r.result(d))
		}
		s.seen = nil
		again := s.stored(t, r)
		if v, _ := again.Tree().Look(policy); c.verb == syncml.Replace && v != c.data {
			t.Errorf("%s is stored as %q", c.has, v)
		}
		if c.verb == syncml.Exec && (again.State() != dmclient.Wiped || again.Life().Wiped == "") {
			t.Errorf("%s: the stored device is %s, wiped by %q", c.has, again.State(), again.Life().Wiped)
		}
	}
}

// TestNotStored: what could not be stored is not acknowledged, and comes again.
func TestNotStored(t *testing.T) {
	r := newRig(t, nil)
	s := &shelf{}
	d := r.enrolled(func(c *dmclient.Config) { c.Persist = s.put })
	r.queue(d, syncml.Replace, policy, "int", "8")
	s.full = true
	session, err := d.Sync(r.ctx(), dmclient.SyncOptions{})
	if !errors.Is(err, dmclient.ErrNotStored) || !strings.Contains(err.Error(), "no space left") || !strings.Contains(session.End, "no Status was sent") {
		t.Errorf("the session ended with %v (%s)", err, session.End)
	}
	if got := r.result(d); strings.Contains(got, "200") {
		t.Errorf("the server was told %q", got)
	}
	s.full = false
	r.sync(d)
	if got := r.result(d); !strings.Contains(got, "200") {
		t.Errorf("then the server was told %q", got)
	}
	// Reading changes nothing.
	stored := 0
	s.seen = func() { stored++ }
	r.queue(d, syncml.Get, "./DevInfo/Mod", "", "")
	if r.sync(d); stored != 0 {
		t.Errorf("a session that only reads stored the device %d times", stored)
	}

	full := r.device(func(c *dmclient.Config) { c.Persist = (&shelf{full: true}).put })
	if err := full.Enroll(r.ctx(), dmclient.EnrollOptions{}); !errors.Is(err, dmclient.ErrNotStored) {
		t.Errorf("an enrollment that could not be stored ended with %v", err)
	}
}
