package repro

import (
	"context"
	"strings"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/dmclient/faults"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// sessionCases are about sessions, PFN and push apart.
func sessionCases() []Case {
	return []Case{
		{Name: "atomic-no-cmdid", Shows: "commands inside an Atomic have no CmdID: each is answered with 400 and an empty CmdRef", Sources: []string{"https://github.com/fleetdm/fleet/pull/15277", "https://learn.microsoft.com/windows/client-management/oma-dm-protocol-support"}, Explain: "400",
			LookAt: "give each command its own CmdID, those inside an Atomic, too (here the embedded server does not)", Scenarios: []string{"MSG-05"}, Reach: atAtomic,
			Break: bareAtomic,
			Seen:  answered(func(c *syncml.Command) bool { return c.CmdRef == "" && c.Code() == syncml.BadRequest })},
		{Name: "certificate-fails-late", Shows: "a certificate request is answered with 200, and fails later: only its Status tells", Sources: []string{"https://github.com/fleetdm/fleet/issues/45550", "https://learn.microsoft.com/windows/client-management/mdm/clientcertificateinstall-csp"},
			LookAt: "200 for Exec of Enroll means begun: Get .../SCEP/{id}/Status in later sessions until it is 1, and report 16 and 32 as failed", Reach: atCertificate, Faults: []string{"certificate-fails"},
			Then: requestCertificate,
			Seen: func(s *Seen) bool {
				done := false
				for _, x := range s.Sessions {
					for _, c := range x.Find(syncml.Exec, "/Install/Enroll") {
						status, _ := s.Device.Tree().Look(strings.TrimSuffix(c.LocURI, "Install/Enroll") + "Status")
						done = done || c.Code == syncml.OK && status == "16"
					}
				}
				return done
			}},
		{Name: "criteria-other", Shows: "SSLCLIENTCERTSEARCHCRITERIA name another certificate: the device comes without one and is refused", Sources: []string{"https://learn.microsoft.com/windows/client-management/mdm/w7-application-csp"},
			LookAt: "Subject=CN%3D... of the certificate that was issued, URI-escaped, and Stores=My%5CUser or My%5CSystem (here the embedded server names another one). That the device then presents none is a model",
			Quirks: []string{"strict-criteria"}, Mutant: mutants.EnrCriteriaOther, Reach: atSession,
			Seen: sessions(func(x *dmclient.Session) bool { return len(x.Exchanges) > 0 && x.Exchanges[0].Status >= 400 })},
		{Name: "indented-81", Shows: "Windows 8.1 stops without a word at a message with white space between its elements", Sources: []string{"https://learn.microsoft.com/archive/blogs/wsdevsol/mdm-enrollment-succeeds-but-syncml-session-aborts-without-errors"},
			LookAt: "send SyncML in one line, without indentation (here the embedded server indents it)", Profile: "win81", Variant: variants.SyncMLIndented, Reach: atSession,
			Seen: sessions(func(x *dmclient.Session) bool {
				return x.Err != nil && strings.Contains(x.Err.Error(), "silent-on-space")
			})},
		{Name: "wipe-500", Shows: "a wipe is answered with 500: the device has no recovery partition, and is not wiped", Sources: []string{"https://github.com/fleetdm/fleet/issues/34994", "https://github.com/fleetdm/fleet/pull/42230", "https://learn.microsoft.com/windows/client-management/mdm/remotewipe-csp"}, Explain: "500",
			LookAt: "read the Status of the Exec: 500 means not wiped. Keep the device, show the failure, and do not repeat it for ever", Scenarios: []string{"ERR-22"}, Reach: atWipe, Faults: []string{"wipe-fails"},
			Then: func(l *lab.Lab, d *dmclient.Device) { l.Wipe(context.Background(), d) }, //nolint:errcheck // without a hook, Reach says what to do
			Seen: code(syncml.Exec, "/RemoteWipe/doWipe", 500)},
		{Name: "atomic-507", Shows: "an Atomic with Add and Replace of the PFN answers 507", Sources: []string{"https://learn.microsoft.com/windows/client-management/oma-dm-protocol-support"}, Explain: "507",
			LookAt: "send the two as separate commands (here the embedded server does not)", Reach: atAtomic, Mutant: mutants.PfnAtomic,
			Seen: sessions(func(x *dmclient.Session) bool {
				for _, m := range x.Sent {
					for _, c := range m.Body {
						if c.Verb == syncml.Status && c.Cmd == string(syncml.Atomic) && c.Code() == syncml.AtomicFailed {
							return true
						}
					}
				}
				return false
			})},
		{Name: "first-status-only", Shows: "a server reads only the first Status of a message, and repeats commands that were done", Sources: []string{"https://github.com/ms-iot/iot-core-azure-dm-client/issues/84"},
			LookAt: "a message has a Status for every command: read them all (here the embedded server does not)", Reach: atPFN, Mutant: mutants.SesFirstStatus,
			Seen: func(s *Seen) bool {
				n := 0
				for _, x := range s.Sessions {
					n += len(x.Find(syncml.Add, "/Push/PFN"))
				}
				return n > 1
			}},
		{Name: "format-415", Shows: "commands answer 415: wrong Format", Sources: []string{"https://github.com/fleetdm/fleet/pull/43454"}, Explain: "415",
			LookAt: "the Format of each node in its CSP; do not send the same again", Scenarios: []string{"ERR-10"}, Reach: atPFN, Faults: []string{"answer=*:/Push/PFN:415"},
			Seen: func(s *Seen) bool {
				return code(syncml.Add, "/Push/PFN", 415)(s) || code(syncml.Replace, "/Push/PFN", 415)(s)
			}},
		{Name: "no-certificate", Shows: "a device presents no client certificate, only its DeviceID", Sources: []string{"https://github.com/fleetdm/fleet/issues/14626", "https://github.com/fleetdm/fleet/issues/46197"},
			LookAt: "refuse it: knowing a DeviceID does not prove anything", Scenarios: []string{"SEC-01"}, Reach: atSession, Then: func(_ *lab.Lab, d *dmclient.Device) { addFault(d, "no-certificate") },
			Seen: sessions(func(x *dmclient.Session) bool {
				return len(x.Exchanges) > 0 && x.Exchanges[0].Status >= 400 || x.Err != nil
			})},
		{Name: "session-id-0", Shows: "a device uses SessionID 0", Sources: []string{"https://github.com/fleetdm/fleet/issues/25581"}, LookAt: "0 is as good as any other", Scenarios: []string{"SES-16"}, Reach: atSession, Faults: []string{"session-id=0"},
			Seen: sessions(func(x *dmclient.Session) bool { return x.ID == "0" })},
		{Name: "stale-session", Shows: "a device that enrolled again is answered as in its earlier session: MsgIDs continue, nothing is set up", Sources: []string{"https://github.com/deploymenttheory/go-microsoft-dm"},
			LookAt: "drop sessions when a device enrolls again (here the embedded server does not)", Reach: atSession, Mutant: mutants.EnrStaleSession,
			Then: func(l *lab.Lab, d *dmclient.Device) {
				ctx := context.Background()
				id := d.Sessions()[0].ID
				if f, err := faults.New("stop=2"); err == nil { // the session is cut off
					d.AddFault(f)
				}
				d.Sync(ctx, dmclient.SyncOptions{SessionID: id}) //nolint:errcheck // the transcript shows it
				d.ClearFaults()
				d.Wipe()
				l.Enroll(ctx, d)                                 //nolint:errcheck // as above
				d.Sync(ctx, dmclient.SyncOptions{SessionID: id}) //nolint:errcheck // the same SessionID in both enrollments
			},
			Seen: sessions(func(x *dmclient.Session) bool { return len(x.Received) > 0 && x.Received[0].Hdr.MsgID != "1" })},
		{Name: "user-405", Shows: "commands for ./User answer 405: nobody is logged in", Sources: []string{"https://github.com/fleetdm/fleet/issues/49250"}, Explain: "405",
			LookAt: "hold them back until LoginStatus says user", Reach: atUser, Prepare: func(_ *lab.Lab, d *dmclient.Device) { d.SetLogin(dmclient.LoginNone) }, Mutant: mutants.SesUserAlways,
			Seen: func(s *Seen) bool {
				for _, x := range s.Sessions {
					for _, c := range x.Commands {
						if strings.HasPrefix(strings.ToLower(c.LocURI), "./user/") && c.Code == 405 {
							return true
						}
					}
				}
				return false
			}},
	}
}

// bareAtomic lets the server send the PFN in an Atomic whose commands have no CmdID.
func bareAtomic(t *mdmserver.Tamper) {
	hook.Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
		for i := range r.Plan {
			if p := &r.Plan[i]; p.Sent.Purpose == mdmserver.ForAddPFN {
				set := p.Command
				set.CmdID = "901"
				p.Command = syncml.Command{Verb: syncml.Atomic, Commands: []syncml.Command{set}}
			}
		}
	})
	hook.Session(t, func(x *hook.Exchange) { x.Replace("<CmdID>901</CmdID>", "") })
}

