package mutants

import (
	"encoding/base64"
	"fmt"
	"strconv"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Mutants of credentials over several messages and sessions.
var (
	SesNonceForgotten = &Mutant{"ses-nonce-forgotten", "asks for a digest with each message, and verifies it with the nonce of the session's first", func(t *tamper) {
		first := map[*mdmserver.Session][]byte{}
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			if nonce := first[v.Device.Session]; !v.Opens && nonce != nil {
				v.Device.Auth.Nonce = nonce
			}
			return 0
		})
		t.Admit = append(t.Admit, func(v *mdmserver.Visit, a *mdmserver.Admission) {
			if a.Code == syncml.AuthAccepted && a.Kind == mdmserver.AuthMD5 {
				a.Code = syncml.OK
				first[v.Device.Session] = v.Device.Auth.Nonce
			}
		})
	}}
	SesNonceOfSession = &Mutant{"ses-nonce-of-session", "forgets its nonce when a session ends", func(t *tamper) {
		hook.On(t, mdmserver.SessionBegins, func(c *mdmserver.Change) { c.Device.Auth.Nonce = []byte("a nonce that it never told") })
	}}
	SesCredStale = &Mutant{"ses-cred-stale", "does not read the nonce of a device that refuses its credential", func(t *tamper) {
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			for i := range v.In.Body {
				if c := &v.In.Body[i]; c.Verb == syncml.Status && c.Code() == syncml.InvalidCredential {
					c.Chal = nil
				}
			}
			return 0
		})
	}}
	SesCredFirstNonce = &Mutant{"ses-cred-first-nonce", "makes its credential with the device's first nonce for ever", func(t *tamper) {
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			for i := range v.In.Body {
				if c := &v.In.Body[i]; c.Verb == syncml.Status {
					c.Chal = nil
				}
			}
			return 0
		})
	}}
	SesCredFormat = &Mutant{"ses-cred-format", "says that its credential is chr", func(t *tamper) {
		t.Reply = append(t.Reply, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			if c := r.Message.Hdr.Cred; c != nil {
				c.Meta.Format = "chr"
			}
		})
	}}
	SesRefusalBare = &Mutant{"ses-refusal-bare", "answers no command of a message that it refuses", func(t *tamper) {
		t.Reply = append(t.Reply, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			if r.Refused && asks(&r.Message.Body[0]) {
				r.Message.Body = r.Message.Body[:1]
			}
		})
	}}
	SesAskedAgain = &Mutant{"ses-asked-again", "asks for the digest once more at the end of a session", func(t *tamper) {
		refused, accepted := map[*mdmserver.Session]bool{}, map[*mdmserver.Session]bool{}
		t.Reply = append(t.Reply, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			s, st := v.Device.Session, &r.Message.Body[0]
			switch {
			case r.Refused:
				refused[s] = refused[s] || st.Code() == syncml.InvalidCredential
			case st.Code() == syncml.AuthAccepted:
				accepted[s] = !refused[s] // devices bear no third challenge
			case accepted[s] && len(r.Plan) == 0 && v.In.Final:
				accepted[s] = false
				v.Device.Auth.Nonce = []byte("another nonce " + s.ID)
				st.Data = strconv.Itoa(syncml.MissingCredential)
				st.Chal = &syncml.Chal{Meta: syncml.Meta{Type: "syncml:auth-md5", Format: "b64", NextNonce: base64.StdEncoding.EncodeToString(v.Device.Auth.Nonce)}}
			}
		})
	}}
	SesChalType = &Mutant{"ses-chal-type", "asks for a password first, and then for a digest", func(t *tamper) {
		t.Reply = append(t.Reply, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if st := &r.Message.Body[0]; r.Refused && st.Code() == syncml.MissingCredential && st.Chal != nil && v.Opens {
				st.Chal = &syncml.Chal{Meta: syncml.Meta{Type: "syncml:auth-basic", Format: "b64"}}
			}
		})
	}}
	SecNonceCounter = &Mutant{"sec-nonce-counter", "counts its nonces", func(t *tamper) {
		n := 0
		nonces(t, func() []byte { n++; return fmt.Appendf(nil, "nonce %010d", n) })
	}}
	SecNonceShort = &Mutant{"sec-nonce-short", "makes nonces of four bytes", func(t *tamper) {
		t.Admit = append(t.Admit, func(_ *mdmserver.Visit, a *mdmserver.Admission) { a.Nonce = a.Nonce[:4] })
	}}
)

var digests = []*Mutant{SesNonceForgotten, SesNonceOfSession, SesCredStale, SesCredFirstNonce, SesCredFormat, SesRefusalBare, SesAskedAgain, SesChalType, SecNonceCounter, SecNonceShort}

// asks tells whether a Status of SyncHdr asks for a credential.
func asks(st *syncml.Command) bool {
	return st.Code() == syncml.InvalidCredential || st.Code() == syncml.MissingCredential
}

// nonces lets f make the server's nonces.
func nonces(t *tamper, f func() []byte) {
	t.Admit = append(t.Admit, func(_ *mdmserver.Visit, a *mdmserver.Admission) { a.Nonce = f() })
}
