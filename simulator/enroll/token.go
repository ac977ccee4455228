package enroll

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Values of the RST and its reply (MS-WSTEP 3.1.4.1; MS-MDE2 3.3.4.1.1).
const (
	tokenType       = "http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentToken"
	requestIssue    = nsTrust + "/Issue"
	requestRenew    = nsTrust + "/Renew"
	valuePKCS10     = nsEnrollment + "#PKCS10"
	valuePKCS7      = nsSecurity + "#PKCS7"
	encodingBase64  = nsSecurity + "#base64binary"
	valueProvision  = "http://schemas.microsoft.com/5.0.0.0/ConfigurationManager/Enrollment/DeviceEnrollmentProvisionDoc"
	encodingReplied = nsSecurity + "#base64binary"
)

// ContextItem is one fact about the device that a TokenRequest carries.
type ContextItem struct{ Name, Value string }

// TokenRequest is the RequestSecurityToken that carries the CSR.
type TokenRequest struct {
	To         string
	Credential *Credential
	// Renewal asks to replace an existing certificate. CSR is then the PKCS#10
	// request inside a PKCS#7 message signed by the old key.
	Renewal bool
	CSR     []byte // DER
	Context []ContextItem
}

// Write serializes the request as Windows does.
func (r *TokenRequest) Write() ([]byte, error) {
	doc, env := secured(ActionRequestToken, tokenMessageID, r.To, r.Credential)
	kind, value := requestIssue, valuePKCS10
	if r.Renewal {
		kind, value = requestRenew, valuePKCS7
	}
	t := build(build(env, "s:Body", ""), "wst:RequestSecurityToken", "")
	build(t, "wst:TokenType", tokenType)
	build(t, "wst:RequestType", kind)
	build(t, "wsse:BinarySecurityToken", base64.StdEncoding.EncodeToString(r.CSR), "ValueType", value, "EncodingType", encodingBase64)
	a := build(t, "ac:AdditionalContext", "", "xmlns", nsContext)
	for _, i := range r.Context {
		build(build(a, "ac:ContextItem", "", "Name", i.Name), "ac:Value", i.Value)
	}
	if err := r.Credential.sign(env); err != nil {
		return nil, err
	}
	return doc.WriteToBytes()
}

// Item is the first value of that name; empty if absent.
func (r *TokenRequest) Item(name string) string {
	for _, i := range r.Context {
		if i.Name == name {
			return i.Value
		}
	}
	return ""
}

// TokenRequest reads the body of e as an RST.
func (e *Envelope) TokenRequest() (*TokenRequest, error) {
	t := kid(e.body, "RequestSecurityToken")
	if t == nil {
		return nil, fmt.Errorf("no RequestSecurityToken in the body, but %q", e.BodyName())
	}
	got := textOf(t, "RequestType")
	if got != requestIssue && got != requestRenew {
		return nil, fmt.Errorf("RequestType %q is neither %s nor %s", got, requestIssue, requestRenew)
	}
	csr, err := decodeBase64(textOf(t, "BinarySecurityToken"))
	if err != nil {
		return nil, fmt.Errorf("BinarySecurityToken: %w", err)
	}
	r := &TokenRequest{To: e.To, CSR: csr, Renewal: got == requestRenew}
	for _, i := range kids(kid(t, "AdditionalContext"), "ContextItem") {
		r.Context = append(r.Context, ContextItem{Name: i.SelectAttrValue("Name", ""), Value: textOf(i, "Value")})
	}
	return r, nil
}

// TokenResponse is the RSTR that carries the provisioning document.
type TokenResponse struct {
	Provisioning []byte // wap-provisioningdoc XML
	// Created stamps the reply, valid for five minutes. The zero time adds no
	// stamp.
	Created time.Time
}

// timestampForm is how a wsu:Timestamp is written.
const timestampForm = "2006-01-02T15:04:05.000Z"

const replyLife = 5 * time.Minute // as in the published example (MS-MDE2 3.4.4.1.1.2)

// Write serializes the reply to the message relatesTo.
func (r *TokenResponse) Write(relatesTo, activityID string) ([]byte, error) {
	doc, body := reply(ActionRequestTokenReply, relatesTo, activityID)
	if !r.Created.IsZero() {
		sec := build(kid(doc.Root(), "Header"), "o:Security", "", "s:mustUnderstand", "1", "xmlns:o", nsSecurity)
		stamp := build(sec, "u:Timestamp", "", "u:Id", "_0", "xmlns:u", nsUtility)
		build(stamp, "u:Created", r.Created.UTC().Format(timestampForm))
		build(stamp, "u:Expires", r.Created.Add(replyLife).UTC().Format(timestampForm))
	}
	c := build(body, "RequestSecurityTokenResponseCollection", "", "xmlns", nsTrust)
	t := build(c, "RequestSecurityTokenResponse", "")
	build(t, "TokenType", tokenType)
	build(t, "DispositionMessage", "", "xmlns", nsEnrollment)
	build(build(t, "RequestedSecurityToken", ""), "BinarySecurityToken", base64.StdEncoding.EncodeToString(r.Provisioning),
		"ValueType", valueProvision, "EncodingType", encodingReplied, "xmlns", nsSecurity)
	build(t, "RequestID", "0", "xmlns", nsEnrollment)
	return doc.WriteToBytes()
}

// TokenResponse reads the body of e as the answer to an RST.
func (e *Envelope) TokenResponse() (*TokenResponse, error) {
	c := kid(e.body, "RequestSecurityTokenResponseCollection")
	t := kid(c, "RequestSecurityTokenResponse")
	if t == nil {
		return nil, fmt.Errorf("no RequestSecurityTokenResponse in the body, but %q", e.BodyName())
	}
	raw := textOf(kid(t, "RequestedSecurityToken"), "BinarySecurityToken")
	if raw == "" {
		return nil, errors.New("no BinarySecurityToken in the reply")
	}
	doc, err := decodeBase64(raw)
	if err != nil {
		return nil, fmt.Errorf("BinarySecurityToken is not base64: %w", err)
	}
	return &TokenResponse{Provisioning: doc}, nil
}

// decodeBase64 accepts base64 with line breaks, which some servers send.
func decodeBase64(s string) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
}
