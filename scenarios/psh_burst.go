package scenarios

import (
	"fmt"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// burst gives a device ten pieces of work at once, each with a push. If the queue
// takes Gets, they are ten different commands.
func burst(t *T) {
	const pieces = 10
	d, w := t.WithChannel(), t.Work()
	if !w.Queued() || !w.Has(syncml.Get) {
		burstOf(d, w, pieces)
		return
	}
	m := d.Mark()
	nodes := unasked(d, "URI/MaxDepth", "URI/MaxTotLen", "URI/MaxSegLen", "DevTyp", "OEM", "FwV", "SwV", "HwV", "LrgObj", "Ext/Microsoft/Resolution",
		"Ext/Microsoft/ProcessorArchitecture", "Ext/Microsoft/ProcessorType", "Ext/WLANMACAddress", "Ext/WlanIPv4Address", "Ext/WlanIPv6Address", "Ext/WlanDnsSuffix", "Ext/WlanSubnetMask")
	nodes = nodes[:min(pieces, len(nodes))]
	for _, n := range nodes {
		t.Queue(d, lab.Command{Verb: syncml.Get, LocURI: "./DevDetail/" + n})
		t.Trigger(d)
	}
	settle(d, m)
	var wrong []string
	for _, n := range nodes {
		got := 0
		for _, s := range d.SessionsSince(m.Sessions) {
			got += len(s.Find(syncml.Get, "/DevDetail/"+n))
		}
		if got != 1 {
			wrong = append(wrong, fmt.Sprintf("./DevDetail/%s %d times", n, got))
		}
	}
	t.Check(len(wrong) == 0, "each of the ten queued Gets once", strings.Join(wrong, ", "))
}

// burstOf gives the same work several times. A server may send only its last state,
// so it comes at least once, and not more often than it was given.
func burstOf(d *Device, w *suite.Work, pieces int) {
	m := d.Mark()
	for range pieces {
		w.Give(d)
		d.T.Trigger(d)
	}
	settle(d, m)
	n := w.Times(d.SessionsSince(m.Sessions)...)
	d.T.Expect(n, "deliveries of %s, which was given %d times", w, pieces).To(BeNumerically(">=", 1))
	d.T.Expect(n, "deliveries of one piece of %s", w).To(BeNumerically("<=", w.AtMost(d)))
}

// settle waits until a burst is over, and polls for what is left.
func settle(d *Device, m Mark) {
	d.AwaitPushed(m, false)
	d.T.Quiet()
	d.Sync(dmclient.SyncOptions{})
	d.Sync(dmclient.SyncOptions{})
}
