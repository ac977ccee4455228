package scenarios

import (
	"errors"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/beevik/etree"

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
		Mutants: []*mutants.Mutant{mutants.EnrNoAuthURL, mutants.EnrAppruFixed, mutants.EnrAppruUsual},
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
			signsIn(t, r, enroll.AppRU)
			signsIn(t, r, otherApp) // a server that does not return to one app returns to none
		},
	},
	{
		ID: "ENR-40", Level: report.Must, Title: "policy and enrollment service are on one host",
		Rule:    "EnrollmentPolicyServiceUrl, if present, and EnrollmentServiceUrl have the same host name.",
		Source:  "Learn, \"Federated authentication device enrollment\", \"On-premises authentication device enrollment\" (Enrollment web service, note)",
		Fix:     "Serve GetPolicies and RST under one host name.",
		Mutants: []*mutants.Mutant{mutants.EnrHostsDiffer},
		Under:   []string{"ENR-05"},
		Run: func(t *T) {
			r := discoveredBy(t.Specimen())
			if r.PolicyURL == "" {
				return // the service is optional
			}
			policy, errP := url.Parse(r.PolicyURL)
			enrollment, errE := url.Parse(r.EnrollmentURL)
			if errP != nil || errE != nil || policy.Host == "" || enrollment.Host == "" {
				t.Blocked(suite.By("ENR-05"), "a service URL names no host: %s, %s", suite.Show(r.PolicyURL), suite.Show(r.EnrollmentURL))
			}
			t.Check(strings.EqualFold(policy.Hostname(), enrollment.Hostname()),
				"EnrollmentPolicyServiceUrl on the host of EnrollmentServiceUrl, "+enrollment.Hostname(), policy.Hostname())
		},
	},
	{
		ID: "ENR-42", Level: report.Should, Title: "the Discover reply follows its schema",
		Rule:    "DiscoverResponse, DiscoverResult and their elements are in the namespace of the discovery service, and none occurs twice. EnrollmentVersion, if present, is a version of the protocol, 3.0 to 9.0, whatever the device asks for.",
		Source:  "MS-MDE2 3.1.4.1.2.2, 3.1.4.1.3.2, 6",
		Fix:     "Declare xmlns=\"" + enroll.NamespaceDiscovery + "\" on DiscoverResponse, and write each element once.",
		Mutants: []*mutants.Mutant{mutants.EnrDiscoverNamespace, mutants.EnrDiscoverTwice, mutants.EnrVersionUnknown, mutants.EnrVersionEcho, mutants.EnrDiscoverOld},
		Run: func(t *T) {
			d := t.Specimen()
			discoveredBy(d)
			t.Try("the device's own Discover", func() { discoverReply(d) })
			for _, v := range []string{"3.0", "42.0"} { // 42.0 is newer than any server
				t.Try("RequestVersion "+v, func() {
					c := caller(t)
					_, err := ask(t, c.EnrollmentClient(dmclient.EnrollOptions{}), func(q *enroll.DiscoverRequest) { q.RequestVersion = v })
					if err != nil {
						declined(t, err) // ENR-41 judges it
						t.Evidence("RequestVersion %s: %s", v, said(err))
						return
					}
					keepLast(c, "Discover with RequestVersion "+v)
					discoverReply(c)
				})
			}
		},
	},
}

// otherApp is the form of the address of an app that opens the page: not every
// enrollment starts in the Settings.
const otherApp = "ms-app://s-1-15-2-1430448594-2639229838-973813799-439329657-1197984847-4069167804-1277922394"

// discoverReply fails unless the reply to a Discover follows the schema.
func discoverReply(d *Device) {
	t := d.T
	r := bodyOf(d, enroll.StepDiscover, "DiscoverResponse")
	result := r.SelectElement("DiscoverResult")
	list := ofDiscovery(result)
	inNamespace(t, enroll.NamespaceDiscovery, append(list, r, result))
	seen := map[string]bool{}
	for _, e := range list {
		t.Check(!seen[e.Tag], "one "+e.Tag, "two")
		seen[e.Tag] = true
	}
	knownVersion(t, result.SelectElement("EnrollmentVersion"))
}

// ofDiscovery returns the elements of a DiscoverResult that the schema knows.
func ofDiscovery(result *etree.Element) (list []*etree.Element) {
	for _, name := range []string{"AuthPolicy", "EnrollmentVersion", "EnrollmentPolicyServiceUrl", "EnrollmentServiceUrl", "AuthenticationServiceUrl"} {
		list = append(list, result.SelectElements(name)...)
	}
	return list
}

// inNamespace fails unless every element is in the namespace.
func inNamespace(t *T, namespace string, list []*etree.Element) {
	for _, e := range list {
		t.Check(e.NamespaceURI() == namespace, e.Tag+" in namespace "+namespace, suite.Show(e.NamespaceURI()))
	}
}

// knownVersion fails unless EnrollmentVersion is absent, nil, or a version of the
// protocol. MS-MDE2 ends at 7.0; devices with 9.0 exist [seen].
func knownVersion(t *T, e *etree.Element) {
	if isNil(e) {
		return
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(e.Text()), 64)
	t.Check(err == nil && v >= 3 && v <= 9 && v == math.Trunc(v), "EnrollmentVersion: 3.0 to 9.0", suite.Show(e.Text()))
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
	saw := nobody(ex)
	t.Check(saw == "", "a service that answers POST at "+at, saw)
}

// nobody says why no service is at the URL of an exchange; empty if one is.
func nobody(ex *dmclient.Exchange) string {
	var dial *net.OpError
	if errors.As(ex.Err, &dial) && dial.Op == "dial" {
		return ex.Err.Error()
	}
	if slices.Contains([]int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone}, ex.Status) {
		return "HTTP " + strconv.Itoa(ex.Status)
	}
	return ""
}

// signIn returns a client that signs in on the server's page as the target's user.
func signIn(d *Device, r *enroll.DiscoverResponse) *enroll.SignIn {
	t := &d.T.Lab.Config.Target
	return &enroll.SignIn{HTTP: d.EnrollmentClient(dmclient.EnrollOptions{}).HTTP, URL: r.AuthenticationURL,
		LoginHint: t.Username, Username: t.Username, Password: t.Password.Value()}
}

// signsIn fails unless the sign-in page returns wresult to appru. A page may turn
// away apps that it does not know. The target's own way to sign in knows the usual
// app alone.
func signsIn(t *T, r *enroll.DiscoverResponse, appru string) {
	d, own := caller(t), !t.Lab.Config.Target.SignIn.Default()
	var err error
	switch {
	case appru == enroll.AppRU:
		_, err = t.Lab.SignIn(t.Context(), d.Device, r)
	case own:
		return
	default:
		page := signIn(d, r)
		page.AppRU = appru
		_, err = page.Token(t.Context())
	}
	if err == nil {
		return
	}
	keepLast(d, "the sign-in page")
	t.Excused(err)
	if appru == otherApp && refusedBy(err) {
		t.Evidence("appru %s: %s", appru, said(err))
		return
	}
	t.Fail("a page that returns wresult to "+appru, said(err))
}
