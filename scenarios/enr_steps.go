package scenarios

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// services are the steps with a SOAP reply.
var services = []string{enroll.StepDiscover, enroll.StepPolicies, enroll.StepToken}

// actionOf is the SOAP Action of a step's request.
var actionOf = map[string]string{
	enroll.StepDiscover: enroll.ActionDiscover, enroll.StepPolicies: enroll.ActionGetPolicies, enroll.StepToken: enroll.ActionRequestToken,
}

// enrollOnce enrolls a device that has not tried yet. A failure is not a verdict:
// the caller looks at its own step.
func enrollOnce(d *Device) {
	if len(d.EnrollExchanges()) > 0 {
		return
	}
	if err := d.Enroll(); err != nil {
		d.T.Evidence("%v", err)
	}
}

// reached returns the last exchange of a step; nil if the enrollment did not get
// that far.
func reached(d *Device, step string) (found *dmclient.Exchange) {
	enrollOnce(d)
	for _, ex := range d.EnrollExchanges() {
		switch {
		case step != enroll.StepReach:
			if isRequest(ex, step) {
				found = ex // keep the last: a plain CSR follows a refused one
			}
		case ex.Method != http.MethodGet:
			return found // a later GET is for the sign-in page
		default:
			found = ex
		}
	}
	return found
}

// isRequest reports whether an exchange belongs to a step. A renewal also has the
// Action of an RST.
func isRequest(ex *dmclient.Exchange, step string) bool {
	sent := string(ex.Request)
	return strings.Contains(sent, ">"+actionOf[step]+"<") && !isRenewal(ex)
}

// exchangeOf returns the exchange of a step that was answered with 200 and no
// fault. Any other answer blocks the body: ENR-36 or ENR-05 judges it or, as
// devices go on without a policy, ENR-08.
func exchangeOf(d *Device, step string) *dmclient.Exchange {
	t, ex := d.T, reached(d, step)
	by := suite.By(suite.Enrolls)
	if step == enroll.StepPolicies {
		if r := d.Discovered(); r != nil && r.PolicyURL == "" {
			t.NotApplicable("the Discover reply names no policy service, which is optional")
		}
		by = append(by, "ENR-08", "ENR-05")
	}
	switch {
	case ex == nil:
		t.Excused(d.EnrollError())
		t.Blocked(by, "the enrollment did not get as far as %s", step)
	case !strings.HasPrefix(ex.URL, "https://"):
		t.Blocked(suite.By("ENR-05"), "the URL for %s is not an absolute https URL: %s", step, suite.Show(ex.URL))
	}
	if err := answerTo(step, ex); err != nil {
		t.Excused(err)
		t.Blocked(by, "%s was not answered: %s", step, said(err))
	}
	return ex
}

// answerTo says why an exchange does not answer its step; nil if it does.
func answerTo(step string, ex *dmclient.Exchange) *enroll.Error {
	fail := func(err error) *enroll.Error { return &enroll.Error{Step: step, Status: ex.Status, Err: err} }
	if ex.Err != nil {
		return fail(fmt.Errorf("no reply: %w", ex.Err))
	}
	if e, err := enroll.ReadEnvelope(ex.Response); err == nil {
		if f := e.Fault(); f != nil {
			return fail(f)
		}
	}
	if ex.Status == http.StatusOK {
		return nil
	}
	if to := ex.Reply.Get("Location"); to != "" {
		return fail(fmt.Errorf("HTTP status %d: a redirect to %s", ex.Status, to))
	}
	return fail(fmt.Errorf("HTTP status %d", ex.Status))
}

// envelopesOf returns the request and the reply of a step.
func envelopesOf(d *Device, step string) (sent, got *enroll.Envelope) {
	ex := exchangeOf(d, step)
	sent, err := enroll.ReadEnvelope(ex.Request)
	if err != nil {
		d.T.Error("the request of %s cannot be read: %v", step, err)
	}
	if got, err = enroll.ReadEnvelope(ex.Response); err != nil {
		by := suite.By(suite.Enrolls)
		if step == enroll.StepPolicies {
			by = append(by, "ENR-08")
		}
		d.T.Blocked(by, "the %s reply is not a SOAP envelope: %v", step, err)
	}
	return sent, got
}

// discoveredBy returns the server's answer to Discover.
func discoveredBy(d *Device) *enroll.DiscoverResponse {
	exchangeOf(d, enroll.StepDiscover)
	r := d.Discovered()
	if r == nil {
		d.T.Blocked(suite.By(suite.Enrolls), "the Discover reply cannot be read")
	}
	return r
}

