package enroll

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/redact"
)

// Client is a device's enrollment client. Every method sends one request of the
// protocol; package dmclient combines them.
type Client struct {
	HTTP       *http.Client
	Discovery  string // URL of the discovery service
	Request    DiscoverRequest
	Credential *Credential
	TPM        *TPM // told in GetPolicies; nil tells nothing
	// EditRST changes an RST before it is sent; nil changes
	// nothing.
	EditRST func(message []byte) []byte
	// AllowHTTP sends credentials to services on plain HTTP, too.
	AllowHTTP bool
}

// inClear refuses a service to which the credential would go unencrypted. name is how
// the Discover reply calls it. MS-MDE2 3.1.4.1.3.2 asks for https, and Learn has a code
// for a server that requests HTTP; that Windows shows it for these URLs is a [model]. A
// service on loopback is refused as well: Windows knows no difference.
func (c *Client) inClear(step, name, at string) error {
	if c.AllowHTTP || !Plain(at) {
		return nil
	}
	return &Error{Step: step, Err: &CodedError{Code: CodeInsecure, Err: fmt.Errorf("%s is %s: the credential would be sent unencrypted; the URL must be https, or http be allowed (target.allow_http: true)", name, at)}}
}

// withCredential refuses a service to which c.Credential would go unencrypted.
func (c *Client) withCredential(step, name, at string) error {
	if c.Credential == nil {
		return nil
	}
	return c.inClear(step, name, at)
}

// Plain reports whether a URL is not encrypted.
func Plain(at string) bool {
	u, err := url.Parse(at)
	return err == nil && u.Scheme == "http"
}

// InClear refuses a Discover reply that names a service on plain HTTP.
func (c *Client) InClear(r *DiscoverResponse) error {
	for _, named := range [][2]string{
		{"EnrollmentPolicyServiceUrl", r.PolicyURL}, {"EnrollmentServiceUrl", r.EnrollmentURL}, {"AuthenticationServiceUrl", r.AuthenticationURL},
	} {
		if err := c.inClear(StepDiscover, named[0], named[1]); err != nil {
			return err
		}
	}
	return nil
}

// Steps of an enrollment, as errors and records name them.
const (
	StepStart    = "start" // before any message
	StepTerms    = "terms of use"
	StepReach    = "discovery GET"
	StepDiscover = "Discover"
	StepPolicies = "GetPolicies"
	StepToken    = "RST"
	StepSignIn   = "sign-in page"
	StepRenew    = "renewal"
	StepSend     = "message"
	StepInstall  = "provisioning document"
)

// Error says which step of an enrollment failed and how. It wraps a *Fault if
// the server sent one.
type Error struct {
	Step   string
	Status int // HTTP status, 0 if no reply came
	Err    error
}

func (e *Error) Error() string {
	// A discovery URL may name a user and password.
	s := redact.Text(fmt.Sprintf("enrollment: %s: %v", e.Step, e.Err))
	var more []string
	var f *Fault
	if errors.As(e.Err, &f) && e.Status != 0 {
		more = append(more, fmt.Sprintf("HTTP %d", e.Status))
	}
	if hr := e.HResult(); hr != "" {
		more = append(more, "Windows shows "+hr)
	}
	if len(more) > 0 {
		s += " (" + strings.Join(more, ", ") + ")"
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Refused reports whether the server rejected the credentials: a fault of kind
// Authentication or Authorization, or HTTP 401 or 403.
func (e *Error) Refused() bool {
	var f *Fault
	if errors.As(e.Err, &f) {
		switch f.Subcode {
		case FaultAuthentication, "Authorization", "FailedAuthentication", "InvalidSecurity":
			return true
		}
	}
	return e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
}

// Limited reports whether the server limits enrollments: HTTP 429.
func (e *Error) Limited() bool { return e.Status == http.StatusTooManyRequests }

// maxRedirects is how many redirects of discovery are followed. That Windows
// follows them is a model; so is that the Discover stays a POST.
const maxRedirects = 5

// Reach sends the GET that Windows sends before Discover, to check that the
// server is reachable (MS-MDE2 3.1.4.1; headers [seen]).
func (c *Client) Reach(ctx context.Context) error {
	to := c.Discovery
	for hops := 0; ; hops++ {
		status, next, err := c.reach(ctx, to)
		switch {
		case err != nil:
			return &Error{Step: StepReach, Status: status, Err: err}
		case next != "" && hops < maxRedirects:
			to = next
		case status != http.StatusOK:
			return &Error{Step: StepReach, Status: status, Err: fmt.Errorf("HTTP status %d", status)}
		default:
			return nil
		}
	}
}

// reach does one GET; next is where it is redirected to, if at all.
func (c *Client) reach(ctx context.Context, to string) (status int, next string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to, nil)
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("User-Agent", "ENROLLClient")
	req.Header.Set("Cache-Control", "no-cache")
	req.Header.Set("Pragma", "no-cache")
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(resp.Body, MaxMessage))
	return resp.StatusCode, redirect(resp), err
}

// redirect is the https URL that a reply redirects to, empty if it does not.
func redirect(resp *http.Response) string {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		if to, err := resp.Location(); err == nil && to.Scheme == "https" {
			return to.String()
		}
	}
	return ""
}

// movedError is a reply that redirects.
type movedError struct {
	status int
	to     string
}

func (e *movedError) Error() string {
	return fmt.Sprintf("HTTP status %d: a redirect to %s", e.status, e.to)
}

