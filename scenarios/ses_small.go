package scenarios

import (
	"fmt"
	"strconv"
	"strings"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// smallMessages gives a device with a MaxMsgSize more than fits into one message.
func smallMessages(t *T) {
	const most, pieces = 5000, 4
	d := t.Enrolled()
	d.First()
	d.AddFault(rewrite(func(m *syncml.Message) { m.Hdr.Meta = &syncml.Meta{MaxMsgSize: strconv.Itoa(most)} }))
	form, ok := t.Form(
		lab.Command{Verb: syncml.Add, LocURI: "./Vendor/MSFT/VPNv2/dmwake%d/ProfileXML", Format: "chr"},
		lab.Command{Verb: syncml.Exec, LocURI: "./Vendor/MSFT/EnterpriseModernAppManagement/AppInstallation/dmwake%d/HostedInstall", Format: "chr"})
	from := d.SessionCount()
	if !ok {
		smallWork(d, most, pieces)
		return
	}
	var queued []lab.Command
	for i := range pieces {
		c := form
		c.LocURI, c.Data = fmt.Sprintf(form.LocURI, i), "<VPNProfile>"+strings.Repeat(strconv.Itoa(i), 1800)+"</VPNProfile>"
		queued = append(queued, c)
		t.Queue(d, c)
	}
	delivered(d, from, queued[0])
	came := func() (n int) {
		for _, c := range queued {
			for _, s := range d.SessionsSince(from) {
				n += min(len(s.Find(c.Verb, c.LocURI[1:])), 1)
			}
		}
		return n
	}
	for range pieces { // a server may send fewer per session
		if came() < pieces {
			d.Sync(dmclient.SyncOptions{})
		}
	}
	for _, s := range d.SessionsSince(from) {
		runsToEnd(d, s, "a MaxMsgSize of the device")
		for i, ex := range s.Exchanges {
			t.Expect(len(ex.Response), "bytes in the server's message %d in session %s to a device with MaxMsgSize %d", i+1, s.ID, most).To(BeNumerically("<=", most))
		}
	}
	t.Expect(came(), "queued commands that arrived at the device").To(Equal(pieces))
}

// smallWork is smallMessages with any work. A command that is too large by itself may
// come alone.
func smallWork(d *Device, most, pieces int) {
	t, w := d.T, d.T.Work()
	from := d.SessionCount()
	for range pieces {
		w.Give(d)
	}
	for range pieces {
		d.Sync(dmclient.SyncOptions{})
	}
	total := 0
	for _, s := range d.SessionsSince(from) {
		runsToEnd(d, s, "a MaxMsgSize of the device")
		bytes := 0
		for i, r := range replies(s) {
			bytes += len(r.ex.Response)
			commands := 0
			r.Walk(func(c *syncml.Command) {
				if !c.Verb.IsReply() {
					commands++
				}
			})
			t.Check(len(r.ex.Response) <= most || commands == 1, fmt.Sprintf("messages of at most %d bytes to a device with that MaxMsgSize", most),
				fmt.Sprintf("%d bytes with %d commands in message %d of session %s", len(r.ex.Response), commands, i+1, s.ID))
		}
		total = max(total, bytes)
	}
	if total <= most {
		t.NotApplicable("%s fits into one message of %d bytes, so there was nothing to divide", w, most)
	}
}
