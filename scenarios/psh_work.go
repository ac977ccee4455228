package scenarios

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// pushedWork are the PSH scenarios about typical work by push, and its latency.
var pushedWork = []Scenario{
	{ID: "PSH-10", Level: report.Must, Needs: []Need{NeedQueue, NeedPush}, Polled: true, Profile: "win11", Title: "an app is installed and updated by push",
		Rule:    "The installation of an app reaches the device in the session that the push starts and is answered with 202; the result follows in an Alert. The same goes for the app's next version.",
		Source:  "Learn, \"Enterprise app management\"; MS-MDM 2.2.7.2",
		Fix:     "Treat 202 as in progress, answer Alert 1226 with a Status, and do not send the command again.",
		Mutants: []*mutants.Mutant{mutants.Ses202Fails, mutants.Ses202Again, mutants.Ses1226Fails},
		Under:   []string{"SES-09", "PSH-01", "PSH-02", "PSH-07"},
		Run: func(t *T) {
			d := t.WithChannel()
			for _, version := range []string{"1.0.0.0", "2.0.0.0"} {
				m := d.Mark()
				install(t, d, version)
				t.Trigger(d)
				d.AwaitPushed(m, false)
				s := carrying(d, m, syncml.Exec, "/HostedInstall")
				noteCommands(t, s, "appinstallation")
				t.Expect(len(s.Find(syncml.Exec, "/HostedInstall")), "Exec of HostedInstall in %s", t.Occasions()).To(BeNumerically(">", 0))
				awaitInstalled(t, d, m.Sessions, s)
				apps := strings.Join(d.Inventory().Apps, " ")
				t.Expect(apps, "apps on the device after the installation of version %s", version).To(ContainSubstring(version))
			}
		}},
	{ID: "PSH-11", Level: report.Must, Needs: []Need{NeedQueue, NeedPush}, Polled: true, Profile: "win11", Title: "a certificate is renewed by push",
		Rule:    "Exec of CertificateStore/MY/WSTEP/Renew/RenewNow reaches the device in the session that the push starts. The device renews its certificate, and uses the new one in its next session.",
		Source:  "Learn, \"CertificateStore CSP\", WSTEP/Renew; MS-MDE2 3.5",
		Fix:     "Send Exec of RenewNow, and accept the renewal that follows.",
		Mutants: []*mutants.Mutant{mutants.EnrRenewRefused},
		Under:   []string{"ENR-21", "PSH-01", "PSH-07"},
		Run: func(t *T) {
			d := t.WithChannel()
			old := renewable(d)
			m := d.Mark()
			t.Queue(d, lab.Command{Verb: syncml.Exec, LocURI: "./Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/RenewNow"})
			t.Trigger(d)
			d.AwaitPushed(m, false)
			s := carrying(d, m, syncml.Exec, "/RenewNow")
			t.Expect(len(s.Find(syncml.Exec, "/RenewNow")), "Exec of RenewNow in %s", t.Occasions()).To(Equal(1))
			d.RenewDue()
			if !t.Soon(func() bool { return !bytes.Equal(certificateOf(d), old) }) {
				if exs := d.EnrollExchanges(); len(exs) > 0 {
					last := exs[len(exs)-1]
					t.Evidence("the last request to the enrollment service: %s %s -> %d", last.Method, last.URL, last.Status)
					t.Keep(d, "the last request to the enrollment service", last)
					if err := answerTo(enroll.StepRenew, last); err != nil {
						tooYoung(d, err)
					}
				}
				t.Fail("a new certificate within "+t.Lab.Config.Timeouts.Push.String(), "still the old one")
			}
			d.Survived(t.Managed(d.Sync(dmclient.SyncOptions{})), "the renewal of the certificate")
		}},
	{ID: "PSH-12", Level: report.Must, Needs: []Need{NeedQueue, NeedPush}, Polled: true, Profile: "win11", Title: "scopes and ProviderID are kept",
		Rule:    "A command for ./Device or ./User is sent with that scope, and a command for the device's own account with its ProviderID.",
		Source:  "Learn, \"OMA DM protocol support\", user targeted settings; " + learnCSP,
		Fix:     "Send LocURIs exactly as queued.",
		Mutants: []*mutants.Mutant{mutants.PshScope},
		Under:   []string{"PSH-01"},
		Run: func(t *T) {
			d := t.WithChannel()
			account := dmclient.ProviderURI(d.Provider())
			nodes := []string{"./Device/Vendor/MSFT/Policy/Result/Experience", "./User/Vendor/MSFT/Policy/Result/Experience", "./Device" + account[1:] + "/EntDMID"}
			verb := syncml.Get
			if exec := (lab.Command{Verb: syncml.Exec}); !t.QueueTakes(lab.Command{Verb: verb}) && t.QueueTakes(exec) {
				verb, nodes = exec.Verb, []string{"./Device" + anyExec[1:], "./User" + anyExec[1:]}
			}
			m := d.Mark()
			for _, n := range nodes {
				t.Queue(d, lab.Command{Verb: verb, LocURI: n})
			}
			t.Trigger(d)
			d.AwaitPushed(m, false)
			for _, n := range nodes {
				carrying(d, m, verb, n[1:])
			}
			got := map[string]bool{}
			for _, s := range d.SessionsSince(m.Sessions) {
				for _, c := range s.Commands {
					if !strings.Contains(c.LocURI, "/Push/") { // the server's own commands
						got[c.LocURI] = true
					}
				}
			}
			saw := slices.Sorted(maps.Keys(got))
			for _, n := range nodes {
				t.Try(n, func() {
					t.Check(got[n], string(verb)+" of the LocURI as queued, in "+t.Occasions(), "commands for "+suite.Show(saw))
				})
			}
		}},
	{ID: "PSH-14", Level: report.Should, Needs: []Need{NeedWork, NeedPush}, Title: "the session starts soon after the trigger",
		Rule:    "Push is for work that cannot wait for the next poll: the session starts within timeouts.latency of the trigger.",
		Source:  "ours; the time is reported",
		Fix:     "Push when a command is queued, not from a timer that fires seconds later.",
		Mutants: []*mutants.Mutant{mutants.PshSlow},
		Run: func(t *T) {
			d, w := t.WithChannel(), t.Work()
			m := d.Mark()
			start := time.Now()
			t.Hook(w.TryGive(d))
			t.Trigger(d)
			took := d.AwaitPushed(m, false).Started.Sub(start)
			t.Evidence("from trigger to session: %s", took.Round(time.Millisecond))
			limit := t.Lab.Config.Timeouts.Latency
			t.Check(took <= limit, "a session within "+limit.String()+" of the trigger (timeouts.latency)", took.Round(time.Millisecond).String())
		}},
	{ID: "PSH-15", Level: report.Must, Needs: []Need{NeedWork}, Polled: true, Title: "a session started by a push is like any other",
		Rule:    "A device with SyncApplicationVersion 4.0 or later says in the header UserAgentOrigin why it opens a session: 3 is a push. The server sends queued commands whatever the header says.",
		Source:  "MS-MDM 3.1.7.2",
		Fix:     "Do not use UserAgentOrigin to decide what to send.",
		Mutants: []*mutants.Mutant{mutants.PshOrigin},
		Under:   []string{"PSH-01"},
		Decides: []suite.Premise{suite.Delivers},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			node := dmclient.ProviderURI(d.Provider()) + "/SyncApplicationVersion"
			if v, ok := d.Tree().Look(node); !ok || v < "4" {
				d.Tree().Provision(node, "4.0")
			}
			w := t.Work()
			w.Give(d)
			s := d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginPush})
			d.Survived(s, "UserAgentOrigin 3")
			t.Expect(w.Times(s), "%s in a session with UserAgentOrigin 3", w).To(Equal(1))
		}},
}

