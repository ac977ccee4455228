package scenarios

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// discovery are the ENR scenarios about the Discover reply and the sign-in page
// that it names.
var discovery = []Scenario{
	{
		ID: "ENR-04", Level: report.Must, Title: "the client offered the AuthPolicy in the reply",
		Rule:    "AuthPolicy in the Discover reply is one of the AuthPolicies in the request. A client cannot enroll with any other.",
		Source:  "MS-MDE2 3.1.4.1.3.1, 3.1.4.1.3.2",
		Fix:     "Choose AuthPolicy from the AuthPolicies that the request lists.",
		Mutants: []*mutants.Mutant{mutants.EnrPolicyUnoffered},
		Run: func(t *T) {
			d := t.Specimen()
			r := discoveredBy(d)
			list := offered(d)
			t.Check(slices.Contains(list, r.AuthPolicy), "AuthPolicy: one of "+strings.Join(list, ", "), suite.Show(r.AuthPolicy))
		},
	},
	{
		ID: "ENR-05", Level: report.Must, Title: "service URLs are absolute https URLs and answer",
		Rule:    "EnrollmentServiceUrl and, if present, EnrollmentPolicyServiceUrl in the Discover reply are absolute https URLs of services that answer.",
		Source:  "MS-MDE2 3.1.4.1.3.2",
		Fix:     "Build both service URLs from the server's public base URL, including scheme and host.",
		Mutants: []*mutants.Mutant{mutants.EnrURLRelative, mutants.EnrURLPlain},
		Run: func(t *T) {
			d := t.Specimen()
			r := discoveredBy(d)
			if r.PolicyURL != "" {
				t.Try("EnrollmentPolicyServiceUrl", func() { serviceAt(d, enroll.StepPolicies, r.PolicyURL) })
			}
			t.Try("EnrollmentServiceUrl", func() { serviceAt(d, enroll.StepToken, r.EnrollmentURL) })
		},
	},
	{
		ID: "ENR-06", Level: report.Must, On: "federated", Title: "Federated: the sign-in page returns wresult to appru",
		Rule:    "A server that answers Federated names an AuthenticationServiceUrl. The page there ends in a form that posts wresult to the address in appru.",
		Source:  "MS-MDE2 3.1.4.1.3.2; Learn, \"Federated authentication device enrollment\"",
		Fix:     "Send AuthenticationServiceUrl, and end the page in a form that posts wresult to the address in appru.",
		Mutants: []*mutants.Mutant{mutants.EnrNoAuthURL, mutants.EnrAppruFixed},
		Under:   []string{"ENR-05"},
		Run: func(t *T) {
			d := t.Specimen()
			r := discoveredBy(d)
			if r.AuthPolicy != "Federated" {
				t.NotApplicable("the server answers AuthPolicy %s", suite.Show(r.AuthPolicy))
			}
			t.Check(absolute(r.AuthenticationURL), "AuthenticationServiceUrl: an absolute https URL", suite.Show(r.AuthenticationURL))
			if hasDirectory(t) {
				t.NotApplicable("devices get their tokens from a directory (target.directory, target.hooks.token), so they open no page")
			}
			signsIn(t, r)
		},
	},
}

// absolute reports whether a URL is an absolute https URL.
func absolute(at string) bool {
	u, err := url.Parse(at)
	return err == nil && u.Scheme == "https" && u.Host != ""
}

// serviceAt fails unless a service answers at its URL, whatever the answer.
func serviceAt(d *Device, step, at string) {
	t := d.T
	t.Check(absolute(at), "an absolute https URL", suite.Show(at))
	ex := reached(d, step)
	if ex == nil {
		t.Excused(d.EnrollError())
		t.Blocked(suite.By(suite.Enrolls), "the enrollment did not get as far as %s", step)
	}
	var dial *net.OpError
	if errors.As(ex.Err, &dial) && dial.Op == "dial" {
		t.Fail("a service that answers at "+at, ex.Err.Error())
	}
	gone := []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone}
	t.Check(!slices.Contains(gone, ex.Status), "a service that answers POST at "+at, "HTTP "+strconv.Itoa(ex.Status))
}

// signIn returns a client that signs in on the server's page as the target's user.
func signIn(d *Device, r *enroll.DiscoverResponse) *enroll.SignIn {
	t := &d.T.Lab.Config.Target
	return &enroll.SignIn{HTTP: d.EnrollmentClient(dmclient.EnrollOptions{}).HTTP, URL: r.AuthenticationURL,
		LoginHint: t.Username, Username: t.Username, Password: t.Password.Value()}
}

// signsIn fails unless the sign-in page returns wresult.
func signsIn(t *T, r *enroll.DiscoverResponse) {
	d := caller(t)
	_, err := signIn(d, r).Token(t.Context())
	if err == nil {
		return
	}
	keepLast(d, "the sign-in page")
	t.Excused(err)
	t.Fail("a page that returns wresult to "+enroll.AppRU, said(err))
}
