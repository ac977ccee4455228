package dmclient_test

import (
	"testing"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// TestKeep: a device remembers as many sessions as it is told, the last ones, and
// counts them all.
func TestKeep(t *testing.T) {
	r := newRig(t, nil)
	d := r.enrolled(func(c *dmclient.Config) { c.Keep = 2 })
	before := d.SessionCount()
	for range 5 {
		r.sync(d)
	}
	if n := len(d.Sessions()); n != 2 || d.SessionCount() != before+5 || len(d.EnrollExchanges()) > 2 {
		t.Errorf("%d sessions are remembered of %d, %d requests of the enrollment", n, d.SessionCount(), len(d.EnrollExchanges()))
	}
}
