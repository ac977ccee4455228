package dmclient_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// TestAttend: a device without a goroutine does what it has to do when it is asked: the
// session of a push, of a login, and what its plan says; else nothing.
func TestAttend(t *testing.T) {
	r := newRig(t, nil)
	woken := make(chan dmclient.Wake, 10)
	d := r.enrolled(func(c *dmclient.Config) { c.OnWake = func(w dmclient.Wake) { woken <- w } })
	if s, did, err := d.Attend(r.ctx()); did || s != nil || err != nil {
		t.Fatal("there was nothing to do", s, err)
	}
	push := func(payload string) dmclient.Wake {
		t.Helper()
		if status, _, _, err := r.wns.Push(r.ctx(), r.wns.Channels(d.Identity().DeviceID)[0], "wns/raw", []byte(payload), nil); err != nil || status != 200 {
			t.Fatal(status, err)
		}
		return <-woken
	}
	if w := push("x"); w.Refused != "" {
		t.Error(w)
	}
	if s, did, err := d.Attend(r.ctx()); !did || err != nil || s.Origin != dmclient.OriginPush {
		t.Error("the push's session", s, err)
	}
	d.SetPower(dmclient.PowerLimited)
	if w := push("x"); w.Refused == "" {
		t.Error("a push in limited power is not refused")
	}
	if _, did, _ := d.Attend(r.ctx()); did {
		t.Error("a session in limited power")
	}
}

// TestForget: a device drops sessions of its memory, and counts them all the same.
func TestForget(t *testing.T) {
	r := newRig(t, nil)
	d := r.enrolled(nil)
	second := r.sync(d)
	before := d.SessionCount()
	d.Forget(1)
	if list := d.Sessions(); len(list) != before-1 || list[0] != second || d.SessionCount() != before {
		t.Errorf("%d sessions, %d counted", len(list), d.SessionCount())
	}
	d.Forget(100)
	if len(d.Sessions()) != 0 || d.SessionCount() != before {
		t.Errorf("%d sessions, %d counted", len(d.Sessions()), d.SessionCount())
	}
}

// TestSetQuirks: quirks change between sessions, all or none, and stay over a restart.
func TestSetQuirks(t *testing.T) {
	r := newRig(t, nil)
	d := r.enrolled(nil)
	if err := d.SetQuirks(r.ctx(), "alert-1200", "-http2"); err != nil {
		t.Fatal(err)
	}
	has := func(d *dmclient.Device, name string) bool { return slices.Contains(d.Profile().Quirks.Active(), name) }
	if !has(d, "alert-1200") || has(d, "http2") {
		t.Error(d.Profile().Quirks.Active())
	}
	for bad, want := range map[string]string{"no-such": "known quirks", "case-sensitive": "cannot be switched"} {
		if err := d.SetQuirks(r.ctx(), "-alert-1200", bad); err == nil || !strings.Contains(err.Error(), want) || !has(d, "alert-1200") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	record, err := d.Pack(dmclient.Packing{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := dmclient.Unpack(dmclient.Config{}, dmclient.Packing{}, record)
	if err != nil || !has(again, "alert-1200") || has(again, "http2") {
		t.Error(err)
	}
}
