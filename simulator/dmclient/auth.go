package dmclient

import (
	"crypto/md5" //nolint:gosec // syncml:auth-md5 is the protocol's
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// Where DMAcc keeps the two credentials.
const (
	clientCred = "CLCRED"  // the device to the server
	serverCred = "SRVCRED" // the server to the device
)

// Types of a Cred (OMA DM Security 1.2.1 section 5.3).
const (
	authBasic = "syncml:auth-basic"
	authMD5   = "syncml:auth-md5"
)

// ErrChallenges ends a session if the server keeps challenging and never
// accepts the credential.
var ErrChallenges = errors.New("the server repeatedly refused the credential")

// ErrUntrusted ends a session if the server, after a challenge, does not show
// the credential that APPAUTH CLIENT provisioned.
var ErrUntrusted = errors.New("the server did not authenticate itself")

// maxChallenges allows one missing credential and one stale nonce.
const maxChallenges = 2

// digest is B64(MD5(B64(MD5(user:password)) ":" nonce)) (OMA DM Security 1.2.1
// section 5.3.1.1).
func digest(name, secret string, nonce []byte) string {
	inner := md5.Sum([]byte(name + ":" + secret)) //nolint:gosec // as above
	b := append([]byte(base64.StdEncoding.EncodeToString(inner[:])+":"), nonce...)
	outer := md5.Sum(b) //nolint:gosec // as above
	return base64.StdEncoding.EncodeToString(outer[:])
}

// authState is the state of both credentials in a session.
type authState struct {
	send       string // the Type of the Cred to send; empty: none
	challenges int
	done       bool // 212: no more this session
	serverDone bool // the server's credential was right
	refusals   int  // messages refused because it was missing
}

func (d *Device) appAuth(level, node string) string { return d.dmAcc("AppAuth/" + level + "/" + node) }

func (d *Device) setAppAuth(level, node, value string) {
	d.tree.Provision(accURI(d.Provider())+"/AppAuth/"+level+"/"+node, value)
}

// credName is AAUTHNAME, or else the DeviceID [model].
func (d *Device) credName() string {
	if name := d.appAuth(clientCred, "AAuthName"); name != "" {
		return name
	}
	return d.cfg.Identity.DeviceID
}

// cred is the device's credential; nil without one.
func (r *running) cred() *syncml.Cred {
	if r.auth.send == "" {
		return nil
	}
	d := r.d
	secret := d.appAuth(clientCred, "AAuthSecret")
	name := d.credName()
	switch r.auth.send {
	case authBasic:
		return &syncml.Cred{Meta: &syncml.Meta{Type: authBasic, Format: "b64"},
			Data: base64.StdEncoding.EncodeToString([]byte(name + ":" + secret))}
	case authMD5:
		nonce := decodeNonce(d.appAuth(clientCred, "AAuthData"))
		each(d, func(f Noncer) { nonce = f.Nonce(nonce) })
		return &syncml.Cred{Meta: &syncml.Meta{Type: authMD5, Format: "b64"}, Data: digest(name, secret, nonce)}
	}
	return nil
}

// preferred is the kind of credential to send without a challenge: Windows
// Phone 8.1 sends one in package 1, Windows 10 waits for a challenge [seen].
func (r *running) preferred() string {
	if !r.d.cfg.Profile.Quirks.SendsCred || r.d.appAuth(clientCred, "AAuthSecret") == "" {
		return ""
	}
	if pref := r.d.dmAcc("AAuthPref"); strings.EqualFold(pref, "BASIC") || pref == "" && strings.EqualFold(r.d.appAuth(clientCred, "AAuthType"), "BASIC") {
		return authBasic
	}
	return authMD5
}

// judged handles the server's verdict on the device's credential. again means
// that the message must be resent with the requested credential.
func (r *running) judged(m *syncml.Message) (again bool, err error) {
	for i := range m.Body {
		c := &m.Body[i]
		if c.Verb != syncml.Status || c.CmdRef != "0" {
			continue
		}
		if c.Chal != nil && c.Chal.Meta.NextNonce != "" {
			r.d.setAppAuth(clientCred, "AAuthData", c.Chal.Meta.NextNonce)
		}
		code := c.Code()
		switch {
		case code == syncml.AuthAccepted:
			r.auth.done = true
		case syncml.Success(code):
		case code == syncml.MissingCredential || code == syncml.InvalidCredential:
			if c.Chal == nil {
				r.s.End = fmt.Sprintf("the server answered SyncHdr with %d and no Chal", code)
				return false, fmt.Errorf("%w: Status %d for SyncHdr without a Chal that says how to authenticate", ErrRefused, code)
			}
			if r.auth.challenges++; r.auth.challenges > maxChallenges {
				r.s.End = "stopped by the device: challenged too often"
				return false, fmt.Errorf("%w: %d challenges (%s)", ErrChallenges, r.auth.challenges, c.Chal.Meta.Type)
			}
			switch kind := strings.ToLower(c.Chal.Meta.Type); kind {
			case authBasic, authMD5:
				r.auth.send, again = kind, true
			default:
				r.s.End = "the server asked for an unknown kind of credential"
				return false, fmt.Errorf("%w: it requests a credential of type %q, which this device does not have", ErrRefused, c.Chal.Meta.Type)
			}
		default:
			r.s.End = fmt.Sprintf("the server answered SyncHdr with %s", c.Data)
			return false, fmt.Errorf("%w: Status %s for SyncHdr", ErrRefused, c.Data)
		}
	}
	return again, nil
}

// judge checks the server's credential and returns the code and challenge for
// the Status of its SyncHdr. A present credential must be right. A missing one
// is challenged only with a quirk and if APPAUTH CLIENT was provisioned:
// Windows 10 trusts the TLS certificate alone [seen].
func (r *running) judge(m *syncml.Message) (code int, chal *syncml.Chal) {
	d, cred := r.d, m.Hdr.Cred
	if r.auth.serverDone || cred == nil && !d.cfg.Profile.Quirks.DemandsCred {
		return syncml.OK, nil
	}
	secret := d.appAuth(serverCred, "AAuthSecret")
	switch {
	case secret == "":
		return syncml.OK, nil
	case cred == nil:
		return syncml.MissingCredential, challenge()
	}
	// The server's name is AAUTHNAME, or the ProviderID (Learn, "w7 APPLICATION
	// CSP").
	name := d.appAuth(serverCred, "AAuthName")
	if name == "" {
		name = d.Provider()
	}
	var want string
	kind := ""
	if cred.Meta != nil {
		kind = strings.ToLower(cred.Meta.Type)
	}
	switch kind {
	case authBasic:
		want = base64.StdEncoding.EncodeToString([]byte(name + ":" + secret))
	default:
		want = digest(name, secret, decodeNonce(d.appAuth(serverCred, "AAuthData")))
	}
	if subtle.ConstantTimeCompare([]byte(want), []byte(cred.Data)) != 1 {
		return syncml.InvalidCredential, challenge()
	}
	r.auth.serverDone = true
	if kind == authBasic {
		return syncml.AuthAccepted, nil
	}
	return syncml.AuthAccepted, challenge()
}

// challenge gives the server a new nonce, valid once it is sent.
func challenge() *syncml.Chal {
	nonce := make([]byte, 16)
	rand.Read(nonce)
	return &syncml.Chal{Meta: syncml.Meta{Type: authMD5, Format: "b64", NextNonce: base64.StdEncoding.EncodeToString(nonce)}}
}

// refuseAll answers an unauthenticated message: every command gets the header's
// code, and none is executed (OMA DM Security 1.2.1 section 5.3).
func (x *executor) refuseAll(m *syncml.Message, code int) {
	m.Walk(func(c *syncml.Command) {
		if !c.Verb.IsReply() {
			x.status(c.CmdID, string(c.Verb), code)
		}
	})
}
