// Package repro reproduces, by name, bugs that people reported on this path: a
// device or a WNS misbehaves in that way for as long as you debug.
package repro

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/dmclient/faults"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/entra"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Case is one reproduction.
type Case struct {
	Name     string
	Shows    string // what a person sees
	Reported string // where
	LookAt   string // what to check in the server
	Explain  string // arguments of dmwake explain, if it explains this

	Profile string   // of the device; empty: the target's newest
	Faults  []string // of the device (package dmclient/faults)
	WNS     []string // of the fake WNS, for this device or its tokens (package fakewns/faults)
	// Prepare changes the device after its enrollment and before its first session,
	// Then after that session.
	Prepare, Then func(*lab.Lab, *dmclient.Device)
	// Pushes says that the symptom shows when the server pushes.
	Pushes bool
	// Mutant makes the embedded server misbehave, Setup configures it in one of the
	// ways of lab.Setups.
	Mutant *mutants.Mutant
	Setup  string
	// Token is the kind of directory token that the device uses.
	Token entra.Kind
	// Enrolls says that it is about the enrollment, which may fail.
	Enrolls bool
	// Seen reports whether the symptom showed.
	Seen func(*Seen) bool
}

// Seen is what happened in a reproduction so far.
type Seen struct {
	Sessions []*dmclient.Session
	Journal  []*fakewns.Entry
	Device   *dmclient.Device
	// Enrolled is how the enrollment ended: nil if it succeeded.
	Enrolled error
}

// code checks whether a command on a node was answered with a code.
func code(verb syncml.Verb, suffix string, code int) func(*Seen) bool {
	return func(s *Seen) bool {
		for _, x := range s.Sessions {
			for _, c := range x.Find(verb, suffix) {
				if c.Code == code {
					return true
				}
			}
		}
		return false
	}
}

// wns checks whether WNS answered a kind of request with that status and state.
func wns(kind fakewns.Kind, status int, state string) func(*Seen) bool {
	return func(s *Seen) bool {
		for _, e := range s.Journal {
			if e.Kind == kind && e.Status == status && (state == "" || e.WNSStatus == state) {
				return true
			}
		}
		return false
	}
}

func sessions(want func(*dmclient.Session) bool) func(*Seen) bool {
	return func(s *Seen) bool {
		for _, x := range s.Sessions {
			if want(x) {
				return true
			}
		}
		return false
	}
}

// provision sets nodes on a device as an earlier enrollment left them.
func provision(pfn string) func(*lab.Lab, *dmclient.Device) {
	return func(_ *lab.Lab, d *dmclient.Device) {
		d.Tree().Provision(d.PushURI(), "")
		if pfn != "" {
			d.Tree().Provision(d.PushURI()+"/PFN", pfn)
		}
	}
}

const earlier = "99999another.app_8wekyb3d8bbwe"

