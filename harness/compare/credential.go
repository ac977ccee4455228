package compare

import (
	"crypto/md5" //nolint:gosec // syncml:auth-md5 is the protocol's
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/dmwake/dmwake/harness/trace"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// vouch gives a recorded message of the server a credential that the simulated device
// accepts, if the real device accepted the recorded one: the secret is redacted, and
// the nonce was the real device's.
func (s *session) vouch(x trace.Exchange, m *syncml.Message, next *Step) trace.Exchange {
	if m == nil || m.Hdr.Cred == nil {
		return x
	}
	if next != nil { // else the real device ended the session, and refused nothing
		if verdict := headerStatus(next.message); verdict == nil || !syncml.Success(verdict.Code()) {
			return x
		}
	}
	acc := fmt.Sprintf("./SyncML/DMAcc/%x/AppAuth/SRVCRED/", sha256.Sum256([]byte(s.p.device.Provider())))
	look := func(node string) string {
		v, _ := s.p.device.Tree().Look(acc + node)
		return v
	}
	name, secret := look("AAuthName"), look("AAuthSecret")
	if name == "" {
		name = s.p.device.Provider()
	}
	cred := base64.StdEncoding.EncodeToString([]byte(name + ":" + secret))
	if m.Hdr.Cred.Meta == nil || !strings.EqualFold(m.Hdr.Cred.Meta.Type, "syncml:auth-basic") {
		nonce, err := base64.StdEncoding.DecodeString(look("AAuthData"))
		if err != nil {
			nonce = nil // as the device takes it
		}
		cred = digest(name, secret, nonce)
	}
	if strings.HasPrefix(x.Reply.Get("Content-Type"), syncml.MediaTypeWBXML) {
		again, with := *m, *m.Hdr.Cred
		with.Data = cred
		again.Hdr.Cred = &with
		if body, err := syncml.WriteWBXML(&again); err == nil {
			x.Response = body
		}
		return x
	}
	x.Response = []byte(strings.Replace(string(x.Response), ">"+m.Hdr.Cred.Data+"<", ">"+cred+"<", 1))
	return x
}

// digest is B64(MD5(B64(MD5(name:secret)) ":" nonce)) (OMA DM Security 1.2.1 section
// 5.3.1.1).
func digest(name, secret string, nonce []byte) string {
	inner := md5.Sum([]byte(name + ":" + secret))                                               //nolint:gosec // as above
	outer := md5.Sum(append([]byte(base64.StdEncoding.EncodeToString(inner[:])+":"), nonce...)) //nolint:gosec // as above
	return base64.StdEncoding.EncodeToString(outer[:])
}

// encoded gives an answer the encoding that its Content-Type names: a recording keeps
// WBXML with a secret as redacted XML.
func encoded(x trace.Exchange, m *syncml.Message) trace.Exchange {
	if m == nil || !strings.HasPrefix(x.Reply.Get("Content-Type"), syncml.MediaTypeWBXML) {
		return x
	}
	if _, err := syncml.ReadWBXML(x.Response, syncml.Limits{}); err == nil {
		return x
	}
	if body, err := syncml.WriteWBXML(m); err == nil {
		x.Response = body
	}
	return x
}
