package dmclient_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestAuth: a server that asks for a credential gets the right one, session
// after session, and shows its own.
func TestAuth(t *testing.T) {
	for _, kind := range []string{mdmserver.AuthBasic, mdmserver.AuthMD5} {
		for _, p := range []dmclient.Profile{dmclient.WP81(), dmclient.Win11()} {
			r := newRig(t, func(c *mdmserver.Config) { c.SessionAuth = kind })
			d := r.enrolled(func(c *dmclient.Config) {
				c.Profile = p
				c.Profile.Quirks.DemandsCred = kind == mdmserver.AuthMD5
			})
			var digests []string
			for range 3 {
				r.queue(d, syncml.Get, "./DevInfo/Lang", "", "")
				s := r.sync(d)
				if got := r.result(d); got != "done 200 en-US" {
					t.Errorf("%s %s: %s (%s)", p.Name, kind, got, s.End)
				}
				first := s.Sent[0].Hdr.Cred
				if sent := first != nil; sent != p.Quirks.SendsCred {
					t.Errorf("%s %s: a credential in package 1: %v", p.Name, kind, sent)
				}
				last := first
				for _, m := range s.Sent {
					if m.Hdr.Cred != nil {
						last = m.Hdr.Cred
					}
				}
				digests = append(digests, last.Data)
				if kind == mdmserver.AuthMD5 && s.Received[len(s.Received)-1].Hdr.Cred != nil && p.Quirks.SendsCred {
					t.Errorf("%s: the server shows its credential after the device took it", p.Name)
				}
			}
			if kind == mdmserver.AuthMD5 && (digests[0] == digests[1] || digests[1] == digests[2]) {
				t.Errorf("%s: a digest was used twice: %v", p.Name, digests)
			}
		}
	}
}

func TestAuthStaleNonceAndLoop(t *testing.T) {
	r := newRig(t, func(c *mdmserver.Config) { c.SessionAuth = mdmserver.AuthMD5 })
	d := r.enrolled(func(c *dmclient.Config) { c.Profile = dmclient.WP81() })
	d.AddFault(&staleNonce{times: 1})
	if s := r.sync(d); !slices.Contains(codesOf(s, "SyncHdr"), 401) {
		t.Errorf("a stale nonce was answered %v", codesOf(s, "SyncHdr"))
	}
	d = r.enrolled(func(c *dmclient.Config) { c.Profile = dmclient.WP81() })
	d.AddFault(&staleNonce{times: 100})
	s, err := d.Sync(r.ctx(), dmclient.SyncOptions{})
	if !errors.Is(err, dmclient.ErrChallenges) || len(s.Sent) != 3 {
		t.Errorf("a wrong digest: %v after %d messages", err, len(s.Sent))
	}
}

// TestServerCred: a device that asks for the server's credential executes
// nothing for a server that has none.
func TestServerCred(t *testing.T) {
	r := newRig(t, nil)
	d := r.enrolled(nil)
	r.queue(d, syncml.Exec, "./Vendor/MSFT/Reboot/RebootNow", "", "")
	picky := d.Profile()
	picky.Quirks.DemandsCred = true
	other := r.device(func(c *dmclient.Config) { c.Profile = picky })
	if err := other.Enroll(r.ctx(), dmclient.EnrollOptions{}); err != nil {
		t.Fatal(err)
	}
	r.queue(other, syncml.Exec, "./Vendor/MSFT/Reboot/RebootNow", "", "")
	if _, err := other.Sync(r.ctx(), dmclient.SyncOptions{}); !errors.Is(err, dmclient.ErrUntrusted) {
		t.Errorf("the session ended with %v", err)
	}
	if n := other.Life().Reboots; n != 0 {
		t.Errorf("the device rebooted %d times for a server it does not know", n)
	}
	r.sync(d)
	if n := d.Life().Reboots; n != 1 {
		t.Errorf("the ordinary device rebooted %d times", n)
	}
}
