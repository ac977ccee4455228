package scenarios

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// pushToWork are the PSH scenarios.
var pushToWork = []Scenario{
	{ID: "PSH-01", Level: report.Must, Needs: []Need{NeedWork, NeedPush}, Title: "a push wakes the device, and that session delivers the queued command",
		Rule:    "A command queued before a push is sent in the session that the push starts.",
		Source:  learnPush + "; MS-MDM 3.1.4",
		Fix:     "Follow the push in the messages below: the server must POST to the device's channel URI, and send what is queued in the next session.",
		Mutants: []*mutants.Mutant{mutants.PshSkipSession, mutants.PshNever},
		Under: []string{"SES-14", "WNS-16", "WNS-01", "WNS-02", "WNS-03", "WNS-04", "WNS-05", "WNS-06", "WNS-07", "WNS-08", "TOK-01", "TOK-02", "TOK-03", "TOK-05", "TOK-07", "TOK-09",
			"WER-01", "WER-16", "WER-17"},
		Decides: []suite.Premise{suite.Pushes, suite.Delivers},
		Run: func(t *T) {
			d, w := t.WithChannel(), t.Work()
			m := d.Mark()
			w.Give(d)
			t.Trigger(d)
			s := d.AwaitPushed(m, true)
			t.Evidence("the session ended: %s", s.End)
			t.Expect(w.Times(s), "%s in the first session after the push", w).To(Equal(1))
		}},
	{ID: "PSH-02", Level: report.Must, Needs: []Need{NeedWork, NeedPush}, Title: "a command is delivered once when push and poll coincide",
		Rule:    "A command is delivered once, even if the device polls at the moment of the push.",
		Source:  learnPush + " (polling continues alongside push)",
		Fix:     "Mark a command as sent in the session that sends it, under a lock.",
		Mutants: []*mutants.Mutant{mutants.PshTwice},
		Under:   []string{"PSH-01"},
		Run: func(t *T) {
			d, w := t.WithChannel(), t.Work()
			m, channel := d.Mark(), d.ChannelURI()
			w.Give(d)
			var wg sync.WaitGroup
			wg.Go(func() { d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginSchedule}) })
			err := t.AskToTrigger(d)
			wg.Wait()
			t.Hook(err)
			if e := firstSound(d, m); e != nil && e.Status == http.StatusGone && d.ChannelURI() != channel {
				t.Evidence("%s: the poll replaced the channel at the moment of the push", e)
			} else {
				d.AwaitPushed(m, false)
			}
			d.Sync(dmclient.SyncOptions{})
			t.Expect(w.Times(d.SessionsSince(m.Sessions)...), "deliveries of %s", w).To(Equal(1))
		}},
	{ID: "PSH-03", Level: report.Must, Needs: []Need{NeedPush}, Title: "a push with nothing queued: a clean empty session",
		Rule:    "A device that is woken for nothing gets a session that ends without an error.",
		Source:  learnPush + "; OMA DM Protocol 1.2.1 section 8.3",
		Fix:     "If nothing is queued, answer with a Status for SyncHdr and Final.",
		Mutants: []*mutants.Mutant{mutants.PshEmpty404},
		Under:   []string{"PSH-01", "SES-15", "SES-43"},
		Decides: []suite.Premise{suite.Pushes},
		Run: func(t *T) {
			if t.Lab.Config.Target.Hooks.Push == nil {
				t.NotApplicable("the server pushes only when something is queued (target.push_on_queue)")
			}
			d := t.WithChannel()
			d.Sync(dmclient.SyncOptions{}) // the work of the first sessions is done
			m := d.Mark()
			t.Push(d)
			s := d.AwaitPushed(m, !t.CanWork())
			t.Exchanges(s)
			if err := suite.Broken(s); err != nil {
				t.Fail("a session that ends without an error", err.Error())
			}
		}},
	{ID: "PSH-04", Level: report.Must, Needs: []Need{NeedWork, NeedPush}, Polled: true, Title: "ten pushes in a burst: every command once",
		Rule:    "A burst of pushes leads to one session or a few; each command is delivered once.",
		Source:  learnPush,
		Fix:     "Mark each command as done when its Status arrives, matched by CmdRef.",
		Mutants: []*mutants.Mutant{mutants.SesFirstStatus, mutants.PshTwice},
		Under:   []string{"PSH-01", "PSH-02"},
		Run:     burst},
	{ID: "PSH-05", Level: report.Must, Needs: []Need{NeedWork, NeedPush}, Title: "an offline device is woken when it comes back",
		Rule:    "WNS keeps a push for a device without network if the server asks for it with X-WNS-Cache-Policy. When the device is back, it is woken and the command is delivered.",
		Source:  learnWNS + ", X-WNS-Cache-Policy",
		Fix:     "Send X-WNS-Cache-Policy: cache.",
		Mutants: []*mutants.Mutant{mutants.PshForget},
		Under:   []string{"PSH-01", "PSH-06"},
		Run: func(t *T) {
			d, w := t.WithChannel(), t.Work()
			d.SetWNSOffline(true)
			m := d.Mark()
			w.Give(d)
			t.Trigger(d)
			first := d.AwaitStatus(m, http.StatusOK)
			t.Evidence("%s", first)
			if first.Delivery == fakewns.Dropped {
				t.Blocked(suite.By("WNS-09"), "WNS dropped the notification: the device was not connected and X-WNS-Cache-Policy was not cache")
			}
			// Stay offline for a while.
			t.Quiet()
			d.SetWNSOffline(false)
			d.AwaitPushed(m, false)
			for range 2 { // it may come in the session after that
				if w.Times(d.SessionsSince(m.Sessions)...) == 0 {
					d.Sync(dmclient.SyncOptions{})
				}
			}
			t.Expect(w.Times(d.SessionsSince(m.Sessions)...), "%s in the sessions after the device came back", w).To(Equal(1))
		}},
	{ID: "PSH-06", Level: report.Must, Needs: []Need{NeedWork, NeedPush}, Title: "a lost push: the command arrives at the next poll",
		Rule:    "WNS guarantees nothing: a command whose push was accepted and then lost is delivered when the device polls.",
		Source:  learnPush + "; Learn, \"WNS overview\"",
		Fix:     "Keep commands queued, whatever happens to the push.",
		Mutants: []*mutants.Mutant{mutants.PshForget},
		Under:   []string{"PSH-01"},
		Run: func(t *T) {
			d, w := t.WithChannel(), t.Work()
			t.Fault("lost", d)
			m := d.Mark()
			w.Give(d)
			t.Trigger(d)
			faulted(d, m)
			t.Quiet()
			s := t.Managed(d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginSchedule}))
			t.Expect(w.Times(s), "%s in the next poll", w).To(Equal(1))
		}},
	{ID: "PSH-07", Level: report.Must, Ends: true, Needs: []Need{NeedWipe, NeedPush}, Polled: true, Title: "remote wipe by push",
		Rule:    "A wipe reaches the device in the session that the push starts, or in its next poll if the server has no push, as Exec of RemoteWipe. Once the device has answered 200 it is no longer managed: the server forgets it then, or when it comes back.",
		Source:  "Learn, \"RemoteWipe CSP\"; MS-MDM 2.2.7.5",
		Fix:     "Send Exec of ./Vendor/MSFT/RemoteWipe/doWipe, and stop managing the device at its 200.",
		Mutants: []*mutants.Mutant{mutants.PshExecReplace, mutants.PshWipeActive},
		Under:   []string{"PSH-01"},
		Run:     remoteWipe},
	{ID: "PSH-08", Level: report.Must, Needs: []Need{NeedLock, NeedPush}, Polled: true, Profile: "wp81", Only: true, Title: "remote lock by push",
		Rule:    "A lock reaches the phone in the session that the push starts, or in its next poll if the server has no push, as Exec of RemoteLock.",
		Source:  "Learn, \"RemoteLock CSP\"; MS-MDM 2.2.7.5",
		Fix:     "Send Exec of ./Vendor/MSFT/RemoteLock/Lock.",
		Mutants: []*mutants.Mutant{mutants.PshExecReplace},
		Under:   []string{"PSH-01", "PSH-07"},
		Run: func(t *T) {
			d := t.WithChannel()
			m := d.Mark()
			t.Hook(t.Lab.Lock(t.Context(), d.Device))
			t.Trigger(d)
			s := d.AwaitPushed(m, false)
			noteCommands(t, s, "remotelock")
			t.Expect(d.Locked(), "number of times the phone was locked in %s", t.Occasion()).To(Equal(1))
		}},
	{ID: "PSH-09", Level: report.Must, Needs: []Need{NeedQueue, NeedPush}, Polled: true, Profile: "win11", Title: "a VPN profile by push",
		Rule:    "A profile of two thousand characters reaches the device whole in the session that the push starts, and the device has the VPN.",
		Source:  "Learn, \"VPNv2 CSP\"; MS-MDM 2.2.7.1",
		Fix:     "Store values without a length limit, and escape them in XML.",
		Mutants: []*mutants.Mutant{mutants.PshCutData},
		Under:   []string{"PSH-01"},
		Run: func(t *T) {
			d := t.WithChannel()
			profile := "<VPNProfile><NativeProfile><Servers>vpn.example</Servers><NativeProtocolType>IKEv2</NativeProtocolType></NativeProfile>" +
				strings.Repeat("<Route><Address>192.0.2.0</Address><PrefixSize>24</PrefixSize></Route>", 27) + "</VPNProfile>"
			m := d.Mark()
			t.Queue(d, lab.Command{Verb: syncml.Add, LocURI: "./Vendor/MSFT/VPNv2/dmwake/ProfileXML", Format: "chr", Data: profile})
			t.Trigger(d)
			d.AwaitPushed(m, false)
			s := carrying(d, m, syncml.Add, "/VPNv2/dmwake/ProfileXML")
			noteCommands(t, s, "vpnv2")
			sent := s.Find(syncml.Add, "/VPNv2/dmwake/ProfileXML")
			t.Expect(len(sent), "Add of the profile in %s", t.Occasions()).To(Equal(1))
			t.Expect(len(sent[0].Data), "length of the received profile").To(Equal(len(profile)))
			t.Check(sent[0].Data == profile, "the profile as queued", "another text of the same length; "+difference(profile, sent[0].Data))
		}},
	{ID: "PSH-13", Level: report.Must, Needs: []Need{NeedWork, NeedPush}, Polled: true, Title: "a session breaks off: the command is sent again, once",
		Rule:    "A device loses its network before it answers a command. The command is sent again in the next session, and not after that.",
		Source:  "MS-MDM 2.2.6.1; OMA DM Protocol 1.2.1 section 8",
		Fix:     "Mark a command as done when its Status arrives, not when it is sent.",
		Mutants: []*mutants.Mutant{mutants.PshSentDone},
		Under:   []string{"SES-14", "PSH-01"},
		Run: func(t *T) {
			d, w := t.WithChannel(), t.Work()
			m := d.Mark()
			t.Misbehaves(d, "stop=2")
			w.Give(d)
			t.Trigger(d)
			s := t.Managed(d.AwaitPushed(m, false))
			if t.Polls() && w.Times(s) == 0 {
				t.Blocked(suite.By(suite.Delivers), "%s was not in the next session, so none could break off with it", w)
			}
			d.ClearFaults()
			for range 2 {
				t.Managed(d.Sync(dmclient.SyncOptions{}))
			}
			var after []*dmclient.Session
			for _, s := range d.SessionsSince(m.Sessions) {
				t.Evidence("session %s: %s sent %d times; %s", s.ID, w, w.Times(s), s.End)
				if !errors.Is(s.Err, dmclient.ErrStop) {
					after = append(after, s)
				}
			}
			if w.Times(after...) == 0 {
				t.FailBy(takenForDone, w.String()+" again, once, after the session that broke off", "no such command")
			}
			t.Expect(w.Times(after...), "number of times %s arrived after the session that broke off", w).To(Equal(1))
		}},
}

