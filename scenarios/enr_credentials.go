package scenarios

import (
	"errors"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// enrollmentCredentials are the ENR scenarios about right, wrong and missing
// credentials.
var enrollmentCredentials = []Scenario{
	{
		ID: "ENR-07", Level: report.Must, Title: "the server accepts the AuthPolicy that it advertises",
		Rule:    "GetPolicies and RST accept the kind of credential that AuthPolicy in the Discover reply names: a UsernameToken for OnPremise.",
		Source:  "MS-MDE2 3.1.4.1.3.2, 3.3.4.1, 3.4.4.1; fleet issue 46387",
		Fix:     "Let GetPolicies and RST check the kind of credential that Discover advertises. Usually one of the two lacks the check.",
		Mutants: []*mutants.Mutant{mutants.EnrPolicyLies},
		Run: func(t *T) {
			d := t.Device()
			err := d.Enroll()
			t.Excused(err)
			var e *enroll.Error
			switch {
			case err == nil || d.Provisioning() != nil:
			case errors.As(err, &e) && e.Refused() && (e.Step == enroll.StepPolicies || e.Step == enroll.StepToken):
				t.Fail(e.Step+" accepts the kind of credential that Discover asks for, "+suite.Show(d.Discovered().AuthPolicy), said(err))
			default:
				t.Blocked(suite.By(suite.Enrolls), "the enrollment failed for another reason: %v", err)
			}
		},
	},
	{
		ID: "ENR-18", Level: report.Must, Title: "an invalid credential gets a SOAP fault",
		Rule:    "A request with an invalid credential is answered with a SOAP fault, not with a certificate and not by a crash.",
		Source:  "MS-WSTEP 3.1.4.2; MS-MDE2 2.2.10",
		Fix:     "Answer an invalid credential with a SOAP fault whose subcode is Authentication, in GetPolicies and in RST.",
		Mutants: []*mutants.Mutant{mutants.EnrPasswordPanic, mutants.EnrPasswordAny},
		Run: func(t *T) {
			// A device like it enrolls with the right credential, so only the wrong
			// credential can be the reason for a refusal.
			known := t.EnrolledOnly()
			opts := t.Lab.Leniency()
			wrong, tried := wrongCredential(t, known.Discovered())
			opts.Credential = wrong
			faulted := func(err error) {
				t.Excused(err)
				var f *enroll.Fault
				if err == nil {
					t.Fail("a SOAP fault for "+tried, "a certificate")
				}
				if !errors.As(err, &f) {
					t.Fail("a SOAP fault for "+tried, said(err))
				}
			}
			t.Try("an enrollment", func() {
				d := t.Device()
				err := d.EnrollWith(opts)
				if d.Provisioning() != nil {
					err = nil
				}
				faulted(err)
			})
			t.Try("RST", func() {
				faulted(tokenWith(caller(t), "RST with "+tried, dmclient.EnrollOptions{Credential: wrong}, known.Discovered()))
			})
		},
	},
	{
		ID: "ENR-29", Level: report.Must, Title: "GetPolicies and RST with no token or a wrong one are refused",
		Rule:    "The policy service and the enrollment service serve nobody without a valid credential.",
		Source:  "MS-MDE2 3.3.4.1, 3.4.4.1; MS-XCEP 3.1.4.1",
		Fix:     "Check the credential in GetPolicies and in RST before doing anything else.",
		Mutants: []*mutants.Mutant{mutants.EnrPasswordAny, mutants.EnrTokenOptional},
		Under:   []string{"ENR-18"},
		Run: func(t *T) {
			known := t.Enrollee()
			r := discoveredBy(known)
			wrong, tried := wrongCredential(t, r)
			for _, with := range []struct {
				what string
				opts dmclient.EnrollOptions
			}{
				{"no security token", dmclient.EnrollOptions{NoCredential: true}},
				{tried, dmclient.EnrollOptions{Credential: wrong}},
			} {
				t.Try("GetPolicies with "+with.what, func() {
					exchangeOf(known, enroll.StepPolicies)
					c := caller(t)
					_, err := c.EnrollmentClient(with.opts).Policies(t.Context(), r.PolicyURL)
					keepLast(c, "GetPolicies with "+with.what)
					mustRefuse(t, err, "the policy")
				})
				t.Try("RST with "+with.what, func() {
					exchangeOf(known, enroll.StepToken)
					c := caller(t)
					mustRefuse(t, tokenWith(c, "RST with "+with.what, with.opts, r), "a certificate")
				})
			}
		},
	},
}

// wrongCredential returns an invalid credential of the kind that the server asks
// for, and describes it in words.
func wrongCredential(t *T, r *enroll.DiscoverResponse) (wrong *enroll.Credential, tried string) {
	if r.AuthPolicy != "Federated" {
		return &enroll.Credential{Username: t.Lab.Config.Target.Username, Password: "not the password"}, "a wrong password"
	}
	wrong = &enroll.Credential{Token: []byte("not a token")}
	if hasDirectory(t) {
		wrong.TokenType = enroll.JWTToken
	}
	return wrong, "an invented token"
}

// mustRefuse fails unless a request was refused. accepted names what the server
// returns for an accepted one.
func mustRefuse(t *T, err error, accepted string) {
	t.Excused(err)
	switch {
	case err == nil:
		t.Fail("a SOAP fault, or HTTP 4xx", accepted)
	case !refusedBy(err):
		t.Fail("a SOAP fault, or HTTP 4xx", said(err))
	}
}

// turnedDown fails if the server enrolls a device that it must refuse, or crashes
// on it.
func turnedDown(t *T, d *Device, o dmclient.EnrollOptions, what string) {
	err := d.EnrollWith(o)
	t.Excused(err)
	var e *enroll.Error
	switch {
	case err == nil || d.Provisioning() != nil:
		t.Fail("a refusal of "+what, "a certificate")
	case errors.As(err, &e) && e.Status == 0 && e.Step != enroll.StepSignIn:
		t.Fail("a refusal of "+what, said(err))
	}
	t.Evidence("%v", err)
}
