package scenarios

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

const dmSecurity = "OMA DM Security 1.2.1 section 5.3; MS-MDM 3.1.5.1"

// sessionAuth are the SES scenarios about credentials beside the certificate.
var sessionAuth = []Scenario{
	{ID: "SES-29", Level: report.Must, On: "md5", Title: "auth-md5: challenge, digest, 212",
		Rule:    "A server that asks for syncml:auth-md5 says so in a Chal with Type, Format b64 and NextNonce, takes the digest that is made with it, and answers 212, or 200 with the next nonce.",
		Source:  dmSecurity,
		Fix:     "Send Chal with Type syncml:auth-md5, Format b64 and NextNonce; verify B64(MD5(B64(MD5(user:password)):nonce)) with the decoded nonce.",
		Mutants: []string{"ses-no-chal"},
		Run:     func(t *T) { authenticates(t, "syncml:auth-md5") }},
	{ID: "SES-30", Level: report.Must, On: "basic", Title: "auth-basic: challenge, credential, 212",
		Rule:    "A server that asks for syncml:auth-basic says so in a Chal with its Type, takes user and password in base64, and answers 212 or 200.",
		Source:  dmSecurity,
		Fix:     "Send Chal with Type syncml:auth-basic, and compare the base64 of user:password.",
		Mutants: []string{"ses-no-chal"},
		Run:     func(t *T) { authenticates(t, "syncml:auth-basic") }},
	{ID: "SES-31", Level: report.Must, On: "md5", Title: "a stale nonce is challenged again",
		Rule:    "A digest that is made with another nonce than the last one is answered 401 with a Chal that carries a new nonce; with that the session goes on.",
		Source:  dmSecurity,
		Fix:     "Verify with the last nonce only; answer 401 with a new one.",
		Mutants: []string{"ses-nonce-any"},
		Run: func(t *T) {
			d := t.Enrolled()
			challengeOf(t, d, "syncml:auth-md5")
			t.Misbehaves(d, "stale-nonce")
			s := d.Sync(dmclient.SyncOptions{})
			i := credMessage(s, 0)
			if i < 0 || i >= len(s.Received) {
				t.NotApplicable("the device was not asked for a credential in the next session")
			}
			hdr := hdrStatus(s.Received[i])
			asked := hdr.Code() == syncml.InvalidCredential || hdr.Code() == syncml.MissingCredential
			t.Expect(asked, "Status %s for SyncHdr in answer to a digest with a stale nonce being 401 or 407", suite.Show(hdr.Data)).To(BeTrue())
			if hdr.Chal == nil || hdr.Chal.Meta.NextNonce == "" {
				t.Fail("a Chal with the next nonce in answer to a stale one", "none")
			}
			d.Survived(s, "a digest with a stale nonce, and then the right one")
		}},
	{ID: "SES-32", Level: report.Should, On: "md5", Title: "a nonce is used once",
		Rule:    "Every session, and every challenge, has a nonce of its own.",
		Source:  dmSecurity + " (replay)",
		Fix:     "Draw a nonce for every challenge and for every 212.",
		Mutants: []string{"ses-nonce-constant"},
		Run: func(t *T) {
			d := t.Enrolled()
			challengeOf(t, d, "syncml:auth-md5")
			for range 2 {
				d.Sync(dmclient.SyncOptions{})
			}
			seen := map[string]bool{}
			for _, s := range d.Sessions() {
				for _, m := range s.Received {
					if c := hdrStatus(m).Chal; c != nil && c.Meta.NextNonce != "" {
						t.Expect(seen[c.Meta.NextNonce], "a NextNonce of session %s being one that was given before", s.ID).To(BeFalse())
						seen[c.Meta.NextNonce] = true
					}
				}
			}
			if len(seen) < 2 {
				t.NotApplicable("the server gave %d nonces", len(seen))
			}
		}},
	{ID: "SES-40", Level: report.Should, On: "md5", Title: "the server's own credential verifies",
		Rule:    "A server that shows a Cred makes it with its own name, the secret of APPAUTH CLIENT and the device's last nonce, decoded.",
		Source:  dmSecurity + "; Learn, \"w7 APPLICATION CSP\"",
		Fix:     "Make the digest with the ProviderID (or AAUTHNAME), AAUTHSECRET of APPAUTH CLIENT and the device's last nonce, decoded.",
		Mutants: []string{"ses-cred-wrong"},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			for i, m := range s.Received {
				if m.Hdr.Cred == nil || i+1 >= len(s.Sent) {
					continue
				}
				hdr := hdrStatus(s.Sent[i+1])
				if hdr.Data == "" {
					continue // it answered the challenge of that message, not the message
				}
				t.Expect(hdr.Data, "the device's Status for the message with the server's credential").To(Equal(strconv.Itoa(syncml.AuthAccepted)))
				return
			}
			t.NotApplicable("the server shows no credential of its own that the device would answer")
		}},
	{ID: "SES-41", Level: report.Must, On: "md5", Title: "407 for a credential that is missing, 401 for a wrong one, 212 for a right one",
		Rule:    "A missing credential is answered 407, a wrong one 401, each with a Chal; a right one 212, or 200 with the nonce of the next message.",
		Source:  dmSecurity + "; OMA DM RepPro 1.2.1 section 10",
		Fix:     "Answer 407 where Cred is missing, 401 where it is wrong, 212 where it is right.",
		Mutants: []string{"ses-407-401"},
		Run: func(t *T) {
			d := t.Enrolled()
			challengeOf(t, d, "")
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			if s.Sent[0].Hdr.Cred == nil {
				t.Expect(hdrStatus(s.Received[0]).Code(), "Status for SyncHdr in answer to a message without a credential").To(Equal(syncml.MissingCredential))
			}
			if i := credMessage(s, 0); i >= 0 && i < len(s.Received) {
				credentialTaken(t, s.Received[i])
			}
			t.Misbehaves(d, "garbage-digest")
			s = t.Managed(d.Sync(dmclient.SyncOptions{}))
			t.Expect(hdrStatus(s.Received[0]).Code(), "Status for SyncHdr in answer to a wrong credential").To(Equal(syncml.InvalidCredential))
		}},
}

