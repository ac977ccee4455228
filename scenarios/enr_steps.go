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

// services are the steps that are answered with SOAP.
var services = []string{enroll.StepDiscover, enroll.StepPolicies, enroll.StepToken}

// actionOf is the SOAP Action of a step's request.
var actionOf = map[string]string{
	enroll.StepDiscover: enroll.ActionDiscover, enroll.StepPolicies: enroll.ActionGetPolicies, enroll.StepToken: enroll.ActionRequestToken,
}

// enrollOnce enrolls a device that has not tried yet. A failure is no verdict:
// the caller looks at the step it is about.
func enrollOnce(d *Device) {
	if len(d.EnrollExchanges()) > 0 {
		return
	}
	if err := d.Enroll(); err != nil {
		d.T.Evidence("%v", err)
	}
}

// reached is the last exchange of a step, nil if the enrollment did not get that
// far.
func reached(d *Device, step string) (found *dmclient.Exchange) {
	enrollOnce(d)
	for _, ex := range d.EnrollExchanges() {
		switch {
		case step != enroll.StepReach:
			if isRequest(ex, step) {
				found = ex // the last one: a plain CSR comes after a refused one
			}
		case ex.Method != http.MethodGet:
			return found // a later GET is of the sign-in page
		default:
			found = ex
		}
	}
	return found
}

// isRequest tells whether an exchange is of that step. A renewal has the Action
// of an RST.
func isRequest(ex *dmclient.Exchange, step string) bool {
	sent := string(ex.Request)
	return strings.Contains(sent, ">"+actionOf[step]+"<") && !strings.Contains(sent, "/Renew</")
}

// exchangeOf is the exchange of a step that was answered with 200 and no fault.
// Any other one blocks the body: it is the verdict of ENR-36, of ENR-05 or, as
// devices go on without a policy, of ENR-08.
func exchangeOf(d *Device, step string) *dmclient.Exchange {
	t, ex := d.T, reached(d, step)
	by := suite.By(suite.Enrolls)
	if step == enroll.StepPolicies {
		if r := d.Discovered(); r != nil && r.PolicyURL == "" {
			t.NotApplicable("the Discover reply names no policy service, which is optional")
		}
		by = append(by, "ENR-08")
	}
	switch {
	case ex == nil:
		t.Excused(d.EnrollError())
		t.Blocked(by, "the enrollment did not get as far as %s", step)
	case !strings.HasPrefix(ex.URL, "https://"):
		t.Blocked(suite.By("ENR-05"), "the URL for %s is no absolute https URL: %s", step, suite.Show(ex.URL))
	}
	if err := answerTo(step, ex); err != nil {
		t.Excused(err)
		t.Blocked(by, "%s was not answered: %s", step, said(err))
	}
	return ex
}

// answerTo is why an exchange is not an answer to its step.
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
	if ex.Status != http.StatusOK {
		return fail(fmt.Errorf("HTTP status %d", ex.Status))
	}
	return nil
}

// envelopesOf are the request and the reply of one step.
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
		d.T.Blocked(by, "the %s reply is no SOAP envelope: %v", step, err)
	}
	return sent, got
}

// discoveredBy is the server's answer to Discover.
func discoveredBy(d *Device) *enroll.DiscoverResponse {
	exchangeOf(d, enroll.StepDiscover)
	r := d.Discovered()
	if r == nil {
		d.T.Blocked(suite.By(suite.Enrolls), "the Discover reply cannot be read")
	}
	return r
}

// policiesOf is the server's answer to GetPolicies, with a policy.
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

// writtenDocument is the provisioning document as the server wrote it.
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

// documentOf is the provisioning document, also one that a device cannot install.
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

// caller is a device that sends single messages and does not enroll.
func caller(t *T) *Device {
	dev, err := t.Lab.NewDevice(t.Profile())
	if err != nil {
		t.Error("no device could be made: %v", err)
	}
	t.After(func() { dev.Close() })
	return &Device{Device: dev, T: t}
}

// send posts a message as it is and keeps the exchange.
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

// refusedBy tells whether the server turned a request down: by a SOAP fault, or by
// HTTP 4xx. A crash or a dropped connection is none.
func refusedBy(err error) bool {
	var e *enroll.Error
	var f *enroll.Fault
	return errors.As(err, &f) || errors.As(err, &e) && e.Status >= 400 && e.Status < 500
}

// said is what came instead of an answer, without the name of the step.
func said(err error) string {
	var e *enroll.Error
	if errors.As(err, &e) && e.Err != nil {
		err = e.Err
	}
	if u, ok := err.(*url.Error); ok { //nolint:errorlint // one that is wrapped was put into words
		return "no reply: " + u.Err.Error()
	}
	return err.Error()
}

// hasDirectory tells whether devices bring tokens of a directory.
func hasDirectory(t *T) bool { return t.Lab.Directory != nil || t.Lab.Config.Target.Hooks.Token != nil }

// signed tells whether requests are signed with a certificate.
func signed(t *T) bool { return t.Lab.Config.Target.Certificate.Cert != "" }

// offered are the AuthPolicies that the device's Discover listed.
func offered(d *Device) []string {
	sent, _ := envelopesOf(d, enroll.StepDiscover)
	r, err := sent.DiscoverRequest()
	if err != nil {
		d.T.Error("the request of Discover cannot be read: %v", err)
	}
	return slices.Clone(r.AuthPolicies)
}
