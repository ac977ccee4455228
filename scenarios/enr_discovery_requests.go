package scenarios

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// discoveryRequests are the ENR scenarios about how requests may differ from one
// device to the next.
var discoveryRequests = []Scenario{
	{
		ID: "ENR-39", Level: report.Should, Title: "a single AuthPolicy is answered with it, or declined",
		Rule:    "A device may offer one AuthPolicy alone: a provisioning package offers Certificate. The reply names that one. A server that does not support it answers with a SOAP fault.",
		Source:  "MS-MDE2 3.1.4.1.3.1, 3.1.4.1.3.2; Learn, \"Certificate authentication device enrollment\"",
		Fix:     "Choose AuthPolicy from the AuthPolicies that the request lists. If none of them is supported, answer with a SOAP fault.",
		Mutants: []*mutants.Mutant{mutants.EnrOfferIgnored, mutants.EnrPolicyUnoffered},
		Under:   []string{"ENR-04"},
		Run: func(t *T) {
			usual := discoveredBy(t.Specimen()).AuthPolicy
			c := caller(t)
			client := c.EnrollmentClient(dmclient.EnrollOptions{})
			for _, only := range []string{"OnPremise", "Federated", "Certificate"} {
				t.Try("only "+only, func() {
					r, err := ask(t, client, func(q *enroll.DiscoverRequest) { q.AuthPolicies = []string{only} })
					expected, saw := "AuthPolicy "+only, ""
					if only != usual {
						expected += ", or a SOAP fault"
					}
					switch {
					case err == nil && r.AuthPolicy == only, only != usual && declined(t, err):
						return
					case err == nil:
						saw = "AuthPolicy " + suite.Show(r.AuthPolicy)
					default:
						saw = said(err)
					}
					keepLast(c, "Discover with one AuthPolicy, "+only)
					t.Fail(expected, saw)
				})
			}
		},
	},
	{
		ID: "ENR-41", Level: report.Should, Title: "every Discover is answered, or declined by a fault",
		Rule:    "Every RequestVersion, DeviceType and OSEdition gets a DiscoverResponse, or a SOAP fault if the server does not support such devices. So does a user whose name is of the form domain\\user.",
		Source:  "MS-MDE2 3.1.4.1.3.1, 2.2.9.6, 2.2.10; Learn, \"On-premises authentication device enrollment\"",
		Fix:     "Compare RequestVersion as a number, take unknown versions for the newest known one, and decline what is not supported with a SOAP fault.",
		Mutants: []*mutants.Mutant{mutants.EnrVersionCrash, mutants.EnrUserDomain},
		Run: func(t *T) {
			discoveredBy(t.Specimen()) // its own request is answered
			c := caller(t)
			client := c.EnrollmentClient(dmclient.EnrollOptions{})
			for _, in := range requests() {
				t.Try(in.what, func() {
					_, err := ask(t, client, in.edit)
					if err == nil || declined(t, err) {
						return
					}
					keepLast(c, "Discover with "+in.what)
					t.Fail("a DiscoverResponse, or a SOAP fault", said(err))
				})
			}
		},
	},
	{
		ID: "ENR-43", Level: report.Should, Title: "requests are accepted whatever their User-Agent",
		Rule:    "A server depends on no particular User-Agent: it differs among versions of Windows, and is not a part of the protocol.",
		Source:  "Learn, \"Mobile device enrollment\" (note); RFC 9110 10.1.5",
		Fix:     "Do not look at User-Agent. RequestVersion, DeviceType and OSVersion tell what the device is.",
		Mutants: []*mutants.Mutant{mutants.EnrUserAgent},
		Run: func(t *T) {
			d := t.Specimen()
			c := caller(t)
			client := c.EnrollmentClient(dmclient.EnrollOptions{}).HTTP
			for _, step := range services {
				for _, agent := range []string{"Windows Enrollment Client", "Windows Phone 8 Enrollment Client"} { // those of Microsoft's examples
					t.Try(step+" with User-Agent "+agent, func() { asAgent(d, c, client, step, agent) })
				}
			}
		},
	},
}

// request is a Discover that differs from a device's own.
type request struct {
	what string
	edit func(*enroll.DiscoverRequest)
}

// requests are lawful Discovers. MS-MDE2 ends at version 7.0; devices with 9.0 exist
// [seen]. 42.0 is newer than any server.
func requests() (list []request) {
	for _, v := range []string{"1.0", "2.0", "3.0", "4.0", "5.0", "6.0", "7.0", "8.0", "9.0", "42.0"} {
		list = append(list, request{"RequestVersion " + v, func(q *enroll.DiscoverRequest) { q.RequestVersion = v }})
	}
	for _, v := range []string{"WindowsPhone", "CIMClient_Windows"} {
		list = append(list, request{"DeviceType " + v, func(q *enroll.DiscoverRequest) { q.DeviceType = v }})
	}
	for _, v := range []string{"3", "4", "72", "101", "188"} {
		list = append(list, request{"OSEdition " + v, func(q *enroll.DiscoverRequest) { q.OSEdition = v }})
	}
	return append(list, request{`EmailAddress EXAMPLE\user`, func(q *enroll.DiscoverRequest) { q.EmailAddress = `EXAMPLE\user` }})
}

// ask sends a changed Discover.
func ask(t *T, client *enroll.Client, edit func(*enroll.DiscoverRequest)) (*enroll.DiscoverResponse, error) {
	own := *client
	edit(&own.Request)
	return own.Discover(t.Context())
}

// declined reports whether the server refused a request. It ends the body if the
// server only limits how often devices ask.
func declined(t *T, err error) bool {
	var e *enroll.Error
	if errors.As(err, &e) && e.Limited() {
		t.Excused(err)
	}
	return refusedBy(err)
}

// asAgent repeats the request of a step with another User-Agent.
func asAgent(d, c *Device, client *http.Client, step, agent string) {
	t, sent := d.T, exchangeOf(d, step)
	if step == enroll.StepToken && t.Lab.Config.Target.Shared() {
		t.NotApplicable("it would re-enroll the device that all scenarios share (target.shared_device)")
	}
	err := postAs(c, client, step, sent, agent)
	if err == nil {
		return
	}
	t.Excused(err)
	keepLast(c, step+" with User-Agent "+agent)
	if again := send(c, step+" as before", sent.URL, sent.Request); again != nil {
		t.NotApplicable("the server does not accept the same request twice: %s", said(again))
	}
	t.Fail("the same answer as with the User-Agent "+suite.Show(sent.Header.Get("User-Agent")), said(err))
}

// postAs posts the request of an exchange with another User-Agent.
func postAs(c *Device, client *http.Client, step string, ex *dmclient.Exchange, agent string) error {
	req, err := http.NewRequestWithContext(c.T.Context(), http.MethodPost, ex.URL, bytes.NewReader(ex.Request))
	if err != nil {
		c.T.Error("the request cannot be repeated: %v", err)
	}
	req.Header.Set("User-Agent", agent)
	req.Header.Set("Content-Type", enroll.MediaType)
	if resp, err := client.Do(req); err == nil {
		io.Copy(io.Discard, resp.Body) //nolint:errcheck // the device keeps what it read
		resp.Body.Close()
	}
	all := c.EnrollExchanges()
	if e := answerTo(step, all[len(all)-1]); e != nil {
		return e
	}
	return nil
}
