package enroll

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/beevik/etree"
)

// PolicyRequest asks for the certificate policy (MS-XCEP 3.1.4.1.1.1).
type PolicyRequest struct {
	To         string
	Credential *Credential
	// PolicyOIDs limit the answer to these policies; Windows sends none.
	PolicyOIDs []string
	// TPM is what the client tells of its TPM; nil tells nothing.
	TPM *TPM
}

// TPM is the maker of a TPM and the version of its firmware, as elements of client
// [seen: mattrax/Mattrax packages/ms-mde/src/policy.ts, of 2024].
type TPM struct{ Manufacturer, FirmwareVersion string }

// secured starts an envelope with the namespaces that Windows binds in
// authenticated requests.
func secured(action, messageID, to string, cred *Credential) (*etree.Document, *etree.Element) {
	doc := newDocument()
	env := build(&doc.Element, "s:Envelope", "", "xmlns:s", nsSOAP, "xmlns:a", nsAddressing, "xmlns:u", nsUtility,
		"xmlns:wsse", nsSecurity, "xmlns:wst", nsTrust, "xmlns:ac", nsContext)
	requestHeader(env, action, messageID, to, cred)
	return doc, env
}

// Write serializes the request as Windows does.
func (r *PolicyRequest) Write() ([]byte, error) {
	doc, env := secured(ActionGetPolicies, getPoliciesMessageID, r.To, r.Credential)
	body := build(env, "s:Body", "", "xmlns:xsi", nsSchema, "xmlns:xsd", "http://www.w3.org/2001/XMLSchema")
	g := build(body, "GetPolicies", "", "xmlns", nsPolicy)
	c := build(g, "client", "")
	build(c, "lastUpdate", "", "xsi:nil", "true")
	build(c, "preferredLanguage", "", "xsi:nil", "true")
	if r.TPM != nil {
		build(c, "TPMManufacturer", r.TPM.Manufacturer)
		build(c, "TPMFirmwareVersion", r.TPM.FirmwareVersion)
	}
	if len(r.PolicyOIDs) == 0 {
		build(g, "requestFilter", "", "xsi:nil", "true")
	} else {
		r.filter(build(g, "requestFilter", ""))
	}
	if err := r.Credential.sign(env); err != nil {
		return nil, err
	}
	return doc.WriteToBytes()
}

// filter writes a RequestFilter (MS-XCEP 3.1.4.1.3.22).
func (r *PolicyRequest) filter(f *etree.Element) {
	list := build(f, "policyOIDs", "")
	for _, oid := range r.PolicyOIDs {
		build(list, "oid", oid)
	}
	build(f, "clientVersion", "", "xsi:nil", "true")
	build(f, "serverVersion", "", "xsi:nil", "true")
}

// PolicyRequest reads the body of e as a GetPolicies. It must have a client that is
// neither nil nor empty (MS-XCEP 3.1.4.1.2.1).
func (e *Envelope) PolicyRequest() (*PolicyRequest, error) {
	g := kid(e.body, "GetPolicies")
	if g == nil {
		return nil, fmt.Errorf("no GetPolicies in the body, but %q", e.BodyName())
	}
	if firstKid(kid(g, "client")) == nil {
		return nil, errors.New("GetPolicies has no client, or a nil or empty one")
	}
	r := &PolicyRequest{To: e.To}
	for _, o := range kids(kid(kid(g, "requestFilter"), "policyOIDs"), "oid") {
		r.PolicyOIDs = append(r.PolicyOIDs, strings.TrimSpace(o.Text()))
	}
	return r, nil
}

// PolicyResponse is the part of a GetPoliciesResponse a device uses.
type PolicyResponse struct {
	Policies         int  // how many policies it carries
	None             bool // Write leaves the policy out: none fits the request
	MinimalKeyLength int  // bits
	HashOID          string
	ValiditySeconds  int
	RenewalSeconds   int
	// Schema is the policySchema, which must be 3. HashReference is the
	// hashAlgorithmOIDReference, and HashGroup is the group of its OID, which
	// must be 1 (MS-XCEP 3.1.4.1.3.1, 3.1.4.1.3.16). HashGroup is empty if the
	// reference leads nowhere.
	Schema, HashReference, HashGroup string
	// Azure is what the device has to attest to; nil if nothing.
	Azure *AzureAttestation
}