// farewell is the PFN scenario about unenrolling a device.
var farewell = []Scenario{
	{ID: "PFN-14", Level: report.Should, Needs: []Need{NeedLeave}, Ends: true, Polled: true, Title: "the server removes Push from a device that it unenrolls",
		Rule:    "A server that stops managing a device says so in the device's next session: it deletes Push or the account, or sends Exec of Unenroll, which does both. A device that is merely forgotten keeps a PFN that wakes it for nothing.",
		Source:  learnCSP + " (Push: removing it ends push-initiated sessions; Unenroll)",
		Fix:     "Send Exec of DMClient/Unenroll, or Delete of Push, in the device's next session.",
		Mutants: []*mutants.Mutant{mutants.PfnUnenrollKeep},
		Run: func(t *T) {
			d := t.WithChannel()
			t.Hook(t.Lab.Unenroll(t.Context(), d.Device))
			s := d.Sync(dmclient.SyncOptions{})
			t.Exchanges(s)
			for _, c := range s.Commands {
				uri := strings.ToLower(c.LocURI)
				t.Evidence("%s %s -> %d", c.Verb, c.LocURI, c.Code)
				if c.Verb == syncml.Delete && (strings.HasSuffix(uri, "/push") || strings.HasSuffix(uri, strings.ToLower(dmclient.ProviderURI(d.Provider())[1:]))) ||
					c.Verb == syncml.Exec && strings.HasSuffix(uri, "/unenroll") {
					return
				}
			}
			t.Fail("Delete of Push or the account, or Exec of Unenroll, in the session after the server unenrolled the device", "none of these; "+s.End)
		}},
}

// carrying returns the session since m that brought a command: a server that
// pushes for each queued command may spread them over two sessions.
func carrying(d *Device, m Mark, verb syncml.Verb, suffix string) *dmclient.Session {
	for range 2 {
		for _, s := range d.SessionsSince(m.Sessions) {
			if len(s.Find(verb, suffix)) > 0 {
				return s
			}
		}
		d.Sync(dmclient.SyncOptions{})
	}
	list := d.SessionsSince(m.Sessions)
	return list[len(list)-1]
}
