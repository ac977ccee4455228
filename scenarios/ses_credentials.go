package scenarios

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

const dmSecurity = "OMA DM Security 1.2.1 section 5.3; MS-MDM 1.3.1"

// The types of credential in SyncML.
const (
	authMD5   = "syncml:auth-md5"
	authBasic = "syncml:auth-basic"
)

// sessionCredentials are the SES scenarios about credentials other than the
// certificate.
var sessionCredentials = []Scenario{
	{ID: "SES-29", Level: report.Must, On: "md5", Title: "auth-md5: challenge, digest, 212",
		Rule:    "A server that asks for syncml:auth-md5 does so in a Chal with Type, Format b64 and NextNonce. It accepts a digest made with that nonce, and answers 212, or 200 with the next nonce.",
		Source:  dmSecurity,
		Fix:     "Send Chal with Type syncml:auth-md5, Format b64 and NextNonce; verify B64(MD5(B64(MD5(user:password)):nonce)) with the decoded nonce.",
		Mutants: []*mutants.Mutant{mutants.SesNoChal},
		Decides: []suite.Premise{suite.Proves},
		Run:     func(t *T) { authenticates(t, authMD5) }},
	{ID: "SES-30", Level: report.Must, On: "basic", Title: "auth-basic: challenge, credential, 212",
		Rule:    "A server that asks for syncml:auth-basic does so in a Chal with that Type. It accepts user and password in base64, and answers 212 or 200.",
		Source:  dmSecurity,
		Fix:     "Send Chal with Type syncml:auth-basic, and compare the base64 of user:password.",
		Mutants: []*mutants.Mutant{mutants.SesNoChal},
		Decides: []suite.Premise{suite.Proves},
		Run:     func(t *T) { authenticates(t, authBasic) }},
	{ID: "SES-31", Level: report.Must, On: "md5", Title: "a stale nonce is challenged again",
		Rule:    "A digest made with any nonce but the last one is answered with 401 (or 407) and a Chal with a new nonce. With the new nonce the session goes on.",
		Source:  dmSecurity,
		Fix:     "Verify with the last nonce only; answer 401 with a new one.",
		Mutants: []*mutants.Mutant{mutants.SesNonceAny},
		Under:   []string{"SEC-01", "SES-29", "SEC-17"},
		Run: func(t *T) {
			needsCredential(t.Enrolled(), authMD5)
			d := askable(t)()
			t.Misbehaves(d, "stale-nonce")
			s := d.Sync(dmclient.SyncOptions{})
			i := credMessage(s, 0)
			if i < 0 {
				t.Managed(s)
				t.NotApplicable("the server did not ask for a credential in the device's session")
			}
			if i >= len(s.Received) {
				runsToEnd(d, s, "a digest with a stale nonce")
			}
			hdr := hdrStatus(s.Received[i])
			t.Check(hdr.Code() == syncml.InvalidCredential || hdr.Code() == syncml.MissingCredential,
				"Status 401 for SyncHdr in reply to a digest with a stale nonce", "Status "+suite.Show(hdr.Data))
			t.Check(hdr.Chal != nil && hdr.Chal.Meta.NextNonce != "", "a Chal with NextNonce in reply to a digest with a stale nonce", "none")
			endsOrDistrusts(d, s, "a digest with a stale nonce, and then the right one")
		}},
	{ID: "SES-32", Level: report.Should, On: "md5", Title: "a nonce is used once",
		Rule:    "Every session, and every challenge, has its own nonce.",
		Source:  dmSecurity + " (replay)",
		Fix:     "Generate a nonce for every challenge and for every 212.",
		Mutants: []*mutants.Mutant{mutants.SesNonceConstant},
		Run: func(t *T) {
			d := t.Enrolled()
			needsCredential(d, authMD5)
			for range 2 {
				d.Sync(dmclient.SyncOptions{})
			}
			given := map[string]string{}
			for _, s := range d.Sessions() {
				for i, m := range s.Received {
					c := hdrStatus(m).Chal
					if c == nil || c.Meta.NextNonce == "" {
						continue
					}
					where := fmt.Sprintf("message %d of session %s", i+1, s.ID)
					if before := given[c.Meta.NextNonce]; before != "" {
						t.Fail("a new nonce in "+where, "the nonce of "+before)
					}
					given[c.Meta.NextNonce] = where
				}
			}
			if len(given) < 2 {
				t.NotApplicable("the server sent one nonce in %d sessions, and asked for no further digest", len(d.Sessions()))
			}
		}},
	{ID: "SES-40", Level: report.Must, Uses: []Need{NeedWork}, On: "md5", Title: "the server's own credential verifies",
		Rule:    "A server that sends a Cred computes it from its own name, the secret of APPAUTH CLIENT and the device's last nonce, decoded. It is right in every session, and its Format is b64.",
		Source:  dmSecurity + "; OMA DM RepPro 1.2.1 section 6.1.6; Learn, \"w7 APPLICATION CSP\"",
		Fix:     "Compute the digest from the ProviderID (or AAUTHNAME), AAUTHSECRET of APPAUTH CLIENT and the device's last nonce, decoded.",
		Mutants: []*mutants.Mutant{mutants.SesCredWrong, mutants.SesCredFormat, mutants.SesCredFirstNonce},
		Under:   []string{"SES-65"},
		Run: func(t *T) {
			d := t.Enrolled()
			shown, judged := false, false
			for i, s := range []*dmclient.Session{d.First(), t.Managed(busy(d)), t.Managed(d.Sync(dmclient.SyncOptions{}))} {
				shown = shown || showsCred(s)
				judged = credVerifies(t, s, i == 0) || judged
			}
			switch {
			case judged:
			case shown:
				t.NotApplicable("the server sends a credential only in messages that the device does not answer")
			default:
				t.NotApplicable("the server's messages have no Cred: it does not authenticate itself")
			}
		}},
	{ID: "SES-41", Level: report.Must, On: "md5", Title: "407 for a missing credential, 401 for a wrong one, 212 for a right one",
		Rule:    "A missing credential is answered with 407, a wrong one with 401, each with a Chal. A right one is answered with 212, or 200 with the nonce for the next message.",
		Source:  dmSecurity + "; OMA DM RepPro 1.2.1 section 10",
		Fix:     "Answer 407 if Cred is missing, 401 if it is wrong, 212 if it is right.",
		Mutants: []*mutants.Mutant{mutants.Ses407401},
		Under:   []string{"SES-29", "SES-30", "SEC-17"},
		Run: func(t *T) {
			needsCredential(t.Enrolled(), "")
			device := askable(t)
			right := t.Managed(device().Sync(dmclient.SyncOptions{}))
			answered := func(d *Device, what string, want int) {
				s := d.Sync(dmclient.SyncOptions{})
				if len(s.Received) == 0 {
					runsToEnd(d, s, "%s", what)
				}
				t.Expect(hdrStatus(s.Received[0]).Data, "Status for SyncHdr in reply to %s", what).To(Equal(strconv.Itoa(want)))
				t.Check(hdrStatus(s.Received[0]).Chal != nil, "a Chal in reply to "+what, "none")
			}
			t.Try("a missing credential", func() {
				d := device()
				d.AddFault(rewrite(func(m *syncml.Message) {
					if m.Hdr.MsgID == "1" {
						m.Hdr.Cred = nil
					}
				}))
				answered(d, "a message without a credential", syncml.MissingCredential)
			})
			t.Try("a wrong credential", func() {
				d := device()
				t.Misbehaves(d, "garbage-digest")
				answered(d, "a wrong credential", syncml.InvalidCredential)
			})
			t.Try("a right credential", func() {
				if i := credMessage(right, 0); i >= 0 && i < len(right.Received) {
					credentialTaken(t, right.Received[i])
					return
				}
				t.Blocked(suite.By("SES-29", "SES-30"), "the message with a credential got no answer: %s", right.End)
			})
		}},
}