// answered checks the device's Statuses.
func answered(want func(*syncml.Command) bool) func(*Seen) bool {
	return sessions(func(x *dmclient.Session) bool {
		for _, m := range x.Sent {
			for i := range m.Body {
				if c := &m.Body[i]; c.Verb == syncml.Status && want(c) {
					return true
				}
			}
		}
		return false
	})
}

// requestCertificate makes the server queue a certificate request (SCEP), and holds the
// session in which the device gets it. Without a hook, Reach says what to do.
func requestCertificate(l *lab.Lab, d *dmclient.Device) {
	const at = "./Vendor/MSFT/ClientCertificateInstall/SCEP/repro/Install/"
	for _, n := range [][3]string{
		{"ServerURL", "chr", "https://scep.example/scep"}, {"Challenge", "chr", "repro"}, {"EKUMapping", "chr", "1.3.6.1.5.5.7.3.2"}, {"KeyUsage", "int", "160"},
		{"KeyLength", "int", "2048"}, {"SubjectName", "chr", "CN=repro"}, {"HashAlgorithm", "chr", "SHA-2"}, {"CAThumbprint", "chr", "0000000000000000000000000000000000000000"},
	} {
		l.Queue(context.Background(), d, lab.Command{Verb: syncml.Add, LocURI: at + n[0], Format: n[1], Data: n[2]}) //nolint:errcheck // as above
	}
	l.Queue(context.Background(), d, lab.Command{Verb: syncml.Exec, LocURI: at + "Enroll"})            //nolint:errcheck // as above
	d.Sync(context.Background(), dmclient.SyncOptions{Origin: dmclient.OriginSchedule, NoRetry: true}) //nolint:errcheck // the transcript shows it
}