// All returns the reproductions, by name.
func All() []Case {
	return []Case{
		{Name: "add-pfn-418", Shows: "Add of the PFN answers 418: an earlier enrollment left one behind", Reported: "the first public reports of this path", Explain: "418",
			LookAt: "send Replace, or Get the PFN and compare", Prepare: provision(earlier), Seen: code(syncml.Add, "/Push/PFN", 418)},
		{Name: "add-push-418", Shows: "Add of Push answers 418", Reported: "the first public reports of this path", Explain: "418",
			LookAt: "you have the node you wanted: go on with the PFN", Prepare: provision(""), Seen: code(syncml.Add, "/Push", 418)},
		{Name: "atomic-507", Shows: "an Atomic with Add and Replace of the PFN answers 507", Reported: "Learn, \"OMA DM protocol support\"", Explain: "507",
			LookAt: "send the two as separate commands (here the embedded server does not)", Mutant: mutants.PfnAtomic,
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
		{Name: "bad-hash-500", Shows: "a phone answers 500 to a PFN whose publisher hash is malformed", Reported: "the first public reports of this path", Explain: "500",
			LookAt: "13 characters of base32, without i, l, o, u (here the embedded server truncates it)", Profile: "wp81", Mutant: mutants.PfnBadHash, Seen: code(syncml.Add, "/Push/PFN", 500)},
		{Name: "channel-410", Shows: "WNS answers 410 long before the channel's thirty days have passed", Reported: "WindowsAppSDK issue 4446", Explain: "wns 410",
			LookAt: "drop the channel, set the PFN again in the next session", Pushes: true, Seen: wns(fakewns.Notification, 410, ""),
			Then: func(l *lab.Lab, d *dmclient.Device) { l.WNS.CloseChannel(d.ChannelURI()) }},
		{Name: "enroll-policy-lies", Shows: "Discover says OnPremise, and the user's UsernameToken is refused", Reported: "fleet issue 46387",
			LookAt: "let the policy and the enrollment service accept what Discover advertises (here the embedded server does not)", Mutant: mutants.EnrPolicyLies, Enrolls: true,
			Seen: func(s *Seen) bool {
				var e *enroll.Error
				return errors.As(s.Enrolled, &e) && e.Refused()
			}},
		{Name: "first-status-only", Shows: "a server reads only the first Status of a message, and repeats commands that were done", Reported: "iot-core-azure-dm-client issue 84",
			LookAt: "a message has a Status for every command: read them all (here the embedded server does not)", Mutant: mutants.SesFirstStatus,
			Seen: func(s *Seen) bool {
				n := 0
				for _, x := range s.Sessions {
					n += len(x.Find(syncml.Add, "/Push/PFN"))
				}
				return n > 1
			}},
		{Name: "format-415", Shows: "commands answer 415: wrong Format", Reported: "fleet issue 43454", Explain: "415",
			LookAt: "the Format of each node in its CSP; do not send the same again", Faults: []string{"answer=*:/Push/PFN:415"},
			Seen: func(s *Seen) bool {
				return code(syncml.Add, "/Push/PFN", 415)(s) || code(syncml.Replace, "/Push/PFN", 415)(s)
			}},
		{Name: "full-name-500", Shows: "a phone answers 500 to a PFN that is a package full name", Reported: "the first public reports of this path", Explain: "500",
			LookAt: "set Name_PublisherHash, in lower case (here the embedded server does not)", Profile: "wp81", Mutant: mutants.PfnFullName,
			Seen: code(syncml.Add, "/Push/PFN", 500)},
		{Name: "lost-after-200", Shows: "WNS answers 200 received, and the notification never arrives", Reported: "Learn, \"WNS overview\": reliability is not guaranteed",
			LookAt: "keep polling alongside push; 200 does not mean delivered", Explain: "received", Pushes: true, WNS: []string{"lost"},
			Seen: func(s *Seen) bool {
				for _, e := range s.Journal {
					if e.Delivery == fakewns.Lost {
						return true
					}
				}
				return false
			}},
		{Name: "no-certificate", Shows: "a device presents no client certificate, only its DeviceID", Reported: "fleet issues 14626, 46197",
			LookAt: "refuse it: knowing a DeviceID does not prove anything", Then: func(_ *lab.Lab, d *dmclient.Device) { addFault(d, "no-certificate") },
			Seen: sessions(func(x *dmclient.Session) bool {
				return len(x.Exchanges) > 0 && x.Exchanges[0].Status >= 400 || x.Err != nil
			})},
		{Name: "not-lower-case-500", Shows: "a phone answers 500 to a PFN with capitals", Reported: "the first public reports of this path", Explain: "500",
			LookAt: "convert the PFN to lower case before sending it (here the embedded server does not)", Profile: "wp81", Mutant: mutants.PfnUpperCase, Seen: code(syncml.Add, "/Push/PFN", 500)},
		{Name: "offline-500", Shows: "a phone answers 500 to Add and Replace of the PFN: its WNS client is offline", Reported: "the first public reports of this path", Explain: "500",
			LookAt: "end the session, try again in a later one", Profile: "wp81", Prepare: func(_ *lab.Lab, d *dmclient.Device) { d.SetWNSOffline(true) },
			Seen: code(syncml.Add, "/Push/PFN", 500)},
		{Name: "offline-dropped", Shows: "WNS answers 200 dropped: the device is offline and nothing was cached", Reported: "WindowsAppSDK issue 3677", Explain: "dropped",
			LookAt: "send X-WNS-Cache-Policy: cache; treat dropped as not delivered (here the embedded server does not ask for the cache)", Pushes: true, Mutant: mutants.WnsNoCache,
			Then: func(_ *lab.Lab, d *dmclient.Device) { d.SetWNSOffline(true) }, Seen: wns(fakewns.Notification, 200, "dropped")},
		{Name: "pfn-418-500", Shows: "418 to Add and then 500 to Replace of the PFN", Reported: "the first public reports of this path, twice", Explain: "500",
			LookAt: "record it, end the session, do not repeat it forever; other queued commands must arrive", Faults: []string{"pfn-418-500"},
			Seen: code(syncml.Replace, "/Push/PFN", 500)},
		{Name: "poll-every-minute", Shows: "a device polls every minute forever, alongside push", Reported: "fleet issue 46481",
			LookAt: "push is for urgent work: let devices poll every few hours (here the embedded server does not)", Mutant: mutants.EnrPollMinute,
			Seen: func(s *Seen) bool {
				v, _ := s.Device.Tree().Look(dmclient.ProviderURI(s.Device.Provider()) + "/Poll/IntervalForRemainingScheduledRetries")
				return v == "1"
			}},
		{Name: "power-saver", Shows: "battery saver has closed the device's WNS connection: pushes wait in the cache", Reported: "Learn, \"Push notification support for device management\"",
			LookAt: "nothing is wrong: ask for X-WNS-Cache-Policy: cache, and poll", Pushes: true,
			Then: func(_ *lab.Lab, d *dmclient.Device) { d.SetPower(dmclient.PowerSaver) },
			Seen: func(s *Seen) bool {
				for _, e := range s.Journal {
					if e.Delivery == fakewns.Cached {
						return true
					}
				}
				return false
			}},
		{Name: "push-missing-500", Shows: "a phone answers 500 to Add of the PFN: Push was never added", Reported: "the first public reports of this path", Explain: "500",
			LookAt: "add .../Push first (here the embedded server does not)", Profile: "wp81", Mutant: mutants.PfnNoPushNode, Seen: code(syncml.Add, "/Push/PFN", 500)},
		{Name: "push-status-7", Shows: "pushes are received but start no session: Push/Status 7", Reported: "Learn, \"DMClient CSP\"", Explain: "push-status 7",
			LookAt: "nothing is wrong: poll", Pushes: true, Then: func(_ *lab.Lab, d *dmclient.Device) { d.SetPower(dmclient.PowerLimited) },
			Seen: func(s *Seen) bool {
				for _, w := range s.Device.Wakes() {
					if w.Refused != "" {
						return true
					}
				}
				return false
			}},
		{Name: "session-id-0", Shows: "a device uses SessionID 0", Reported: "fleet issue 25581", LookAt: "0 is as good as any other", Faults: []string{"session-id=0"},
			Seen: sessions(func(x *dmclient.Session) bool { return x.ID == "0" })},
		{Name: "stale-session", Shows: "a device that enrolled again is answered as in its earlier session: MsgIDs continue, nothing is set up", Reported: "go-microsoft-dm",
			LookAt: "drop sessions when a device enrolls again (here the embedded server does not)", Mutant: mutants.EnrStaleSession,
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
		{Name: "tenant-accepted", Shows: "a device with a token from another tenant is enrolled", Reported: "CVE-2026-24899",
			LookAt: "check tid and issuer of the token (here the embedded server does not)", Setup: "entra", Mutant: mutants.SecJWTTid, Token: entra.WrongTenant, Enrolls: true,
			Seen: func(s *Seen) bool { return s.Enrolled == nil && s.Device.Provisioning() != nil }},
		{Name: "token-dies-early", Shows: "a token is refused before expires_in has passed: 401", Reported: "PushSharp issues 690, 691, 743", Explain: "wns 401",
			LookAt: "fetch a new token once, and send again", Pushes: true, Then: func(l *lab.Lab, _ *dmclient.Device) { l.WNS.RevokeTokens() },
			WNS: []string{"status=401 times=1"}, Seen: wns(fakewns.Notification, 401, "")},
		{Name: "token-per-push", Shows: "a token is fetched for every push", Reported: "PushSharp issue 619",
			LookAt: "keep the token until it expires or a 401 arrives (here the embedded server does not)", Pushes: true, Mutant: mutants.TokEveryPush,
			Then: func(l *lab.Lab, d *dmclient.Device) { l.Push(context.Background(), d) }, //nolint:errcheck // the journal shows it
			Seen: func(s *Seen) bool {
				n := 0
				for _, e := range s.Journal {
					if e.Kind == fakewns.Token && e.Status == 200 {
						n++
					}
				}
				return n > 1
			}},
		{Name: "token-refused", Shows: "the token endpoint answers 500 to two requests", Reported: "PushSharp issue 619", LookAt: "share one request, back off, keep the token until it expires",
			Pushes: true, WNS: []string{"status=500 on=token times=2"}, Then: func(l *lab.Lab, _ *dmclient.Device) { l.WNS.RevokeTokens() },
			Seen: wns(fakewns.Token, 500, "")},
		{Name: "unknown-pfn-500", Shows: "a phone answers 500 to a PFN that WNS does not know", Reported: "the first public reports of this path", Explain: "500",
			LookAt: "is it the PFN of an app registered for WNS?", Profile: "wp81", Prepare: func(l *lab.Lab, _ *dmclient.Device) { revoke(l) }, Seen: code(syncml.Add, "/Push/PFN", 500)},
		{Name: "unknown-pfn-status-3", Shows: "Windows 10 and later answer 200 to the PFN, and Push/Status 3", Reported: "Learn, \"DMClient CSP\"", Explain: "push-status 3",
			LookAt: "read Push/Status along with ChannelURI, and do not push", Profile: "win11",
			Prepare: func(l *lab.Lab, _ *dmclient.Device) { revoke(l) },
			Seen: sessions(func(x *dmclient.Session) bool {
				for _, c := range x.Find(syncml.Get, "/Push/Status") {
					if c.Result == "3" {
						return true
					}
				}
				return false
			})},
		{Name: "user-405", Shows: "commands for ./User answer 405: nobody is logged in", Reported: "fleet issue 49250", Explain: "405",
			LookAt: "hold them back until LoginStatus says user", Prepare: func(_ *lab.Lab, d *dmclient.Device) { d.SetLogin(dmclient.LoginNone) }, Mutant: mutants.SesUserAlways,
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
		{Name: "wns-500", Shows: "WNS answers 500 for hours", Reported: "WindowsAppSDK issue 4546", Explain: "wns 500", LookAt: "bounded retries with growing pauses; polling does the work",
			Pushes: true, WNS: []string{"status=500"}, Seen: wns(fakewns.Notification, 500, "")},
	}
}

// ByName finds a reproduction; the error lists all names.
func ByName(name string) (*Case, error) {
	all := All()
	names := make([]string, len(all))
	for i := range all {
		if all[i].Name == name {
			return &all[i], nil
		}
		names[i] = all[i].Name
	}
	return nil, fmt.Errorf("unknown reproduction %q; known are %s", name, strings.Join(names, ", "))
}
