package mdmserver

import (
	"crypto/md5" //nolint:gosec // syncml:auth-md5 is the protocol's
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"strings"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// Kinds of session authentication beside mutual TLS.
const (
	AuthBasic = "basic"
	AuthMD5   = "md5"
)

// Credentials are what a device and this server show each other in sessions.
type Credentials struct {
	Name, Secret string // the device's
	Nonce        []byte // of the device's next digest
	ServerSecret string
	ServerNonce  []byte // of this server's next digest, as the device said
}

func newCredentials(id string) Credentials {
	return Credentials{Name: id, Secret: rand.Text(), Nonce: newNonce(), ServerSecret: rand.Text(), ServerNonce: newNonce()}
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

// admit checks the device's credential if sessions need one: 212 once it is
// right, 407 if it is missing, 401 if it is wrong. The answers with 401 and 407,
// and every 212 with a digest, carry a challenge.
func (s *Server) admit(v *Visit) (code int, chal *syncml.Chal) {
	d, sess := v.Device, v.Device.Session
	if sess.admitted {
		return syncml.OK, nil
	}
	a := &Admission{Kind: s.cfg.SessionAuth, Nonce: newNonce()}
	a.Code = s.judge(d, v.In.Hdr.Cred)
	a.Challenge = a.Code != syncml.OK && (a.Code != syncml.AuthAccepted || a.Kind == AuthMD5)
	for _, f := range s.cfg.Tamper.Admit {
		f(v, a)
	}
	sess.admitted = a.Code == syncml.AuthAccepted // 200 is for this message alone (OMA DM Protocol 1.2.1 section 9)
	if !a.Challenge {
		return a.Code, nil
	}
	if a.Kind == AuthBasic {
		return a.Code, &syncml.Chal{Meta: syncml.Meta{Type: "syncml:auth-basic", Format: "b64"}}
	}
	d.Auth.Nonce = a.Nonce
	return a.Code, &syncml.Chal{Meta: syncml.Meta{Type: "syncml:auth-md5", Format: "b64", NextNonce: base64.StdEncoding.EncodeToString(a.Nonce)}}
}

// judge gives the status for a credential.
func (s *Server) judge(d *Device, cred *syncml.Cred) int {
	var want string
	switch s.cfg.SessionAuth {
	case AuthBasic:
		want = base64.StdEncoding.EncodeToString([]byte(d.Auth.Name + ":" + d.Auth.Secret))
	case AuthMD5:
		want = hash(d.Auth.Name, d.Auth.Secret, d.Auth.Nonce)
	default:
		return syncml.OK
	}
	switch {
	case cred == nil:
		return syncml.MissingCredential
	case subtle.ConstantTimeCompare([]byte(want), []byte(strings.TrimSpace(cred.Data))) != 1:
		return syncml.InvalidCredential
	}
	return syncml.AuthAccepted
}

// ownCred is the server's credential until the device answered 212.
func (s *Server) ownCred(d *Device, sess *Session) *syncml.Cred {
	if s.cfg.SessionAuth != AuthMD5 || sess.trusted {
		return nil
	}
	return &syncml.Cred{Meta: &syncml.Meta{Type: "syncml:auth-md5", Format: "b64"},
		Data: hash(s.cfg.ProviderID, d.Auth.ServerSecret, d.Auth.ServerNonce)}
}

// judged reads what the device says of the server's credential; unread tells
// that it refused the whole message.
func (d *Device) judged(sess *Session, c *syncml.Command) (unread bool) {
	if c.Chal != nil {
		if nonce, err := base64.StdEncoding.DecodeString(c.Chal.Meta.NextNonce); err == nil && len(nonce) > 0 {
			d.Auth.ServerNonce = nonce
		}
	}
	switch c.Code() {
	case syncml.AuthAccepted:
		sess.trusted = true
	case syncml.InvalidCredential, syncml.MissingCredential:
		// What the device refused unread goes out again, once.
		if sess.distrusted++; sess.distrusted == 1 {
			for _, k := range d.Commands {
				if k.State == StateSent {
					k.State = StateQueued
				}
			}
			sess.Planned = false
		}
		return true
	}
	return false
}