// credentials are the SEC scenarios about them.
var credentials = []Scenario{
	{ID: "SEC-05", Level: report.Must, On: "md5", Title: "a digest that was used is refused",
		Rule:    "A message with a digest that was accepted before, sent again as the first of another session, is not taken for the device.",
		Source:  dmSecurity + " (replay)",
		Fix:     "Change the nonce once a digest was taken.",
		Mutants: []string{"ses-nonce-any", "ses-nonce-constant"},
		Run: func(t *T) {
			d := t.Enrolled()
			challengeOf(t, d, "syncml:auth-md5")
			s := t.Managed(d.Sync(dmclient.SyncOptions{}))
			i := credMessage(s, 0)
			if i < 0 || i >= len(s.Received) || !syncml.Success(hdrStatus(s.Received[i]).Code()) {
				t.NotApplicable("no digest was accepted in the session (see SES-29)")
			}
			d.Sync(dmclient.SyncOptions{}) // others may come between
			m := *s.Sent[i]
			m.Hdr.SessionID, m.Hdr.MsgID = "AF", "1"
			body, err := syncml.Write(&m)
			if err != nil {
				t.NotApplicable("%v", err)
			}
			turnsAway(t, d.Post("a digest that was used before", syncml.MediaType, string(body), dmclient.SyncOptions{}), "a message with a digest that was used before")
		}},
	{ID: "SEC-16", Level: report.Must, On: "md5", Title: "no command along with a refusal or a challenge",
		Rule:    "The message that refuses a device or asks it for its credential carries no command: nothing is known yet of who is there.",
		Source:  dmSecurity,
		Fix:     "Write nothing but Statuses and Chal into a refusal.",
		Mutants: []string{"sec-401-commands"},
		Run: func(t *T) {
			d := t.Enrolled()
			challengeOf(t, d, "")
			t.Misbehaves(d, "garbage-digest")
			d.Sync(dmclient.SyncOptions{})
			for _, s := range d.Sessions() {
				for i, m := range s.Received {
					if !syncml.Success(hdrStatus(m).Code()) && m.HasCommands() {
						t.Fail("no command in a message that refuses or challenges", fmt.Sprintf("message %d of session %s answers SyncHdr with %s and has commands", i+1, s.ID, hdrStatus(m).Data))
					}
				}
			}
		}},
	{ID: "SEC-17", Level: report.Must, On: "md5", Title: "a garbage or empty digest is refused",
		Rule:    "A credential that is no digest, or an empty one, is not taken: no message of the session gets a success for its SyncHdr.",
		Source:  dmSecurity,
		Fix:     "Compare the digest with the expected one, in full.",
		Mutants: []string{"sec-garbage"},
		Run: func(t *T) {
			d := t.Enrolled()
			challengeOf(t, d, "")
			garbage := func() { t.Misbehaves(d, "garbage-digest") }
			empty := func() {
				d.AddFault(rewrite(func(m *syncml.Message) {
					m.Hdr.Cred = &syncml.Cred{Meta: &syncml.Meta{Type: "syncml:auth-md5", Format: "b64"}}
				}))
			}
			for what, spoil := range map[string]func(){"a garbage digest": garbage, "an empty digest": empty} {
				d.ClearFaults()
				spoil()
				for i, m := range d.Sync(dmclient.SyncOptions{}).Received {
					t.Expect(syncml.Success(hdrStatus(m).Code()), "message %d with %s being answered %s for its SyncHdr, a success", i+1, what, hdrStatus(m).Data).To(BeFalse())
				}
			}
		}},
}