// credVerifies fails if the device refused the server's credential in a session. judged
// says that the device looked at one. In the first session the server may not know the
// device's nonce yet: then the credential after the device's challenge counts, which
// SES-67 judges.
func credVerifies(t *T, s *dmclient.Session, first bool) (judged bool) {
	for i, m := range s.Received {
		if hdr := hdrStatus(m); hdr.Data == "" {
			t.Blocked(suite.By("SES-08"), "the server's message %d has no Status for SyncHdr", i+1)
		} else if !syncml.Success(hdr.Code()) && hdr.Chal == nil {
			t.Blocked(suite.By("SES-29", "SES-30"), "the server asks for a credential, but sends no Chal that says which")
		}
		if m.Hdr.Cred == nil {
			continue
		}
		if meta := m.Hdr.Cred.Meta; meta != nil {
			t.Expect(meta.Format, "Format of the server's Cred").To(Or(Equal("b64"), BeEmpty()))
		}
		if i+1 >= len(s.Sent) {
			continue
		}
		hdr := hdrStatus(s.Sent[i+1])
		if asked := hdrStatus(m).Code(); hdr.Data == "" || asked == syncml.MissingCredential || asked == syncml.InvalidCredential {
			continue // it answers the challenge, not the message
		}
		if first && hdr.Code() == syncml.InvalidCredential {
			continue
		}
		t.Expect(hdr.Data, "the device's Status for the message with the server's credential, in session %s", s.ID).To(Equal(strconv.Itoa(syncml.AuthAccepted)))
		return true
	}
	return false
}

