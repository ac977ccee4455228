package scenarios

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// sessionOpening are the SES scenarios about what a device may say beside the usual
// when it opens a session, and where it opens it.
var sessionOpening = []Scenario{
	{ID: "SES-47", Level: report.Should, Uses: []Need{NeedWork}, Title: "Alert 1200 opens a session, too",
		Rule:    "A device that was called may open its session with Alert 1200 in place of 1201. The server answers it and sends its commands as ever.",
		Source:  "OMA DM Protocol 1.2.1 section 8.3; MS-MDM 2.2.7.2",
		Fix:     "Treat Alert 1200 as Alert 1201.",
		Mutants: []*mutants.Mutant{mutants.Ses1200Idle, mutants.Ses1200Refused},
		Under:   []string{"SES-44"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			from := d.SessionCount()
			d.AddFault(rewrite(func(m *syncml.Message) {
				for i := range m.Body {
					if c := &m.Body[i]; c.Verb == syncml.Alert && c.Code() == syncml.AlertClientInitiated {
						c.Data = strconv.Itoa(syncml.AlertServerInitiated)
					}
				}
			}))
			if !t.CanWork() {
				runsToEnd(d, d.Sync(dmclient.SyncOptions{}), "Alert 1200 in place of 1201")
				return
			}
			w := t.Work()
			w.Give(d)
			came := w.Bringing(d, from)
			for _, s := range d.SessionsSince(from) {
				runsToEnd(d, s, "Alert 1200 in place of 1201")
			}
			if came != nil {
				return
			}
			d.ClearFaults()
			if w.Bringing(d, from) != nil {
				t.Fail(w.String()+" in a session that Alert 1200 opens", "no such command; it came when Alert 1201 opened the session")
			}
			w.NeedMore(d)
			t.Blocked(suite.By(suite.Delivers), "%s did not arrive in four sessions", w)
		}},
	{ID: "SES-48", Level: report.Should, Uses: []Need{NeedWork}, Title: "headers and attributes of later versions do no harm",
		Rule:    "From SyncApplicationVersion 3.0 on a device declares xmlns:msft and writes msft:originalerror into the Status of what failed. From 4.0 on the header UserAgentOrigin has a number or a list. A critical Alert 1226 is repeated in the header MDM-GenericAlert. Sessions go on as ever.",
		Source:  "MS-MDM 2.1 (note 5), 2.2.4.3, 2.2.5.1, 3.1.7.2",
		Fix:     "Ignore headers and attributes that you do not use.",
		Mutants: []*mutants.Mutant{mutants.SesGenericAlertHeader, mutants.SesOriginList, mutants.SesOriginalError},
		Under:   []string{"SES-24"},
		Run: func(t *T) {
			t.Try("the header MDM-GenericAlert", func() {
				d := t.Next()
				d.First()
				a := unknownAlert(syncml.AlertGeneric)
				a.Items[0].Meta.Mark = "critical"
				runsToEnd(d, d.Sync(dmclient.SyncOptions{Alerts: []syncml.Command{a}}), "a critical Alert 1226")
			})
			t.Try("a list in UserAgentOrigin", func() {
				d := laterVersion(t)
				s := d.Sync(dmclient.SyncOptions{SessionID: "61", Origin: dmclient.OriginSchedule, Batched: []dmclient.Origin{dmclient.OriginPush}})
				runsToEnd(d, s, "UserAgentOrigin with a list")
			})
			t.Try("msft:originalerror", func() {
				d := laterVersion(t)
				explained := false
				d.AddFault(rewrite(func(m *syncml.Message) {
					for i := range m.Body {
						if c := &m.Body[i]; c.Verb == syncml.Status && c.CmdRef != "0" && c.Code() >= syncml.BadRequest {
							c.OriginalError, explained = "0x86000002", true
						}
					}
				}))
				if t.CanWork() {
					w := t.Work()
					d.AddFault(w.Answered(syncml.NotFound))
					w.Give(d)
				}
				runsToEnd(d, d.Sync(dmclient.SyncOptions{SessionID: "62"}), "msft:originalerror in a Status")
				if !explained {
					t.NotApplicable("the device failed no command in the session, so there was no error to explain")
				}
			})
		}},
	{ID: "SES-51", Level: report.Should, On: "signing", Uses: []Need{NeedWork}, Title: "an MS-Signature by another device is refused",
		Rule:    "If RequireMessageSigning is set, a message is refused unless the certificate that was enrolled for this device signed it. A signature by another device of the same server does not do.",
		Source:  "Learn, \"DMClient CSP\", RequireMessageSigning; MS-MDM 2.1 (note 4)",
		Fix:     "Compare the signer's certificate with the one that you issued to the device.",
		Mutants: []*mutants.Mutant{mutants.SecSigner, mutants.SecSignature},
		Under:   []string{"SEC-01", "SEC-14"},
		Run: func(t *T) {
			d := exercisedDevice(t)
			if len(d.First().Exchanges[0].Header["MS-Signature"]) == 0 { //nolint:staticcheck // as it is written on the wire
				t.NotApplicable("the server does not set RequireMessageSigning, so devices do not sign their messages")
			}
			other := t.Enrolled()
			turnsAwayFrom(t, d, visitor{who: "a message that another device signed", device: d, as: dmclient.SyncOptions{Signer: other.Certificate()}})
			runsAsEver(d, "a message that another device signed")
		}},
	{ID: "SES-52", Level: report.Must, Title: "an address that the server sets serves the next session",
		Rule:    "A server that replaces ManagementServiceAddress or ManagementServerAddressList gets the next session at the new address, and serves it there.",
		Source:  "MS-MDE2 2.2.9.3; Learn, \"DMClient CSP\", ManagementServiceAddress",
		Fix:     "Set an address only when it answers sessions.",
		Mutants: []*mutants.Mutant{mutants.SesAddressDead},
		Under:   []string{"SES-43"},
		Decides: []suite.Premise{suite.Talks},
		Run: func(t *T) {
			var d *Device
			if t.Lab.Config.Target.Shared() {
				d = t.Enrolled()
			} else {
				d = t.EnrolledOnly()
			}
			was := d.Address()
			for range 4 {
				if d.Address() == was {
					d.Sync(dmclient.SyncOptions{})
				}
			}
			now := d.Address()
			if now == was {
				return // it sets none
			}
			s := d.Sync(dmclient.SyncOptions{})
			if err := suite.Broken(s); err != nil || len(s.Received) == 0 {
				t.Exchanges(s)
				if err == nil {
					t.Fail("a session at the address that the server set: "+now, suite.Unread(s))
				}
				t.Fail("a session at the address that the server set: "+now, fmt.Sprintf("%s: %v", s.End, err))
			}
			path, _, _ := strings.Cut(now, "?")
			t.Check(strings.HasPrefix(s.Exchanges[0].URL, path), "a session at "+now, s.Exchanges[0].URL)
		}},
}

// laterVersion returns a device with SyncApplicationVersion 4.0 or more.
func laterVersion(t *T) *Device {
	d := t.Next()
	d.First()
	node := dmclient.ProviderURI(d.Provider()) + "/SyncApplicationVersion"
	if v, ok := d.Tree().Look(node); !ok || v < "4" {
		d.Tree().Provision(node, "4.0")
		if ok {
			t.After(func() { d.Tree().Provision(node, v) })
		}
	}
	return d
}