// policiesOf returns the server's answer to GetPolicies, which has a policy.
func policiesOf(d *Device) *enroll.PolicyResponse {
	_, got := envelopesOf(d, enroll.StepPolicies)
	r, err := got.PolicyResponse()
	switch {
	case err != nil:
		d.T.Blocked(suite.By("ENR-08"), "the GetPolicies reply cannot be read: %v", err)
	case r.Policies == 0:
		d.T.Blocked(suite.By("ENR-08"), "the GetPolicies reply has no policy")
	}
	return r
}

// writtenDocument returns the provisioning document as the server wrote it.
func writtenDocument(d *Device) []byte {
	e, err := enroll.ReadEnvelope(exchangeOf(d, enroll.StepToken).Response)
	if err != nil {
		d.T.Blocked(suite.By("ENR-11"), "the RST reply cannot be read: %v", err)
	}
	r, err := e.TokenResponse()
	if err != nil {
		d.T.Blocked(suite.By("ENR-11"), "the RST reply has no document: %v", err)
	}
	return r.Provisioning
}

// documentOf returns the provisioning document, even if a device cannot install it.
func documentOf(d *Device) *enroll.Provisioning {
	enrollOnce(d)
	if doc := d.Provisioning(); doc != nil {
		return doc
	}
	doc, err := enroll.ReadProvisioning(writtenDocument(d))
	if err != nil {
		d.T.Blocked(suite.By("ENR-11"), "%v", err)
	}
	return doc
}

// requestOf returns the RST of a device; if it got no further than GetPolicies, one
// like it. To make a key takes time.
func requestOf(d *Device) *enroll.TokenRequest {
	if ex := reached(d, enroll.StepToken); ex != nil {
		if e, err := enroll.ReadEnvelope(ex.Request); err == nil {
			if r, err := e.TokenRequest(); err == nil {
				return r
			}
		}
	}
	c := caller(d.T)
	csr, err := c.CSR(d.T.Lab.Leniency().PlainCSR)
	if err != nil {
		d.T.Error("no CSR could be made: %v", err)
	}
	return &enroll.TokenRequest{CSR: csr, Context: c.Context()}
}

// caller returns a device that sends single messages and does not enroll.
func caller(t *T) *Device { return callerWith(t, func(*dmclient.Config) {}) }

// callerWith is caller with a changed configuration.
func callerWith(t *T, edit func(*dmclient.Config)) *Device {
	dev, err := t.Lab.NewDevice(t.Profile(), edit)
	if err != nil {
		t.Error("no device could be made: %v", err)
	}
	t.After(func() { dev.Close() })
	return &Device{Device: dev, T: t}
}

// send posts a message unchanged and keeps the exchange.
func send(d *Device, what, to string, message []byte) error {
	_, err := d.EnrollmentClient(dmclient.EnrollOptions{}).Send(d.T.Context(), to, message)
	keepLast(d, what)
	d.T.Excused(err)
	return err
}

// keepLast keeps the last exchange with the enrollment services as evidence.
func keepLast(d *Device, what string) {
	if exs := d.EnrollExchanges(); len(exs) > 0 {
		d.T.Keep(d, what, exs[len(exs)-1])
	}
}

// refusedBy reports whether the server refused a request, with a SOAP fault or
// HTTP 4xx. A crash or a dropped connection is not a refusal.
func refusedBy(err error) bool {
	var e *enroll.Error
	var f *enroll.Fault
	return errors.As(err, &f) || errors.As(err, &e) && e.Status >= 400 && e.Status < 500
}

// said says what came instead of an answer, without the name of the step.
func said(err error) string {
	var e *enroll.Error
	if errors.As(err, &e) && e.Err != nil {
		err = e.Err
	}
	if u, ok := err.(*url.Error); ok { //nolint:errorlint // a wrapped one already has words
		return "no reply: " + u.Err.Error()
	}
	return err.Error()
}

// hasDirectory reports whether devices get their tokens from a directory.
func hasDirectory(t *T) bool { return t.Lab.Directory != nil || t.Lab.Config.Target.Hooks.Token != nil }

// signed reports whether requests are signed with a certificate.
func signed(t *T) bool { return t.Lab.EnrollsByCertificate() }

// offered returns the AuthPolicies in the device's Discover request.
func offered(d *Device) []string {
	sent, _ := envelopesOf(d, enroll.StepDiscover)
	r, err := sent.DiscoverRequest()
	if err != nil {
		d.T.Error("the request of Discover cannot be read: %v", err)
	}
	return slices.Clone(r.AuthPolicies)
}