// askable returns a function that makes devices whose next session the server asks
// for a credential. A server may ask a device only in its first session and know it
// by its certificate from then on; then these devices had no session yet. Otherwise
// they had one, so that a server which fails at first sessions (SES-01) hides
// nothing here.
func askable(t *T) func() *Device {
	if t.Lab.Config.Target.Shared() {
		return t.Next
	}
	for _, m := range t.Next().Sync(dmclient.SyncOptions{}).Received {
		if hdr := hdrStatus(m); hdr.Chal != nil || hdr.Code() == syncml.AuthAccepted {
			return t.Next
		}
	}
	return t.EnrolledOnly
}

// credMessage returns the index of the device's first message with a credential,
// starting at from; -1 if there is none.
func credMessage(s *dmclient.Session, from int) int {
	for i := from; i < len(s.Sent); i++ {
		if s.Sent[i].Hdr.Cred != nil {
			return i
		}
	}
	return -1
}

// challengeOf returns the server's first challenge to the device, of a given kind
// unless kind is empty. The body ends if there is none.
func challengeOf(d *Device, kind string) (s *dmclient.Session, at int) {
	t := d.T
	d.First()
	other := ""
	for _, s := range d.Sessions() {
		for i, m := range s.Received {
			hdr := hdrStatus(m)
			if hdr.Data == "" && i == 0 {
				t.Blocked(suite.By("SES-08"), "the server's first message has no Status for SyncHdr, so it cannot ask for a credential")
			}
			if hdr.Code() != syncml.InvalidCredential && hdr.Code() != syncml.MissingCredential {
				continue
			}
			if hdr.Chal == nil || kind == "" || strings.EqualFold(hdr.Chal.Meta.Type, kind) {
				return s, i
			}
			other = hdr.Chal.Meta.Type
		}
	}
	if other != "" {
		t.NotApplicable("the server asks devices for %s, not for %s", other, kind)
	}
	for _, s := range d.Sessions() {
		switch i := credMessage(s, 0); {
		case i >= 0:
			t.NotApplicable("the server accepted the credential that the device sent unasked, and never asked for one")
		case asksNothing(s):
			t.Blocked(suite.By("SEC-01"), "%s", nothingAsked)
		}
	}
	for _, ex := range d.First().Exchanges {
		if ex.AskedForCertificate {
			t.NotApplicable("the server identifies devices by their TLS client certificate")
		}
	}
	t.NotApplicable("the server identifies devices by the signature of their messages (MS-Signature)")
	return nil, 0
}

// needsCredential ends the body unless the server challenges devices with a Chal
// that they can answer.
func needsCredential(d *Device, kind string) {
	s, at := challengeOf(d, kind)
	if hdrStatus(s.Received[at]).Chal == nil {
		d.T.Blocked(suite.By("SES-29", "SES-30"), "the server asks for a credential, but sends no Chal that says which")
	}
}

// authenticates follows a challenge until the credential is accepted.
func authenticates(t *T, kind string) {
	d := t.Enrolled()
	s, at := challengeOf(d, kind)
	chal := hdrStatus(s.Received[at]).Chal
	if chal == nil {
		t.Fail("a Chal that says how to authenticate, along with Status "+hdrStatus(s.Received[at]).Data+" for SyncHdr", "none")
	}
	t.Expect(strings.ToLower(chal.Meta.Type), "Type of the Chal").To(Equal(kind))
	if kind == authMD5 {
		t.Expect(chal.Meta.Format, "Format of the Chal").To(Equal("b64"))
		t.Expect(chal.Meta.NextNonce, "NextNonce of the Chal").To(Not(BeEmpty()))
	}
	i := credMessage(s, at+1)
	if i < 0 || i >= len(s.Received) {
		t.Exchanges(s)
		t.Fail("an answer to the message with the credential", s.End)
	}
	credentialTaken(t, s.Received[i])
	endsOrDistrusts(d, s, "the requested credential")
}

// endsOrDistrusts is runsToEnd, except for a session that the device ended because
// the server's own credential is wrong: SES-40 judges that.
func endsOrDistrusts(d *Device, s *dmclient.Session, what string) {
	if !errors.Is(s.Err, dmclient.ErrUntrusted) {
		runsToEnd(d, s, "%s", what)
	}
}

// credentialTaken fails unless a message says that the credential was accepted.
func credentialTaken(t *T, m *syncml.Message) {
	hdr := hdrStatus(m)
	t.Check(hdr.Code() == syncml.AuthAccepted || hdr.Code() == syncml.OK,
		"Status 212 or 200 for SyncHdr in reply to the right credential", "Status "+suite.Show(hdr.Data))
}