// Write serializes the reply to the message relatesTo.
func (r *PolicyResponse) Write(relatesTo, activityID string) ([]byte, error) {
	doc, body := reply(ActionGetPoliciesResponse, relatesTo, activityID)
	g := build(body, "GetPoliciesResponse", "", "xmlns", nsPolicy, "xmlns:xsi", nsSchema)
	null := func(parent *etree.Element, tags ...string) {
		for _, t := range tags {
			build(parent, t, "", "xsi:nil", "true")
		}
	}
	res := build(g, "response", "")
	build(res, "policyID", "dmwake")
	null(res, "policyFriendlyName", "nextUpdateHours", "policiesNotChanged")
	if r.None {
		null(res, "policies")
		null(g, "cAs", "oIDs")
		return doc.WriteToBytes()
	}
	p := build(build(res, "policies", ""), "policy", "")
	build(p, "policyOIDReference", "0")
	null(p, "cAs")
	a := build(p, "attributes", "")
	build(a, "commonName", "device identity")
	build(a, "policySchema", "3")
	v := build(a, "certificateValidity", "")
	build(v, "validityPeriodSeconds", strconv.Itoa(r.ValiditySeconds))
	build(v, "renewalPeriodSeconds", strconv.Itoa(r.RenewalSeconds))
	perm := build(a, "permission", "")
	build(perm, "enroll", "true")
	build(perm, "autoEnroll", "false")
	k := build(a, "privateKeyAttributes", "")
	build(k, "minimalKeyLength", strconv.Itoa(r.MinimalKeyLength))
	null(k, "keySpec", "keyUsageProperty", "permissions", "algorithmOIDReference", "cryptoProviders")
	rev := build(a, "revision", "")
	build(rev, "majorRevision", "101")
	build(rev, "minorRevision", "0")
	null(a, "supersededPolicies", "privateKeyFlags", "subjectNameFlags", "enrollmentFlags", "generalFlags")
	build(a, "hashAlgorithmOIDReference", "0")
	null(a, "rARequirements", "keyArchivalAttributes", "extensions")
	if r.Azure != nil {
		z := build(a, "azureAttestation", "")
		build(z, "nonce", r.Azure.Nonce)
		build(z, "relyingPartyId", r.Azure.RelyingPartyID)
		build(z, "endpointUri", r.Azure.EndpointURI)
	}
	null(g, "cAs")
	oid := build(build(g, "oIDs", ""), "oID", "")
	build(oid, "value", r.HashOID)
	build(oid, "group", "1")
	build(oid, "oIDReferenceID", "0")
	build(oid, "defaultName", "szOID_NIST_sha256")
	return doc.WriteToBytes()
}

// PolicyResponse reads the body of e as the answer to a GetPolicies.
func (e *Envelope) PolicyResponse() (*PolicyResponse, error) {
	g := kid(e.body, "GetPoliciesResponse")
	if g == nil {
		return nil, fmt.Errorf("no GetPoliciesResponse in the body, but %q", e.BodyName())
	}
	r := &PolicyResponse{}
	policies := kids(kid(kid(g, "response"), "policies"), "policy")
	r.Policies = len(policies)
	if len(policies) > 0 {
		a := kid(policies[0], "attributes")
		r.MinimalKeyLength = number(textOf(kid(a, "privateKeyAttributes"), "minimalKeyLength"))
		r.ValiditySeconds = number(textOf(kid(a, "certificateValidity"), "validityPeriodSeconds"))
		r.RenewalSeconds = number(textOf(kid(a, "certificateValidity"), "renewalPeriodSeconds"))
		if z := policies[0].FindElement(".//azureAttestation"); z != nil {
			r.Azure = &AzureAttestation{Nonce: textOf(z, "nonce"), RelyingPartyID: textOf(z, "relyingPartyId"), EndpointURI: textOf(z, "endpointUri")}
		}
		r.Schema, r.HashReference = textOf(a, "policySchema"), textOf(a, "hashAlgorithmOIDReference")
		for _, o := range kids(kid(g, "oIDs"), "oID") {
			if textOf(o, "oIDReferenceID") == r.HashReference {
				r.HashOID, r.HashGroup = textOf(o, "value"), textOf(o, "group")
			}
		}
	}
	return r, nil
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}