// takenForDone is the cause where a command that nobody answered does not come again.
const takenForDone = "the server takes a command for done when it has sent it, not when it is answered"

// unasked returns the nodes of DevDetail that the server did not ask the device for
// so far: it may ask for others in every session.
func unasked(d *Device, nodes ...string) []string {
	return slices.DeleteFunc(nodes, func(n string) bool {
		return slices.ContainsFunc(d.Sessions(), func(s *dmclient.Session) bool { return len(s.Find(syncml.Get, "/DevDetail/"+n)) > 0 })
	})
}

func noteCommands(t *T, s *dmclient.Session, about string) {
	for _, c := range s.Commands {
		if strings.Contains(strings.ToLower(c.LocURI), about) {
			t.Evidence("%s %s -> %d %s", c.Verb, c.LocURI, c.Code, syncml.CodeText(c.Code))
		}
	}
}

func remoteWipe(t *T) {
	d := t.WithChannel()
	before := d.Image()
	m := d.Mark()
	t.Hook(t.Lab.Wipe(t.Context(), d.Device))
	t.Trigger(d)
	s := d.AwaitPushed(m, false)
	noteCommands(t, s, "remotewipe")
	var wipes []dmclient.Executed
	for _, c := range s.Find(syncml.Exec, "") {
		if strings.Contains(strings.ToLower(c.LocURI), "/remotewipe/dowipe") {
			wipes = append(wipes, c)
		}
	}
	t.Expect(len(wipes), "Exec of RemoteWipe in %s", t.Occasion()).To(Equal(1))
	t.Expect(wipes[0].Code, "the device's Status for the wipe").To(Equal(http.StatusOK))
	t.Expect(d.State(), "state of the device").To(Equal(dmclient.Wiped))
	active, err := t.Lab.Active(t.Context(), d.Device)
	if errors.Is(err, lab.ErrNoHook) {
		return // this check needs the hook "active"
	}
	if err == nil && active {
		t.Quiet() // a server may record it after the session
		active, err = t.Lab.Active(t.Context(), d.Device)
	}
	if err == nil && active {
		// A server may note it when the device comes back, and turn it away.
		s := before.Sync(dmclient.SyncOptions{})
		t.Evidence("the device came back as it was before the wipe: %s", s.End)
		active, err = t.Lab.Active(t.Context(), d.Device)
	}
	t.Hook(err)
	t.Check(!active, "a wiped device that is no longer managed", "the active hook still reports it")
}
