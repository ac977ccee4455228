package scenarios

import (
	"errors"
	"fmt"
	"strings"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

const dmAuthentication = "OMA DM Protocol 1.2.1 section 9"

// sessionDigests are the SES scenarios about credentials over several messages and
// sessions.
var sessionDigests = []Scenario{
	{ID: "SES-65", Level: report.Must, Uses: []Need{NeedWork}, On: "md5", Title: "the right credential is accepted every time",
		Rule:    "A credential that the server asked for is accepted with 212 or 200, in every session. After 200 the device sends one with each message, made with the nonce of the last Chal, and it is accepted as well.",
		Source:  dmAuthentication + "; MS-MDM 1.3.1",
		Fix:     "Keep the nonce of the last Chal per device, and verify the next digest with it.",
		Mutants: []*mutants.Mutant{mutants.SesNonceForgotten},
		Under:   []string{"SES-29", "SES-30"},
		Decides: []suite.Premise{suite.Proves},
		Run: func(t *T) {
			d := t.Enrolled()
			needsCredential(d, "")
			t.Managed(busy(d))
			d.Sync(dmclient.SyncOptions{})
			for _, s := range d.Sessions() {
				asked := false // by the message before; SES-66 judges a credential that comes unasked
				for i, m := range s.Received {
					hdr := hdrStatus(m)
					t.Check(!asked || s.Sent[i].Hdr.Cred == nil || hdr.Code() == syncml.AuthAccepted || hdr.Code() == syncml.OK,
						fmt.Sprintf("Status 212 or 200 for SyncHdr in reply to message %d of session %s, whose credential is right", i+1, s.ID), "Status "+suite.Show(hdr.Data))
					asked = hdr.Chal != nil
				}
			}
		}},
	{ID: "SES-66", Level: report.Should, On: "md5", Title: "the nonce that comes with 212 is for the next session",
		Rule:    "The NextNonce in a Chal with Status 212 is for the device's next digest. A device that begins its next session with that digest, as Windows Phone 8.1 does, is not challenged.",
		Source:  dmAuthentication + "; MS-MDM 1.3.1",
		Fix:     "Store the nonce that you send with 212, and verify the next session's digest with it.",
		Mutants: []*mutants.Mutant{mutants.SesNonceOfSession},
		Under:   []string{"SES-29", "SES-65"},
		Run: func(t *T) {
			needsCredential(t.Enrolled(), authMD5)
			d := t.DeviceWith(func(c *dmclient.Config) { c.Profile.Quirks.SendsCred = true })
			enrolls(d)
			first := d.First()
			if last := lastNonce(first); last == nil || !syncml.Success(last.Code()) {
				t.NotApplicable("the server gave the device no nonce for its next session: no Chal came with the Status that accepted its digest")
			}
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			if s.Sent[0].Hdr.Cred == nil {
				t.Error("the device sent no digest unasked")
			}
			hdr := hdrStatus(s.Received[0])
			t.Check(hdr.Code() == syncml.AuthAccepted || hdr.Code() == syncml.OK,
				"Status 212 or 200 for SyncHdr in reply to a digest with the nonce that came at the end of the last session", "Status "+suite.Show(hdr.Data))
		}},
	{ID: "SES-67", Level: report.Must, On: "md5", Title: "a device that refuses the server's credential gets it again, with the new nonce",
		Rule:    "A device answers the server's credential with 401 and a Chal if it was made with another nonce. The server's next message has a credential made with the nonce of that Chal.",
		Source:  dmAuthentication + "; " + dmSecurity,
		Fix:     "Read the Chal in the device's Status for SyncHdr, and compute the credential of the next message with its NextNonce.",
		Mutants: []*mutants.Mutant{mutants.SesCredStale},
		Under:   []string{"SES-40", "SES-65"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			older := t.Twin(d) // its nonces are those of before the next session
			if !showsCred(t.Managed(d.Sync(dmclient.SyncOptions{}))) {
				t.NotApplicable("the server's messages have no Cred: it does not authenticate itself")
			}
			s := t.Managed(older.Sync(dmclient.SyncOptions{SessionID: ownSession}))
			for i := 0; i+1 < len(s.Sent) && i < len(s.Received); i++ {
				hdr := hdrStatus(s.Sent[i+1])
				if s.Received[i].Hdr.Cred == nil || hdr.Chal == nil || hdr.Code() != syncml.InvalidCredential {
					continue
				}
				if i+1 >= len(s.Received) {
					t.Exchanges(s)
					t.Fail("a reply to the message in which the device refuses the server's credential", s.End)
				}
				t.Check(s.Received[i+1].Hdr.Cred != nil, "a Cred in the message after the device's challenge", "none")
				if errors.Is(s.Err, dmclient.ErrUntrusted) {
					t.Fail("a Cred with the nonce of the device's Chal", s.Err.Error())
				}
				if i+2 < len(s.Sent) {
					t.Expect(hdrStatus(s.Sent[i+2]).Data, "the device's Status for the message with the server's new credential").To(Equal(fmt.Sprint(syncml.AuthAccepted)))
				}
				return
			}
			t.NotApplicable("a device with an older nonce did not refuse the server's credential: it is not made with the device's nonce, or only shown in messages that the device does not judge")
		}},
	{ID: "SES-68", Level: report.Should, On: "md5", Title: "a refusal has a Status for every command",
		Rule:    "A message that asks for a credential answers SyncHdr and each command of the message that it refuses.",
		Source:  dmAuthentication + " (MS-MDM 4 has a sample without Statuses for the commands of package 1)",
		Fix:     "Write a Status with the code of the refusal for every command of the device's message.",
		Mutants: []*mutants.Mutant{mutants.SesRefusalBare},
		Under:   []string{"SES-08"},
		Run: func(t *T) {
			d := t.Enrolled()
			challengeOf(d, "")
			t.Misbehaves(d, "garbage-digest")
			d.Sync(dmclient.SyncOptions{})
			for _, s := range d.Sessions() {
				for i, m := range s.Received {
					if code := hdrStatus(m).Code(); code != syncml.InvalidCredential && code != syncml.MissingCredential {
						continue
					}
					for k := range s.Sent[i].Body {
						if c := &s.Sent[i].Body[k]; !c.Verb.IsReply() && statusIn(m, c) == nil {
							t.Fail(fmt.Sprintf("a Status for each command in message %d of session %s, which refuses the device", i+1, s.ID), "none for "+nameOf(c))
						}
					}
				}
			}
		}},
}

// lastNonce is the last Status of a session with a NextNonce for the device; nil if
// there is none.
func lastNonce(s *dmclient.Session) (last *syncml.Command) {
	for _, m := range s.Received {
		if hdr := hdrStatus(m); hdr.Chal != nil && hdr.Chal.Meta.NextNonce != "" {
			last = hdr
		}
	}
	return last
}

// showsCred reports whether the server sent a credential of its own.
func showsCred(s *dmclient.Session) bool {
	for _, m := range s.Received {
		if m.Hdr.Cred != nil {
			return true
		}
	}
	return false
}

// keepsCredential is a rule over one session: after 212 nothing more is asked, and
// there is one type of credential.
func keepsCredential(h *suite.Heard) {
	if h.Crossed {
		return // a second session or a restart may end the first one
	}
	accepted, kind := false, ""
	ids := map[string]bool{}
	for i, p := range h.Pairs {
		if p.Sent == nil || ids[p.Sent.Hdr.MsgID] {
			return // to the server it may be another session
		}
		ids[p.Sent.Hdr.MsgID] = true
		hdr := hdrStatus(p.Got)
		asks := hdr.Code() == syncml.InvalidCredential || hdr.Code() == syncml.MissingCredential
		switch {
		case asks && accepted && p.Sent.Hdr.Cred == nil:
			h.Breach(i, "no challenge after Status 212 in the same session", "Status %s for SyncHdr", hdr.Data)
		case asks && hdr.Chal != nil && kind != "" && !strings.EqualFold(hdr.Chal.Meta.Type, kind):
			h.Breach(i, "one type of credential in a session", "a Chal of type %s after one of type %s", suite.Show(hdr.Chal.Meta.Type), suite.Show(kind))
		}
		accepted = accepted || hdr.Code() == syncml.AuthAccepted
		if asks && hdr.Chal != nil {
			kind = hdr.Chal.Meta.Type
		}
	}
}
