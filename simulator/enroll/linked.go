package enroll

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// StepLinked is the discovery of a linked enrollment, as errors and records name it.
const StepLinked = "linked discovery"

// LinkedRequest asks for the services of a linked enrollment (Learn, "Declared
// configuration discovery").
type LinkedRequest struct {
	UserDomain string `json:"userDomain,omitempty"`
	UPN        string `json:"upn,omitempty"`
	TenantID   string `json:"tenantId,omitempty"`
	// EmmDeviceID is EntDMID of the primary enrollment.
	EmmDeviceID string `json:"emmDeviceId,omitempty"`
	// EnrollmentType is Device for a device that joined a directory, User for one that
	// is registered there; empty stands for Device.
	EnrollmentType string `json:"enrollmentType,omitempty"`
	OSVersion      string `json:"osVersion"`
}

// LinkedReply names the services, or says why not.
type LinkedReply struct {
	EnrollmentServiceURL       string `json:"EnrollmentServiceUrl"`
	EnrollmentPolicyServiceURL string `json:"EnrollmentPolicyServiceUrl"`
	AuthenticationServiceURL   string `json:"AuthenticationServiceUrl"`
	AuthPolicy                 string `json:"AuthPolicy"`
	EnrollmentVersion          string `json:"EnrollmentVersion,omitempty"`
	ManagementResource         string `json:"ManagementResource,omitempty"`
	TouURL                     string `json:"TouUrl,omitempty"`
	ErrorCode                  string `json:"errorCode,omitempty"`
	Message                    string `json:"message,omitempty"`
}

// UPNRequired is the ErrorCode that asks for the request again, with upn.
const UPNRequired = "UPNRequired"

// LaterError is a discovery that asks to come back.
type LaterError struct {
	Status int
	Wait   time.Duration
}

func (e *LaterError) Error() string {
	return fmt.Sprintf("HTTP status %d, Retry-After %s", e.Status, e.Wait)
}

// DiscoverLinked asks the discovery service of a linked enrollment, c.Discovery. It
// repeats the request with upn if the service requires one. Errors are *Error; they wrap
// a *LaterError if the service asks to wait.
func (c *Client) DiscoverLinked(ctx context.Context, r LinkedRequest, upn string) (*DiscoverResponse, error) {
	fail := func(status int, err error) (*DiscoverResponse, error) {
		return nil, &Error{Step: StepLinked, Status: status, Err: err}
	}
	reply, status, err := c.askLinked(ctx, &r)
	if err == nil && reply.ErrorCode == UPNRequired && r.UPN == "" && upn != "" {
		r.UPN = upn
		reply, status, err = c.askLinked(ctx, &r)
	}
	switch {
	case err != nil:
		return fail(status, err)
	case reply.ErrorCode != "":
		return fail(status, &CodedError{Code: CodeLinkedRequest, Err: fmt.Errorf("%s: %s", reply.ErrorCode, reply.Message)})
	case status != http.StatusOK:
		return fail(status, fmt.Errorf("HTTP status %d", status))
	case reply.EnrollmentServiceURL == "" || reply.EnrollmentPolicyServiceURL == "" || reply.AuthenticationServiceURL == "" || reply.AuthPolicy == "":
		return fail(status, errors.New("EnrollmentServiceUrl, EnrollmentPolicyServiceUrl, AuthenticationServiceUrl or AuthPolicy is missing"))
	}
	return &DiscoverResponse{AuthPolicy: reply.AuthPolicy, EnrollmentVersion: reply.EnrollmentVersion, PolicyURL: reply.EnrollmentPolicyServiceURL,
		EnrollmentURL: reply.EnrollmentServiceURL, AuthenticationURL: reply.AuthenticationServiceURL}, nil
}

// CodeLinkedRequest is what Windows logs for a refused linked discovery [seen: event
// 0x8018000b for an unknown tenant, HTTP 400 InvalidRequest].
const CodeLinkedRequest = "0x8018000b"

func (c *Client) askLinked(ctx context.Context, r *LinkedRequest) (*LinkedReply, int, error) {
	if err := c.inClear(StepLinked, "LinkedEnrollment/DiscoveryEndpoint", c.Discovery); err != nil {
		return nil, 0, err
	}
	body, err := json.Marshal(r)
	if err != nil {
		return nil, 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Discovery, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("User-Agent", "ENROLLClient") // as other enrollment requests [model]
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	if wait := resp.Header.Get("Retry-After"); wait != "" && resp.StatusCode != http.StatusOK {
		d, err := time.ParseDuration(strings.TrimSpace(wait) + "s")
		if err != nil {
			d = time.Minute // a date, or nonsense [model]
		}
		return nil, resp.StatusCode, &LaterError{resp.StatusCode, d}
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, MaxMessage))
	if err != nil {
		return nil, resp.StatusCode, err
	}
	reply := &LinkedReply{}
	if err := json.Unmarshal(raw, reply); err != nil {
		if resp.StatusCode != http.StatusOK {
			return reply, resp.StatusCode, nil // the status says it
		}
		return nil, resp.StatusCode, fmt.Errorf("the reply is not the JSON of a discovery: %w", err)
	}
	return reply, resp.StatusCode, nil
}
