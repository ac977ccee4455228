// Package enroll holds the messages of MS-MDE2 enrollment (discovery, XCEP
// policy, WSTEP token) and the client that sends them as Windows does.
//
// Sources: MS-MDE2 sections 2.2 and 3, MS-XCEP, MS-WSTEP. The requests match a
// Windows 10 device (build 19043) byte for byte [seen], so the order of
// attributes and namespaces is fixed.
package enroll

import (
	"errors"
	"fmt"
	"strings"

	"github.com/beevik/etree"

	"github.com/dmwake/dmwake/simulator/xmlscan"
)

// Namespaces of the three services.
const (
	nsSOAP       = "http://www.w3.org/2003/05/soap-envelope"
	nsAddressing = "http://www.w3.org/2005/08/addressing"
	nsSecurity   = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	nsUtility    = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	nsTrust      = "http://docs.oasis-open.org/ws-sx/ws-trust/200512"
	nsContext    = "http://schemas.xmlsoap.org/ws/2006/12/authorization"
	nsDiscovery  = "http://schemas.microsoft.com/windows/management/2012/01/enrollment"
	nsPolicy     = "http://schemas.microsoft.com/windows/pki/2009/01/enrollmentpolicy"
	nsEnrollment = "http://schemas.microsoft.com/windows/pki/2009/01/enrollment"
	nsSchema     = "http://www.w3.org/2001/XMLSchema-instance"
	nsActivity   = "http://schemas.microsoft.com/2004/09/ServiceModel/Diagnostics"
)

// Namespaces of what Discover and GetPolicies are answered with, and of Action and
// RelatesTo.
const (
	NamespaceAddressing = nsAddressing
	NamespaceDiscovery  = nsDiscovery
	NamespacePolicy     = nsPolicy
)

// SOAP actions of requests and replies.
const (
	ActionDiscover            = nsDiscovery + "/IDiscoveryService/Discover"
	ActionDiscoverResponse    = ActionDiscover + "Response"
	ActionGetPolicies         = nsPolicy + "/IPolicy/GetPolicies"
	ActionGetPoliciesResponse = ActionGetPolicies + "Response"
	ActionRequestToken        = nsEnrollment + "/RST/wstep"
	ActionRequestTokenReply   = nsEnrollment + "/RSTRC/wstep"
	ActionFault               = nsEnrollment + "/fault"
)

// MediaType is the content type of every enrollment message.
const MediaType = "application/soap+xml; charset=utf-8"

// Constants in Windows' security headers [seen].
const (
	usernameTokenID  = "uuid-cc1ccc1f-2fba-4bcf-b063-ffc0cac77917-4"
	passwordTextType = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText"
	anonymous        = "http://www.w3.org/2005/08/addressing/anonymous"
)

// MaxMessage bounds an enrollment message in both directions, in bytes.
const MaxMessage = 1 << 20

// ErrNotSOAP is wrapped if a body is not a SOAP envelope.
var ErrNotSOAP = errors.New("not a SOAP 1.2 envelope")

// Header is the addressing part of an envelope.
type Header struct {
	Action, MessageID, RelatesTo, To string
	// HasUsername: a wsse:UsernameToken is present.
	HasUsername        bool
	Username, Password string
	// Token is the decoded wsse:BinarySecurityToken of the security header, nil
	// if absent; TokenType is its ValueType.
	Token     []byte
	TokenType string
	// Signature is the ds:Signature of the security header; nil if absent.
	Signature *Signature
	// ActivityID is the correlation id of a reply; Created and Expires are its
	// wsu:Timestamp as written. Absent parts are empty.
	ActivityID, Created, Expires string
}

// Envelope is a parsed SOAP message.
type Envelope struct {
	Header
	body *etree.Element
}

