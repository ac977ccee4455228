package enroll

import (
	"fmt"
	"strings"
)

// The MessageIDs are constants: Windows sends the same ones in every enrollment
// [seen].
const (
	discoverMessageID    = "urn:uuid:748132ec-a575-4329-b01b-6171a9cf8478"
	getPoliciesMessageID = "urn:uuid:72048B64-0F19-448F-8C2E-B4C661860AA0"
	tokenMessageID       = "urn:uuid:0d5a1441-5891-453b-becf-a2e5f6ea3749"
)

// DiscoverRequest asks for the URLs of the services (MS-MDE2 3.1.4.1.3.1).
type DiscoverRequest struct {
	To                 string // the discovery URL, with its port
	EmailAddress       string
	RequestVersion     string
	DeviceType         string
	ApplicationVersion string
	OSEdition          string
	AuthPolicies       []string
}

// Write serializes the request as Windows does.
func (r *DiscoverRequest) Write() ([]byte, error) {
	doc := newDocument()
	env := build(&doc.Element, "s:Envelope", "", "xmlns:a", nsAddressing, "xmlns:s", nsSOAP)
	requestHeader(env, ActionDiscover, discoverMessageID, r.To, nil)
	d := build(build(env, "s:Body", ""), "Discover", "", "xmlns", nsDiscovery)
	q := build(d, "request", "", "xmlns:i", nsSchema)
	build(q, "EmailAddress", r.EmailAddress)
	build(q, "RequestVersion", r.RequestVersion)
	build(q, "DeviceType", r.DeviceType)
	build(q, "ApplicationVersion", r.ApplicationVersion)
	build(q, "OSEdition", r.OSEdition)
	a := build(q, "AuthPolicies", "")
	for _, p := range r.AuthPolicies {
		build(a, "AuthPolicy", p)
	}
	return doc.WriteToBytes()
}

// DiscoverRequest reads the body of e as a Discover.
func (e *Envelope) DiscoverRequest() (*DiscoverRequest, error) {
	q := kid(kid(e.body, "Discover"), "request")
	if q == nil {
		return nil, fmt.Errorf("no Discover request in the body, but %q", e.BodyName())
	}
	r := &DiscoverRequest{
		To: e.To, EmailAddress: textOf(q, "EmailAddress"), RequestVersion: textOf(q, "RequestVersion"),
		DeviceType: textOf(q, "DeviceType"), ApplicationVersion: textOf(q, "ApplicationVersion"), OSEdition: textOf(q, "OSEdition"),
	}
	for _, p := range kids(kid(q, "AuthPolicies"), "AuthPolicy") {
		r.AuthPolicies = append(r.AuthPolicies, p.Text())
	}
	return r, nil
}

// DiscoverResponse names the services and how to authenticate to them
// (MS-MDE2 3.1.4.1.3.2).
type DiscoverResponse struct {
	AuthPolicy        string
	EnrollmentVersion string
	PolicyURL         string // EnrollmentPolicyServiceUrl
	EnrollmentURL     string // EnrollmentServiceUrl
	AuthenticationURL string // AuthenticationServiceUrl, Federated only
}

// Write serializes the reply to the message relatesTo.
func (r *DiscoverResponse) Write(relatesTo, activityID string) ([]byte, error) {
	doc, body := reply(ActionDiscoverResponse, relatesTo, activityID)
	d := build(build(body, "DiscoverResponse", "", "xmlns", nsDiscovery), "DiscoverResult", "")
	build(d, "AuthPolicy", r.AuthPolicy)
	build(d, "EnrollmentVersion", r.EnrollmentVersion)
	build(d, "EnrollmentPolicyServiceUrl", r.PolicyURL)
	build(d, "EnrollmentServiceUrl", r.EnrollmentURL)
	if r.AuthenticationURL != "" {
		build(d, "AuthenticationServiceUrl", r.AuthenticationURL)
	}
	return doc.WriteToBytes()
}

// DiscoverResponse reads the body of e as the answer to a Discover.
func (e *Envelope) DiscoverResponse() (*DiscoverResponse, error) {
	d := kid(kid(e.body, "DiscoverResponse"), "DiscoverResult")
	if d == nil {
		return nil, fmt.Errorf("no DiscoverResult in the body, but %q", e.BodyName())
	}
	return &DiscoverResponse{
		AuthPolicy: textOf(d, "AuthPolicy"), EnrollmentVersion: textOf(d, "EnrollmentVersion"),
		PolicyURL: textOf(d, "EnrollmentPolicyServiceUrl"), EnrollmentURL: textOf(d, "EnrollmentServiceUrl"),
		AuthenticationURL: textOf(d, "AuthenticationServiceUrl"),
	}, nil
}

// DiscoveryURL is the discovery service for the domain of an e-mail address
// (MS-MDE2 3.1.4.1).
func DiscoveryURL(email string) (string, error) {
	_, domain, ok := strings.Cut(email, "@")
	if !ok || domain == "" || strings.ContainsAny(domain, "/?#@ ") {
		return "", fmt.Errorf("%q is not an e-mail address, so it has no domain to discover a server in", email)
	}
	return "https://enterpriseenrollment." + domain + "/EnrollmentServer/Discovery.svc", nil
}
