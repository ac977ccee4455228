package mdmserver

import (
	"crypto/md5" //nolint:gosec // syncml:auth-md5 is the protocol's
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// Kinds of session authentication beside mutual TLS.
const (
	AuthBasic = "basic"
	AuthMD5   = "md5"
)

// credentials are what a device and this server show each other in sessions.
type credentials struct {
	name, secret string // the device's
	nonce        []byte // the next digest of the device is made with it
	serverSecret string
	serverNonce  []byte // the next digest of this server, as the device said
}

func newCredentials(id string) credentials {
	return credentials{name: id, secret: rand.Text(), nonce: newNonce(), serverSecret: rand.Text(), serverNonce: newNonce()}
}

func newNonce() []byte {
	b := make([]byte, 16)
	rand.Read(b)
	return b
}

// hash is the digest of OMA DM Security 1.2.1 section 5.3.1.1.
func hash(name, secret string, nonce []byte) string {
	b64 := base64.StdEncoding
	account := md5.Sum([]byte(name + ":" + secret))                              //nolint:gosec // as above
	sum := md5.Sum([]byte(b64.EncodeToString(account[:]) + ":" + string(nonce))) //nolint:gosec // as above
	return b64.EncodeToString(sum[:])
}

// admit checks the device's credential where sessions need one: 212 once it is
// right, 407 where it is missing, 401 where it is wrong, the latter two with a
// challenge.
func (s *Server) admit(d *device, sess *session, m *syncml.Message) (code int, chal *syncml.Chal) {
	kind := s.cfg.SessionAuth
	if kind == "" && s.is("sec-challenge-any") {
		kind = AuthBasic
	}
	if kind == "" || sess.admitted {
		return syncml.OK, nil
	}
	challenge := func() *syncml.Chal {
		if kind == AuthBasic {
			return &syncml.Chal{Meta: syncml.Meta{Type: "syncml:auth-basic", Format: "b64"}}
		}
		if !s.is("ses-nonce-constant") {
			d.auth.nonce = newNonce()
		}
		return &syncml.Chal{Meta: syncml.Meta{Type: "syncml:auth-md5", Format: "b64", NextNonce: base64.StdEncoding.EncodeToString(d.auth.nonce)}}
	}
	cred := m.Hdr.Cred
	if cred == nil && s.is("ses-407-401") {
		return syncml.InvalidCredential, challenge()
	}
	if cred == nil {
		return syncml.MissingCredential, challenge()
	}
	want := base64.StdEncoding.EncodeToString([]byte(d.auth.name + ":" + d.auth.secret))
	if kind == AuthMD5 {
		want = hash(d.auth.name, d.auth.secret, d.auth.nonce)
	}
	if subtle.ConstantTimeCompare([]byte(want), []byte(strings.TrimSpace(cred.Data))) != 1 && !s.takesAny(cred.Data) {
		return syncml.InvalidCredential, challenge()
	}
	sess.admitted = true
	if kind == AuthBasic || s.is("ses-nonce-kept") {
		return syncml.AuthAccepted, nil
	}
	return syncml.AuthAccepted, challenge()
}

// ownCred is what the server shows the device, until the device answered 212.
func (s *Server) ownCred(d *device, sess *session) *syncml.Cred {
	if s.cfg.SessionAuth != AuthMD5 || sess.trusted {
		return nil
	}
	name := s.cfg.ProviderID
	if s.is("ses-cred-wrong") {
		name = "another name"
	}
	return &syncml.Cred{Meta: &syncml.Meta{Type: "syncml:auth-md5", Format: "b64"},
		Data: hash(name, d.auth.serverSecret, d.auth.serverNonce)}
}

// judged takes in what the device says of that; unread tells that it refused
// the message as a whole.
func (d *device) judged(sess *session, c *syncml.Command) (unread bool) {
	if c.Chal != nil {
		if nonce, err := base64.StdEncoding.DecodeString(c.Chal.Meta.NextNonce); err == nil && len(nonce) > 0 {
			d.auth.serverNonce = nonce
		}
	}
	switch c.Code() {
	case syncml.AuthAccepted:
		sess.trusted = true
	case syncml.InvalidCredential, syncml.MissingCredential:
		// What the device refused unread goes out again, once.
		if sess.distrusted++; sess.distrusted == 1 {
			for _, k := range d.Commands {
				if k.State == stateSent {
					k.State = stateQueued
				}
			}
			sess.planned = false
		}
		return true
	}
	return false
}

// refusal answers a message of a device that is not authenticated: every
// command gets the code of the header, and the server says nothing more.
func refusal(out *syncml.Message, code int, chal *syncml.Chal) *syncml.Message {
	for i := range out.Body {
		out.Body[i].Data = strconv.Itoa(code)
		if out.Body[i].CmdRef == "0" {
			out.Body[i].Chal = chal
		}
		out.Body[i].CmdID = strconv.Itoa(i + 1)
	}
	return out
}
