package dmclient_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/dmclient/faults"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestKeepAlive: a slow device says that its answer is pending, if the server asked for
// that by EnableOmaDmKeepAliveMessage (Learn, "DMClient CSP", whose example this is).
func TestKeepAlive(t *testing.T) {
	const alert = "<SyncBody><Alert><CmdID>2</CmdID><Data>1224</Data><Item><Meta>" +
		`<Type xmlns="syncml:metinf">Reversed-Domain-Name:com.microsoft.mdm.requestpending</Type></Meta><Data>1</Data></Item></Alert></SyncBody>`
	for _, on := range []bool{false, true} {
		r := newRig(t, nil)
		clock := dmclient.NewVirtualClock(start)
		d := r.enrolled(func(c *dmclient.Config) { c.Clock = clock })
		if on {
			r.expect(d, "200", syncml.Replace, dmclient.ProviderURI(d.Provider())+"/EnableOmaDmKeepAliveMessage", "bool", "true")
		}
		f, err := faults.New("hold=45s")
		if err != nil {
			t.Fatal(err)
		}
		d.AddFault(f)
		r.queue(d, syncml.Get, "./DevInfo/Lang", "", "")
		type outcome struct {
			s   *dmclient.Session
			err error
		}
		done := make(chan outcome, 1)
		go func() { s, err := d.Sync(r.ctx(), dmclient.SyncOptions{}); done <- outcome{s, err} }()
		waits := 1
		if on {
			waits = 2
		}
		for _, step := range []time.Duration{30 * time.Second, 15 * time.Second} {
			eventually(t, func() bool { return clock.Waiting() >= waits }, "the device waits")
			clock.Advance(step)
		}
		got := <-done
		if got.err != nil || r.result(d) != "done 200 en-US" {
			t.Fatalf("keep-alive %v: %v, %s", on, got.err, r.result(d))
		}
		pending := 0
		for _, ex := range got.s.Exchanges {
			pending += strings.Count(string(ex.Request), alert)
		}
		if pending != waits-1 {
			t.Errorf("keep-alive %v: %d messages say that the answer is pending", on, pending)
		}
		if last := got.s.Sent[len(got.s.Sent)-1].Hdr.MsgID; on && last != "3" {
			t.Errorf("the answer has MsgID %s, after one message that said it was pending", last)
		}
	}
}

// TestFirstLogins: AllUsersPollOnFirstLogin starts a session at the first login of each
// user, the enrolled one included, and only then (Learn, "DMClient CSP").
func TestFirstLogins(t *testing.T) {
	r := newRig(t, nil)
	clock := dmclient.NewVirtualClock(start)
	d := r.enrolled(func(c *dmclient.Config) { c.Clock = clock })
	base := dmclient.ProviderURI(d.Provider()) + "/Poll/"
	d.Tree().Provision(base+"PollOnLogin", "false")
	d.Tree().Provision(base+"AllUsersPollOnFirstLogin", "true")
	for i, c := range []struct {
		who      dmclient.Login
		sessions int
	}{
		{dmclient.LoginNone, 0}, {dmclient.LoginUser, 1}, {dmclient.LoginNone, 0}, {dmclient.LoginUser, 0},
		{dmclient.LoginOthers, 1}, {dmclient.LoginUser, 0}, {dmclient.LoginOthers, 0},
	} {
		if d.SetLogin(c.who); d.Signalled() != c.sessions {
			t.Errorf("login %d (%s): %d sessions requested, want %d", i+1, c.who, 1-c.sessions, c.sessions)
		}
	}
}
