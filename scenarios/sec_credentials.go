package scenarios

import (
	"encoding/base64"
	"fmt"
	"net/http"

	"github.com/dmwake/dmwake/scenarios/suite"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// credentials are the SEC scenarios about credentials in sessions.
var credentials = []Scenario{
	{ID: "SEC-05", Level: report.Must, On: "md5", Title: "a used digest is refused",
		Rule:    "A message whose digest was accepted before does not authenticate the device when it is sent again as the first message of another session.",
		Source:  dmSecurity + " (replay)",
		Fix:     "Change the nonce as soon as a digest is accepted, not only when a device is challenged.",
		Mutants: []*mutants.Mutant{mutants.SesNonceAny, mutants.SesNonceConstant, mutants.SesNonceKept},
		Under:   []string{"SES-31", "SES-32"},
		Run: func(t *T) {
			needsCredential(t.Enrolled(), authMD5)
			device := askable(t)
			t.Try("at once", func() { replays(device(), 0) })
			t.Try("after another session", func() { replays(device(), 1) })
		}},
	{ID: "SEC-16", Level: report.Must, On: "md5", Title: "no command along with a refusal or a challenge",
		Rule:    "A message that refuses a device, or asks for its credential, carries no command: the server does not yet know who is calling.",
		Source:  dmSecurity,
		Fix:     "Send only Statuses and Chal in a refusal.",
		Mutants: []*mutants.Mutant{mutants.Sec401Commands},
		Under:   []string{"SEC-01"},
		Run: func(t *T) {
			d := t.Enrolled()
			challengeOf(d, "")
			t.Misbehaves(d, "garbage-digest")
			d.Sync(dmclient.SyncOptions{})
			for _, s := range d.Sessions() {
				for i, m := range s.Received {
					noCommandsInRefusal(t, m, fmt.Sprintf("message %d of session %s", i+1, s.ID))
				}
			}
		}},
	{ID: "SEC-17", Level: report.Must, On: "md5", Title: "a garbage or empty digest is refused",
		Rule:    "A credential that is not a digest, or is empty, is not accepted: no message of the session gets a success Status for its SyncHdr.",
		Source:  dmSecurity,
		Fix:     "Compare the whole digest with the expected one.",
		Mutants: []*mutants.Mutant{mutants.SecGarbage},
		Run: func(t *T) {
			needsCredential(t.Enrolled(), "")
			for _, in := range []struct{ what, digest string }{
				{"a digest that is not base64", "!!!"},
				{"a digest of four bytes", "Z2FyYg=="},
				{"a digest of zeros", "AAAAAAAAAAAAAAAAAAAAAA=="},
				{"an empty digest", ""},
			} {
				t.Try(in.what, func() {
					d := t.Next()
					d.AddFault(rewrite(func(m *syncml.Message) {
						m.Hdr.Cred = &syncml.Cred{Meta: &syncml.Meta{Type: authMD5, Format: "b64"}, Data: in.digest}
					}))
					s := d.Sync(dmclient.SyncOptions{})
					if len(s.Exchanges) == 0 {
						t.Error("no session could be tried: %v", s.Err)
					}
					for i, ex := range s.Exchanges {
						answersSoundly(t, ex, fmt.Sprintf("message %d", i+1))
					}
					for i, m := range s.Received {
						hdr := hdrStatus(m)
						t.Check(hdr.Data != "" && !syncml.Success(hdr.Code()), "a refusal of a credential that is not a digest, such as Status 401 for SyncHdr",
							fmt.Sprintf("Status %s in reply to message %d", suite.Show(hdr.Data), i+1))
					}
				})
			}
		}},
	{ID: "SEC-18", Level: report.Should, On: "md5", Title: "nonces cannot be guessed",
		Rule:    "Who knows earlier nonces cannot tell the next one: it has at least 8 bytes, and is no counter and no time.",
		Source:  dmSecurity + "; CWE-330, CWE-341",
		Fix:     "Make each nonce of 16 bytes from a generator for cryptography.",
		Mutants: []*mutants.Mutant{mutants.SecNonceCounter, mutants.SecNonceShort},
		Under:   []string{"SES-32"},
		Run:     unguessable},
}

// fewestBytes is how many bytes a nonce needs at least, and how many of them have to
// differ from one nonce to the next: half of them do not in a counter or a time. The
// numbers are ours.
const (
	fewestBytes = 8
	fewestNew   = 4
)

// unguessable compares the nonces that the server gave some devices.
func unguessable(t *T) {
	needsCredential(t.Enrolled(), authMD5)
	device := askable(t)
	var given [][]byte
	for range 2 {
		d := device()
		d.Sync(dmclient.SyncOptions{})
		for _, s := range d.Sessions() {
			for _, m := range s.Received {
				if c := hdrStatus(m).Chal; c != nil && c.Meta.NextNonce != "" {
					given = append(given, nonceBytes(c.Meta.NextNonce))
				}
			}
		}
	}
	if len(given) < 2 {
		t.NotApplicable("the server sent one nonce in all, so there is nothing to compare")
	}
	for i, n := range given {
		t.Check(len(n) >= fewestBytes, fmt.Sprintf("a nonce of %d bytes or more", fewestBytes), fmt.Sprintf("%d bytes", len(n)))
		if i == 0 || string(n) == string(given[i-1]) {
			continue // SES-32 judges a nonce that is used twice
		}
		changed := changedBytes(given[i-1], n)
		t.Check(changed >= fewestNew, fmt.Sprintf("a nonce that differs from the one before in %d bytes or more", fewestNew), fmt.Sprintf("%d of %d bytes differ: a counter or a time", changed, len(n)))
	}
}

// nonceBytes decodes a NextNonce, which is in base64 as its Format says. A server may
// mean its text all the same.
func nonceBytes(s string) []byte {
	if raw, err := base64.StdEncoding.DecodeString(s); err == nil {
		return raw
	}
	return []byte(s)
}

// changedBytes is at how many places two texts differ.
func changedBytes(a, b []byte) int {
	n := max(len(a), len(b)) - min(len(a), len(b))
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

// replays repeats a message whose digest was accepted, after some other sessions.
func replays(d *Device, others int) {
	t := d.T
	s := t.Managed(d.Sync(dmclient.SyncOptions{}))
	i := credMessage(s, 0)
	if i < 0 {
		t.NotApplicable("the server asked for no credential in the device's session")
	}
	if i >= len(s.Received) || !syncml.Success(hdrStatus(s.Received[i]).Code()) {
		t.Blocked(suite.By("SES-29", "SES-65"), "no digest was accepted in the session: %s", s.End)
	}
	for range others {
		d.Sync(dmclient.SyncOptions{})
	}
	m := *s.Sent[i]
	m.Hdr.SessionID, m.Hdr.MsgID = "4711", "1"
	body, err := syncml.Write(&m)
	if err != nil {
		t.Error("the message could not be written: %v", err)
	}
	ex := d.Post("a message with a digest that was used before", syncml.MediaType, string(body), dmclient.SyncOptions{})
	answersSoundly(t, ex, "the message")
	if ex.Status != http.StatusOK {
		return
	}
	reply, err := syncml.Read(ex.Response)
	const want = "a refusal of a digest that was used before, such as Status 401 for SyncHdr"
	if err != nil {
		t.Fail(want, "HTTP status 200 and a body that is not SyncML: "+err.Error())
	}
	hdr := hdrStatus(reply)
	t.Check(hdr.Data != "" && !syncml.Success(hdr.Code()), want, "Status "+suite.Show(hdr.Data))
}

// answersSoundly fails if a message that must be refused got no answer, or a
// server error.
func answersSoundly(t *T, ex *dmclient.Exchange, what string) {
	switch {
	case ex.Err != nil:
		t.Control()
		t.Fail("a refusal of "+what, "no answer: "+ex.Err.Error())
	case ex.Status >= http.StatusInternalServerError:
		t.Control()
		t.Fail("a refusal of "+what, fmt.Sprintf("HTTP status %d", ex.Status))
	}
}

// noCommandsInRefusal fails if a message that refuses the device has commands.
func noCommandsInRefusal(t *T, m *syncml.Message, where string) {
	hdr := hdrStatus(m)
	if hdr.Data == "" || syncml.Success(hdr.Code()) {
		return
	}
	for _, c := range m.Body {
		if !c.Verb.IsReply() {
			t.Fail("no command in a message that refuses or challenges", fmt.Sprintf("%s %s in %s, which answers SyncHdr with %s", c.Verb, c.Target(), where, hdr.Data))
		}
	}
}
