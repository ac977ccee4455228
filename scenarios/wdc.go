package scenarios

import (
	"errors"
	"net/url"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

const (
	learnWinDC = "Learn, \"Windows declared configuration protocol\""
	learnDC    = "Learn, \"DeclaredConfiguration CSP\""
)

// declaredConfiguration are the rules of linked enrollments and their documents. Two
// enroll a device linked; the others listen to the sessions of linked enrollments. None
// applies to a server that sets up no linked enrollment, or that leaves it to another
// server. MSG-25 is about the order of the commands that set it up.
var declaredConfiguration = []Scenario{
	{ID: "WDC-01", Level: report.Should, On: "linked", Run: linkedDiscovery, Title: "the discovery of a linked enrollment names its services",
		Rule:    "DiscoveryEndpoint is an https URL. It answers a POST of JSON with EnrollmentServiceUrl, EnrollmentPolicyServiceUrl, AuthenticationServiceUrl and AuthPolicy: Federated for a device that joined a directory, Certificate for one that is registered.",
		Source:  "Learn, \"Declared configuration discovery\"",
		Fix:     "Answer with HTTP 200 and a JSON object with these four names, spelled so.",
		Mutants: []*mutants.Mutant{mutants.WdcNoAuthPolicy, mutants.WdcOnPremise, mutants.WdcNoPolicyService, mutants.WdcPlain}},
	{ID: "WDC-02", Level: report.Should, On: "linked", Run: linkedAccount, Title: "a device enrolls linked, with an account of its own",
		Rule:    "The services that the discovery named take GetPolicies and RST with the device's MDM certificate or token, as in any enrollment. The provisioning document has another ProviderID than the primary enrollment, and another certificate.",
		Source:  "Learn, \"Declared configuration enrollment\"; the second account seen in the registry of a real device",
		Fix:     "Verify the request's signature with the certificate of the primary enrollment, and give the linked one its own ProviderID and certificate.",
		Mutants: []*mutants.Mutant{mutants.WdcRefuses, mutants.WdcSameAccount},
		Under:   []string{"WDC-01"}},
	{ID: "WDC-03", Level: report.Should, On: "linked", Hears: linkedHears(answersStates), Run: watchLinked, Title: "the alert that tells the documents' states is answered with 200",
		Rule:    "Every message of a linked enrollment with documents has an Alert 1224 of type com.microsoft.mdm.declaredconfigurationdocuments. The server answers it with Status 200.",
		Source:  learnWinDC + "; MS-MDM 2.2.6.1",
		Fix:     "Answer every Alert with a Status, this one with 200.",
		Mutants: []*mutants.Mutant{mutants.WdcAlertRefused}},
	{ID: "WDC-04", Level: report.Should, On: "linked", Hears: linkedHears(documentsAgree), Run: watchLinked, Title: "a document agrees with its LocURI",
		Rule:    "The id of a document is the GUID in its LocURI, and its context is Device below ./Device and User below ./User. The device refuses others.",
		Source:  learnDC,
		Fix:     "Write the same GUID and the matching context in both.",
		Mutants: []*mutants.Mutant{mutants.WdcOtherID, mutants.WdcContext}},
	{ID: "WDC-05", Level: report.Should, On: "linked", Hears: linkedHears(documentsRead), Run: watchLinked, Title: "a document can be read",
		Rule:    "A document is well-formed XML with schema, context, id, checksum, an osdefinedscenario that Windows knows, and at least one CSP or DSC. Its Format is chr.",
		Source:  learnDC,
		Fix:     "Escape the document in Data once, and write all attributes.",
		Mutants: []*mutants.Mutant{mutants.WdcNoChecksum, mutants.WdcScenario, mutants.WdcNotXML, mutants.WdcFormat}},
	{ID: "WDC-06", Level: report.Should, On: "linked", Hears: linkedHears(newSum), Run: watchLinked, Title: "another content has another checksum",
		Rule:    "If a document changes, its checksum changes, too: by it the server tells which content a state and a result are of.",
		Source:  learnDC,
		Fix:     "Compute the checksum from the content.",
		Mutants: []*mutants.Mutant{mutants.WdcSameSum}},
	{ID: "WDC-07", Level: report.Info, On: "linked", Hears: linkedHears(readsResults), Run: watchLinked, Title: "the server reads the results of documents that are done",
		Rule:    "Once the alert tells a final state, the server gets Results/{id}/Document: only there stands which setting failed, and what an inventory found.",
		Source:  learnWinDC,
		Fix:     "Send Get of Results when result_checksum is one that you have not read.",
		Mutants: []*mutants.Mutant{mutants.WdcUnread}},
	{ID: "WDC-08", Level: report.Should, On: "linked", Hears: linkedHears(waitsForResults), Run: watchLinked, Title: "results are read when there are some",
		Rule:    "A document is processed after its session. The alert tells when there is a result; before that Get of Results is answered with 404.",
		Source:  learnWinDC,
		Fix:     "Wait for a final state (60 to 63, 80 to 82) in the alert.",
		Mutants: []*mutants.Mutant{mutants.WdcEarly}},
	{ID: "WDC-09", Level: report.Should, On: "linked", Hears: primaryHears, Run: watchLinked, Title: "documents go to the linked enrollment",
		Rule:    "The DeclaredConfiguration CSP is for a linked enrollment. In the sessions of the primary one its nodes are answered with 406.",
		Source:  "answers seen on build 26200 (go-microsoft-dm); " + learnWinDC,
		Fix:     "Send the documents in the sessions of the linked enrollment.",
		Mutants: []*mutants.Mutant{mutants.WdcPrimary}},
}

// linkTries is how many sessions a server gets to set up the linked enrollment.
const linkTries = 3

// linked has the server set up a linked enrollment, and runs the task that it left. err
// is why that failed; a body that gets one judges it.
func linked(t *T) (d *Device, err error) {
	d = t.Enrolled()
	ready := func() bool { return d.Linked() != nil || d.LinkPending() }
	hook := t.Lab.Config.Target.Hooks.Link != nil
	if !ready() && hook {
		t.Hook(t.Lab.Link(t.Context(), d.Device))
	}
	for range linkTries {
		if !ready() {
			d.Sync(dmclient.SyncOptions{})
		}
	}
	switch {
	case d.Linked() != nil:
		return d, nil
	case !ready() && hook:
		t.NotApplicable("after the link hook there was no Exec of LinkedEnrollment/Enroll that the device took, in %d sessions", linkTries)
	case !ready():
		t.NotApplicable("the server set up no linked enrollment in the device's sessions; if it can, set target.hooks.link to what makes it")
	case !sameHost(d.LinkEndpoint(), d.Address()) && !sameHost(d.LinkEndpoint(), t.Lab.Config.Target.DiscoveryURL()):
		t.NotApplicable("the linked enrollment is of another server, %s, and was not followed", host(d.LinkEndpoint()))
	}
	_, err = d.Link(t.Context())
	if d.Linked() != nil {
		err = nil // other scenarios judge its first session
	}
	return d, err
}

func sameHost(a, b string) bool { return host(a) != "" && strings.EqualFold(host(a), host(b)) }

func host(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func linkedDiscovery(t *T) {
	_, err := linked(t)
	var e *enroll.Error
	if errors.As(err, &e) && e.Step == enroll.StepLinked {
		t.Fail("a discovery that names the services of the linked enrollment, at an https URL", e.Error())
	}
}

func linkedAccount(t *T) {
	d, err := linked(t)
	if err != nil {
		t.Fail("an enrollment with the services that the linked discovery named", err.Error())
	}
	child := d.Linked()
	if child.Provider() == d.Provider() {
		t.Fail("a ProviderID of its own in the linked provisioning document", "PROVIDER-ID "+suite.Show(child.Provider())+", as in the primary one")
	}
	if own, first := child.Certificate(), d.Certificate(); first != nil && string(own.Certificate[0]) == string(first.Certificate[0]) {
		t.Fail("another certificate than the primary enrollment's", "the same one")
	}
}

// watchLinked makes the traffic of a run in which no linked enrollment had sessions so
// far.
func watchLinked(t *T) {
	if t.Concerned() {
		return
	}
	d, err := linked(t)
	if err != nil {
		t.Blocked(suite.By("WDC-01", "WDC-02"), "the device could not enroll linked: %v", err)
	}
	child := t.LinkedOf(d)
	for range linkedSessions + 1 {
		child.Sync(dmclient.SyncOptions{})
	}
	d.Sync(dmclient.SyncOptions{})
	if !t.Concerned() {
		t.NotApplicable("the server sent nothing of this kind to the linked enrollment in %d sessions", linkedSessions+1)
	}
}