// hdrStatus is the Status for SyncHdr in a message; a zero one where there is
// none.
func hdrStatus(m *syncml.Message) *syncml.Command {
	for _, c := range statuses(m) {
		if c.CmdRef == "0" {
			return &c
		}
	}
	return &syncml.Command{}
}

// credMessage is the first message of the device, from one on, that carries a
// credential; -1 if none does.
func credMessage(s *dmclient.Session, from int) int {
	for i := from; i < len(s.Sent); i++ {
		if s.Sent[i].Hdr.Cred != nil {
			return i
		}
	}
	return -1
}

// challenge is the first challenge that the server gave the device, of that
// kind where one is named; the body ends as not applicable where none came.
func challengeOf(t *T, d *Device, kind string) (s *dmclient.Session, at int) {
	d.First()
	for _, s := range d.Sessions() {
		for i, m := range s.Received {
			hdr := hdrStatus(m)
			if hdr.Code() != syncml.InvalidCredential && hdr.Code() != syncml.MissingCredential {
				continue
			}
			if hdr.Chal == nil || kind == "" || strings.EqualFold(hdr.Chal.Meta.Type, kind) {
				return s, i
			}
		}
	}
	t.NotApplicable("the server asks devices for no credential %s beside the certificate", kind)
	return nil, 0
}

// authenticates follows a challenge to its end.
func authenticates(t *T, kind string) {
	d := t.Enrolled()
	s, at := challengeOf(t, d, kind)
	chal := hdrStatus(s.Received[at]).Chal
	if chal == nil {
		t.Fail("a Chal that says how to authenticate, beside Status "+hdrStatus(s.Received[at]).Data+" for SyncHdr", "none")
	}
	t.Expect(strings.ToLower(chal.Meta.Type), "Type of the Chal").To(Equal(kind))
	if kind == "syncml:auth-md5" {
		t.Expect(chal.Meta.Format, "Format of the Chal").To(Equal("b64"))
		t.Expect(chal.Meta.NextNonce, "NextNonce of the Chal").To(Not(BeEmpty()))
	}
	i := credMessage(s, at+1)
	if i < 0 || i >= len(s.Received) {
		t.Exchanges(s)
		t.Fail("an answer to the message with the credential", s.End)
	}
	credentialTaken(t, s.Received[i])
	d.Survived(s, "the credential that was asked for")
}

// accepted fails unless a message says that the credential was taken.
func credentialTaken(t *T, m *syncml.Message) {
	hdr := hdrStatus(m)
	ok := hdr.Code() == syncml.AuthAccepted || hdr.Code() == syncml.OK
	t.Expect(ok, "Status %s for SyncHdr in answer to the right credential being 212, or 200", suite.Show(hdr.Data)).To(BeTrue())
}

// rewrite is a fault of one scenario: it changes every message.
type rewrite func(*syncml.Message)

// Fault implements dmclient.Fault.
func (rewrite) Fault() string { return "changes its messages" }

// Rewrite implements dmclient.Rewriter.
func (f rewrite) Rewrite(m *syncml.Message, _ int) { f(m) }
