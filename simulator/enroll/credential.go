package enroll

import (
	"crypto"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/beevik/etree"
)

// Credential authenticates an enrollment; set one of the three kinds.
type Credential struct {
	// OnPremise: a user name and password, as wsse:UsernameToken.
	Username, Password string
	// Federated and Entra: the raw token, sent base64-encoded as
	// wsse:BinarySecurityToken (Learn, "Federated authentication device
	// enrollment"). TokenType is its ValueType; default: a user token.
	Token     []byte
	TokenType string
	// Certificate: DER of a certificate and its key, with which the request is
	// signed (Learn, "Certificate authentication device enrollment").
	Certificate []byte
	Key         crypto.Signer
	// Now stamps a signed request, valid for two minutes as in the example; default
	// time.Now.
	Now func() time.Time
}

// ValueTypes of a BinarySecurityToken in a security header.
const (
	UserToken     = "http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentUserToken"
	JWTToken      = "urn:ietf:params:oauth:token-type:jwt"
	X509v3Token   = "X509v3"
	bodyID        = "envelop" // the reference of the published example
	tokenID       = "mytoken"
	requestLife   = 2 * time.Minute
	x509Reference = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509"
)

// requestHeader writes the header blocks every request has, in Windows' order.
func requestHeader(envelope *etree.Element, action, messageID, to string, cred *Credential) {
	h := build(envelope, "s:Header", "")
	build(h, "a:Action", action, "s:mustUnderstand", "1")
	build(h, "a:MessageID", messageID)
	build(build(h, "a:ReplyTo", ""), "a:Address", anonymous)
	build(h, "a:To", to, "s:mustUnderstand", "1")
	if cred == nil {
		return
	}
	s := build(h, "wsse:Security", "", "s:mustUnderstand", "1")
	switch {
	case cred.Token != nil:
		kind := cred.TokenType
		if kind == "" {
			kind = UserToken
		}
		build(s, "wsse:BinarySecurityToken", base64.StdEncoding.EncodeToString(cred.Token), "ValueType", kind, "EncodingType", encodingBase64)
	case cred.Certificate != nil:
		now := time.Now
		if cred.Now != nil {
			now = cred.Now
		}
		stamp := build(s, "u:Timestamp", "")
		build(stamp, "u:Created", now().UTC().Format(time.RFC3339))
		build(stamp, "u:Expires", now().Add(requestLife).UTC().Format(time.RFC3339))
		build(s, "wsse:BinarySecurityToken", base64.StdEncoding.EncodeToString(cred.Certificate),
			"ValueType", X509v3Token, "EncodingType", encodingBase64, "u:Id", tokenID)
	default:
		u := build(s, "wsse:UsernameToken", "", "u:Id", usernameTokenID)
		build(u, "wsse:Username", cred.Username)
		build(u, "wsse:Password", cred.Password, "wsse:Type", passwordTextType)
	}
}

func (e *Envelope) readSecurity(s *etree.Element) error {
	if u := kid(s, "UsernameToken"); u != nil {
		e.HasUsername = true
		e.Username, e.Password = textOf(u, "Username"), textOf(u, "Password")
	}
	if t := kid(s, "BinarySecurityToken"); t != nil {
		raw, err := decodeBase64(t.Text())
		if err != nil {
			return fmt.Errorf("the security token is not base64: %w", err)
		}
		e.Token = raw
		for _, a := range t.Attr {
			if a.Key == "ValueType" {
				e.TokenType = a.Value
			}
		}
	}
	return e.readSignature(kid(s, "Signature"))
}