// ReadEnvelope parses a SOAP message. Elements are matched by local name;
// prefixes, even unbound ones, and indentation do not matter. In the header,
// which may have blocks of any origin, the namespace counts as well.
func ReadEnvelope(b []byte) (*Envelope, error) {
	if len(b) > MaxMessage {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrNotSOAP, len(b), MaxMessage)
	}
	doc, err := xmlscan.Document(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotSOAP, err)
	}
	root := doc.Root()
	if root == nil || root.Tag != "Envelope" {
		return nil, ErrNotSOAP
	}
	e := &Envelope{body: kid(root, "Body")}
	if e.body == nil {
		return nil, fmt.Errorf("%w: no Body", ErrNotSOAP)
	}
	if h := kid(root, "Header"); h != nil {
		e.Action, e.MessageID = blockText(h, nsAddressing, "Action"), blockText(h, nsAddressing, "MessageID")
		e.RelatesTo, e.To = related(h), blockText(h, nsAddressing, "To")
		e.ActivityID = blockText(h, nsActivity, "ActivityId")
		security := block(h, nsSecurity, "Security")
		if stamp := kid(security, "Timestamp"); stamp != nil {
			e.Created, e.Expires = textOf(stamp, "Created"), textOf(stamp, "Expires")
		}
		if err := e.readSecurity(security); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotSOAP, err)
		}
	}
	return e, nil
}

// BodyName is the local name of the first element in the body.
func (e *Envelope) BodyName() string {
	if k := firstKid(e.body); k != nil {
		return k.Tag
	}
	return ""
}

// kid is the first child of e with that local name; nil if absent or if e is
// nil.
func kid(e *etree.Element, tag string) *etree.Element {
	if e == nil {
		return nil
	}
	for _, t := range e.Child {
		if k, ok := t.(*etree.Element); ok && k.Tag == tag {
			return k
		}
	}
	return nil
}

// block is the header block of that name: the one in the namespace, or else one
// in none, as with an unbound prefix; nil if there is neither.
func block(h *etree.Element, ns, tag string) (found *etree.Element) {
	for _, k := range kids(h, tag) {
		switch k.NamespaceURI() {
		case ns:
			return k
		case "":
			found = k
		}
	}
	return found
}

func blockText(h *etree.Element, ns, tag string) string {
	if k := block(h, ns, tag); k != nil {
		return strings.TrimSpace(k.Text())
	}
	return ""
}

// related is the message that a reply answers. Other relationships may stand beside
// it (WS-Addressing 1.0 Core 3.1).
func related(h *etree.Element) string {
	for _, k := range kids(h, "RelatesTo") {
		kind := k.SelectAttrValue("RelationshipType", "")
		if k.NamespaceURI() == nsAddressing && (kind == "" || kind == nsAddressing+"/reply") {
			return strings.TrimSpace(k.Text())
		}
	}
	return blockText(h, nsAddressing, "RelatesTo")
}

func kids(e *etree.Element, tag string) (out []*etree.Element) {
	if e == nil {
		return nil
	}
	for _, t := range e.Child {
		if k, ok := t.(*etree.Element); ok && k.Tag == tag {
			out = append(out, k)
		}
	}
	return out
}

func firstKid(e *etree.Element) *etree.Element {
	if e == nil {
		return nil
	}
	for _, t := range e.Child {
		if k, ok := t.(*etree.Element); ok {
			return k
		}
	}
	return nil
}

func textOf(e *etree.Element, tag string) string {
	if k := kid(e, tag); k != nil {
		return strings.TrimSpace(k.Text())
	}
	return ""
}

// build adds an element with attributes, given as name, value pairs.
func build(parent *etree.Element, tag, text string, attrs ...string) *etree.Element {
	e := parent.CreateElement(tag)
	for i := 0; i+1 < len(attrs); i += 2 {
		e.CreateAttr(attrs[i], attrs[i+1])
	}
	if text != "" {
		e.SetText(text)
	}
	return e
}

func newDocument() *etree.Document {
	doc := etree.NewDocument()
	doc.WriteSettings = etree.WriteSettings{CanonicalText: true}
	return doc
}

// reply starts the envelope of a server's reply and returns its body.
func reply(action, relatesTo, activityID string) (*etree.Document, *etree.Element) {
	doc := newDocument()
	env := build(&doc.Element, "s:Envelope", "", "xmlns:s", nsSOAP, "xmlns:a", nsAddressing)
	h := build(env, "s:Header", "")
	build(h, "a:Action", action, "s:mustUnderstand", "1")
	build(h, "ActivityId", activityID, "CorrelationId", activityID, "xmlns", nsActivity)
	build(h, "a:RelatesTo", relatesTo)
	return doc, build(env, "s:Body", "")
}