// Discover asks for the URLs of the services.
func (c *Client) Discover(ctx context.Context) (*DiscoverResponse, error) {
	r := c.Request
	r.To = withPort(c.Discovery)
	body, err := r.Write()
	if err != nil {
		return nil, &Error{Step: StepDiscover, Err: err}
	}
	e, err := c.post(ctx, StepDiscover, c.Discovery, body)
	var moved *movedError
	for hops := 0; hops < maxRedirects && errors.As(err, &moved); hops++ {
		e, err = c.post(ctx, StepDiscover, moved.to, body)
	}
	if err != nil {
		return nil, err
	}
	out, err := e.DiscoverResponse()
	if err != nil {
		return nil, &Error{Step: StepDiscover, Status: http.StatusOK, Err: err}
	}
	return out, nil
}

// Policies asks the policy service.
func (c *Client) Policies(ctx context.Context, policyURL string) (*PolicyResponse, error) {
	if err := c.withCredential(StepPolicies, "the policy service", policyURL); err != nil {
		return nil, err
	}
	body, err := (&PolicyRequest{To: policyURL, Credential: c.Credential, TPM: c.TPM}).Write()
	if err != nil {
		return nil, &Error{Step: StepPolicies, Err: err}
	}
	e, err := c.post(ctx, StepPolicies, policyURL, body)
	if err != nil {
		return nil, err
	}
	out, err := e.PolicyResponse()
	if err != nil {
		return nil, &Error{Step: StepPolicies, Status: http.StatusOK, Err: err}
	}
	return out, nil
}

// Token sends the CSR and returns the provisioning document.
func (c *Client) Token(ctx context.Context, enrollmentURL string, csr []byte, items []ContextItem) ([]byte, error) {
	return c.request(ctx, StepToken, &TokenRequest{To: enrollmentURL, Credential: c.Credential, CSR: csr, Context: items})
}

// Renew sends a CSR signed by the old certificate's key (PKCS#7) and returns
// the provisioning document with the new certificate. HTTP must present the old
// certificate (ROBO, MS-MDE2 3.5).
func (c *Client) Renew(ctx context.Context, enrollmentURL string, signed []byte, items []ContextItem) ([]byte, error) {
	return c.request(ctx, StepRenew, &TokenRequest{To: enrollmentURL, Credential: c.Credential, Renewal: true, CSR: signed, Context: items})
}

func (c *Client) request(ctx context.Context, step string, r *TokenRequest) ([]byte, error) {
	if err := c.withCredential(step, "the enrollment service", r.To); err != nil {
		return nil, err
	}
	body, err := r.Write()
	if err != nil {
		return nil, &Error{Step: step, Err: err}
	}
	if c.EditRST != nil {
		body = c.EditRST(body)
	}
	e, err := c.post(ctx, step, r.To, body)
	if err != nil {
		return nil, err
	}
	out, err := e.TokenResponse()
	if err != nil {
		return nil, &Error{Step: step, Status: http.StatusOK, Err: err}
	}
	return out.Provisioning, nil
}

// Send posts a message unchanged to one of the services and returns the reply's
// envelope. Errors are *Error.
func (c *Client) Send(ctx context.Context, to string, message []byte) (*Envelope, error) {
	if err := c.withCredential(StepSend, "the service", to); err != nil {
		return nil, err
	}
	return c.post(ctx, StepSend, to, message)
}

func (c *Client) post(ctx context.Context, step, to string, body []byte) (*Envelope, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return nil, &Error{Step: step, Err: err}
	}
	req.Header.Set("User-Agent", "ENROLLClient")
	req.Header.Set("Content-Type", MediaType)
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, &Error{Step: step, Err: err}
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, MaxMessage+1))
	if err != nil {
		return nil, &Error{Step: step, Status: resp.StatusCode, Err: fmt.Errorf("read the reply: %w", err)}
	}
	// A fault counts with any HTTP status and in any spelling.
	if f := ReadFault(raw); f != nil {
		f.Reason, f.Message = redact.Prose(f.Reason, c.secrets()...), redact.Prose(f.Message, c.secrets()...)
		return nil, &Error{Step: step, Status: resp.StatusCode, Err: f}
	}
	if to := redirect(resp); to != "" {
		return nil, &Error{Step: step, Status: resp.StatusCode, Err: &movedError{resp.StatusCode, to}}
	}
	if resp.StatusCode != http.StatusOK {
		err := fmt.Errorf("HTTP status %d without a SOAP fault", resp.StatusCode)
		if words := OwnWords(raw, c.secrets()...); words != "" {
			err = fmt.Errorf("%w: %s", err, words)
		}
		return nil, &Error{Step: step, Status: resp.StatusCode, Err: err}
	}
	e, err := ReadEnvelope(raw)
	if how := resp.Header.Get("Content-Encoding"); err != nil && how != "" {
		err = fmt.Errorf("%w: the reply has Content-Encoding %s, and the request asks for none", ErrNotSOAP, how)
	}
	if err != nil {
		return nil, &Error{Step: step, Status: resp.StatusCode, Err: err}
	}
	return e, nil
}

// secrets are the parts of the request that a reply may repeat.
func (c *Client) secrets() []string {
	if c.Credential == nil {
		return nil
	}
	list := []string{c.Credential.Password, string(c.Credential.Token)}
	return slices.DeleteFunc(list, func(s string) bool { return len(s) < 6 }) // "demo" is in the user's name, too
}

// withPort writes the URL as Windows does in the To of a Discover: always with
// its port [seen].
func withPort(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Port() != "" || u.Scheme != "https" {
		return raw
	}
	return strings.Replace(raw, u.Host, u.Host+":443", 1)
}
