package scenarios

import (
	"errors"
	"slices"

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
			case t.Lab.Config.Target.Hooks.Token != nil && d.Discovered() != nil && d.Discovered().AuthPolicy != "Federated":
				t.NotApplicable("devices bring their own token (target.hooks.token), whatever Discover asks for")
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
		Source:  "MS-WSTEP 3.1.4.2; MS-MDE2 2.2.10, 3.4.4.1",
		Fix:     "Answer an invalid credential with a SOAP fault.",
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
				reassure(t, known.Discovered())
				if d.Provisioning() != nil {
					err = nil
				}
				faulted(err)
			})
			t.Try("RST", func() {
				err := tokenWith(caller(t), "RST with "+tried, dmclient.EnrollOptions{Credential: wrong}, known.Discovered())
				reassure(t, known.Discovered())
				faulted(err)
			})
		},
	},
	{
		ID: "ENR-29", Level: report.Must, Title: "GetPolicies and RST with no token or a wrong one are refused",
		Rule:    "The policy service and the enrollment service serve nobody without a valid credential.",
		Source:  "MS-MDE2 3.3.4.1, 3.4.4.1; MS-XCEP 3.1.4.1",
		Fix:     "Check the credential in GetPolicies and in RST before doing anything else.",
		Mutants: []*mutants.Mutant{mutants.EnrPasswordAny, mutants.EnrTokenOptional, mutants.EnrPasswordEmpty, mutants.EnrTokenAny},
		Under:   []string{"ENR-18"},
		Run: func(t *T) {
			known := t.Enrollee()
			r := discoveredBy(known)
			wrong, tried := wrongCredential(t, r)
			type bad struct {
				what string
				opts dmclient.EnrollOptions
			}
			list := []bad{{"no security token", dmclient.EnrollOptions{NoCredential: true}}, {tried, dmclient.EnrollOptions{Credential: wrong}}}
			if wrong.Username != "" {
				list = append(list, bad{"an empty password", dmclient.EnrollOptions{Credential: &enroll.Credential{Username: wrong.Username}}},
					bad{"an invented token", dmclient.EnrollOptions{Credential: &enroll.Credential{Token: []byte("not a token")}}})
			}
			for _, with := range list {
				t.Try("GetPolicies with "+with.what, func() {
					exchangeOf(known, enroll.StepPolicies)
					c := caller(t)
					_, err := c.EnrollmentClient(with.opts).Policies(t.Context(), r.PolicyURL)
					keepLast(c, "GetPolicies with "+with.what)
					reassure(t, r)
					mustRefuse(t, err, "the policy")
				})
				t.Try("RST with "+with.what, func() {
					exchangeOf(known, enroll.StepToken)
					c := caller(t)
					err := tokenWith(c, "RST with "+with.what, with.opts, r)
					reassure(t, r)
					mustRefuse(t, err, "a certificate")
				})
			}
		},
	},
	{
		ID: "ENR-48", Level: report.Should, Title: "the fault for an invalid credential says Authentication",
		Rule:    "GetPolicies and RST answer an invalid credential with a SOAP fault whose subcode is Authentication. Windows then shows 0x80180002 and asks the user again.",
		Source:  "MS-MDE2 2.2.10; Learn, \"Mobile device enrollment\" (error messages)",
		Fix:     "Write Authentication into Code/Subcode/Value of the fault.",
		Mutants: []*mutants.Mutant{mutants.EnrFaultMessage, mutants.EnrFaultCode},
		Under:   []string{"ENR-18", "ENR-29"},
		Run: func(t *T) {
			d := t.Specimen()
			r := discoveredBy(d)
			wrong, tried := wrongCredential(t, r)
			c := caller(t)
			client := c.EnrollmentClient(dmclient.EnrollOptions{Credential: wrong})
			t.Try("GetPolicies with "+tried, func() {
				exchangeOf(d, enroll.StepPolicies)
				_, err := client.Policies(t.Context(), r.PolicyURL)
				reassure(t, r)
				saysAuthentication(c, "GetPolicies with "+tried, err)
			})
			t.Try("RST with "+tried, func() {
				exchangeOf(d, enroll.StepToken)
				rst := requestOf(d)
				_, err := client.Token(t.Context(), r.EnrollmentURL, rst.CSR, rst.Context)
				reassure(t, r)
				saysAuthentication(c, "RST with "+tried, err)
			})
		},
	},
}

// notAuthenticated are the subcodes for a credential that is not valid. The last two
// are those of WS-Security 1.1 section 12 for tokens.
var notAuthenticated = []string{enroll.FaultAuthentication, "InvalidSecurity", "FailedAuthentication", "InvalidSecurityToken"}

// saysAuthentication fails unless the refusal of an invalid credential is a fault
// that says so.
func saysAuthentication(c *Device, what string, err error) {
	t := c.T
	t.Excused(err)
	if !refusedBy(err) {
		t.Blocked(suite.By("ENR-29"), "%s was not refused", what)
	}
	keepLast(c, what)
	var f *enroll.Fault
	if !errors.As(err, &f) {
		t.Fail("a SOAP fault with subcode "+enroll.FaultAuthentication, said(err))
	}
	t.Check(slices.Contains(notAuthenticated, f.Subcode), "a SOAP fault with subcode "+enroll.FaultAuthentication, "subcode "+suite.Show(f.Subcode))
}

// wrongCredential returns an invalid credential of the kind that the server asks
// for, and describes it in words.
func wrongCredential(t *T, r *enroll.DiscoverResponse) (wrong *enroll.Credential, tried string) {
	token := t.Lab.Config.Target.Hooks.Token
	if r.AuthPolicy != "Federated" && token == nil {
		return &enroll.Credential{Username: t.Lab.Config.Target.Username, Password: "not the password"}, "a wrong password"
	}
	wrong = &enroll.Credential{Token: []byte("not a token")}
	switch {
	case token != nil:
		wrong.TokenType = token.Type()
	case hasDirectory(t):
		wrong.TokenType = enroll.JWTToken
	}
	return wrong, "an invented token"
}

// reassure shows the server the right password after a wrong one: it may lock a user
// out after a few wrong ones in a row.
func reassure(t *T, r *enroll.DiscoverResponse) {
	if r.AuthPolicy == "OnPremise" && r.PolicyURL != "" && t.Lab.Config.Target.Hooks.Token == nil {
		caller(t).EnrollmentClient(dmclient.EnrollOptions{}).Policies(t.Context(), r.PolicyURL) //nolint:errcheck // others judge it
	}
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
