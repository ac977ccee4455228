package scenarios

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

const learnPush = "Learn, \"Push notification support for device management\""
const learnCSP = "Learn, \"DMClient CSP\", Provider/{ProviderID}/Push"

// pfn are the PFN scenarios.
var pfn = []Scenario{
	{ID: "PFN-01", Level: report.Must, Title: "the server sets Push/PFN within the first two sessions",
		Rule:    "A server that wakes devices by push writes its PFN to DMClient/Provider/{ProviderID}/Push/PFN on each device, in one of the first two sessions.",
		Source:  learnPush,
		Fix:     "Send Add or Replace of Provider/{ProviderID}/Push/PFN in the first session. Check that push is turned on for this device.",
		Mutants: []*mutants.Mutant{mutants.PfnNever},
		Under:   []string{"PFN-08"},
		Decides: []suite.Premise{suite.SetsPFN},
		Run: func(t *T) {
			d := t.Enrolled()
			d.First()
			d.Sync(dmclient.SyncOptions{})
			if len(d.PFNWrites()) == 0 {
				noteAll(t, d)
				saw := "none"
				if atomicPFN(d) != "" {
					saw = "only in an Atomic that failed"
				}
				t.Fail("Add or Replace of .../Push/PFN in one of the first two sessions", saw)
			}
		}},
	{ID: "PFN-02", Level: report.Must, Title: "the PFN is a family name, not a full name",
		Rule:    "The PFN is the package family name, Name_PublisherHash, without version, architecture and resource id.",
		Source:  learnCSP + "; the first public reports of 418 and 500",
		Fix:     "Set Name_PublisherHash: remove version, architecture and resource id from the package's full name.",
		Mutants: []*mutants.Mutant{mutants.PfnFullName},
		Decides: []suite.Premise{suite.GoodPFN},
		Run: func(t *T) {
			for _, c := range setPFN(t) {
				name, full := familyOf(c.Data)
				t.Check(!full, "the package family name: "+name, "the package full name: "+c.Data)
			}
		}},
	{ID: "PFN-03", Level: report.Should, Profile: "wp81", Levels: mustOnPhones, Title: "the PFN is in lower case",
		Rule:    "The PFN is sent in lower case. This Windows accepts any case; a server that also manages older devices needs lower case.",
		Rules:   map[string]string{"wp81": "The PFN is sent in lower case: Windows Phone 8.1 answers 500 to anything else."},
		Source:  "the first public reports of 418 and 500 (seen)",
		Fix:     "Convert the PFN to lower case before sending it.",
		Mutants: []*mutants.Mutant{mutants.PfnUpperCase},
		Decides: []suite.Premise{suite.GoodPFN},
		Run: func(t *T) {
			c := taken(setPFN(t))
			t.Expect(c.Data, "the PFN").To(Equal(strings.ToLower(c.Data)))
		}},
	{ID: "PFN-04", Level: report.Must, Title: "the PFN is well-formed",
		Rule:    "A family name is a name of 3 to 50 letters, digits, periods and hyphens, an underscore, and a publisher hash of 13 characters in base32 without i, l, o, u.",
		Source:  "Learn, \"Package identity overview\"",
		Fix:     "Copy the family name from Partner Center or Get-AppxPackage; the hash has 13 characters.",
		Mutants: []*mutants.Mutant{mutants.PfnBadHash},
		Decides: []suite.Premise{suite.GoodPFN},
		Run: func(t *T) {
			for _, c := range setPFN(t) {
				v, _ := familyOf(c.Data) // PFN-02 judges the full name
				if err := dmclient.CheckPFN(v); err != nil {
					t.Fail("a package family name, such as example.mdm_8wekyb3d8bbwe", fmt.Sprintf("%q: %v", v, err))
				}
			}
		}},
	{ID: "PFN-05", Level: report.Must, Title: "the ProviderID in the LocURI is the enrolled one, URI-encoded",
		Rule:    "The LocURI of the PFN names the PROVIDER-ID of the provisioning document, URI-encoded like every node name in a LocURI.",
		Source:  learnCSP + "; OMA DM TND 1.2.1, URI encoding of node names",
		Fix:     "Use the PROVIDER-ID of the provisioning document, URI-encoded.",
		Mutants: []*mutants.Mutant{mutants.PfnWrongProvider, mutants.PfnProviderPlain},
		Decides: []suite.Premise{suite.GoodPFN},
		Run: func(t *T) {
			for _, c := range setPFN(t) {
				got := providerIn.FindStringSubmatch(c.LocURI)
				if got == nil {
					t.Fail("a LocURI of the form .../Provider/{ProviderID}/Push/PFN", c.LocURI)
				}
				want := t.Devices()[0].Provisioning().App.ProviderID
				name, err := url.PathUnescape(got[1])
				t.Check(err == nil && name == want && nodeName.MatchString(got[1]), "ProviderID in the LocURI: "+url.PathEscape(want), got[1])
			}
		}},
	{ID: "PFN-06", Level: report.Must, Title: "the PFN has Format chr",
		Rule:    "Push/PFN has format chr; Meta/Format, if present, says so.",
		Source:  learnCSP,
		Fix:     "Write Format chr into Meta.",
		Mutants: []*mutants.Mutant{mutants.PfnFormatInt},
		Decides: []suite.Premise{suite.GoodPFN},
		Run: func(t *T) {
			for _, c := range setPFN(t) {
				t.Expect(c.Format, "Meta/Format of the PFN").To(Or(Equal("chr"), BeEmpty()))
			}
		}},
	{ID: "PFN-07", Level: report.Should, Profile: "wp81", Levels: mustOnPhones, Title: "on a device without Push, the server adds Push, then the PFN",
		Rule:    "On a device without a Push node the server adds it before it adds Push/PFN. This Windows creates the node itself; a server that also manages older devices needs the Add.",
		Rules:   map[string]string{"wp81": "On a device without a Push node the server adds it before it adds Push/PFN: Windows Phone 8.1 answers 500 otherwise."},
		Source:  learnCSP,
		Fix:     "Send Add of .../Push, Format node, then Add of the PFN; after 418 send Replace.",
		Mutants: []*mutants.Mutant{mutants.PfnNoPushNode},
		Decides: []suite.Premise{suite.GoodPFN},
		Run: func(t *T) {
			list := setPFN(t)
			d := t.Devices()[0]
			noteAll(t, d)
			first := list[0]
			switch {
			case t.Profile().Quirks.PFNErrors && syncml.Success(first.Code):
				// The phone had the node, and took the PFN.
			case !pushAdded(d):
				t.Fail("Add of .../Push before the PFN", fmt.Sprintf("%s of %s first, which the device answered with %d", first.Verb, first.LocURI, first.Code))
			case first.Verb == syncml.Replace && !syncml.Success(taken(list).Code):
				t.Fail("Add of .../Push/PFN, which the device does not have yet", fmt.Sprintf("Replace, which the device answered with %d", first.Code))
			}
		}},
	{ID: "PFN-08", Level: report.Must, Title: "no Add and Replace of the PFN in one Atomic",
		Rule:    "Add followed by Replace of the same node in one Atomic is not supported: the Atomic fails with 507.",
		Source:  "Learn, \"OMA DM protocol support\", Atomic",
		Fix:     "Send Add, and Replace after 418, as separate commands.",
		Mutants: []*mutants.Mutant{mutants.PfnAtomic},
		Decides: []suite.Premise{suite.GoodPFN},
		Run: func(t *T) {
			d := t.Enrolled()
			d.Sync(dmclient.SyncOptions{})
			if session := atomicPFN(d); session != "" {
				t.Fail("Add and Replace of .../Push/PFN as separate commands", "both in one Atomic, in session "+session)
			}
			writesOfPFN(d)
		}},
	{ID: "PFN-09", Level: report.Must, Title: "the server asks for ChannelURI in the same session or the next",
		Rule:    "After setting the PFN the server reads Push/ChannelURI, in the same session or the next.",
		Source:  learnPush,
		Fix:     "Send Get of Push/ChannelURI after the PFN, in the same message.",
		Mutants: []*mutants.Mutant{mutants.PfnChannelNever},
		Decides: []suite.Premise{suite.AsksURI},
		Run: func(t *T) {
			asked := 0
			for _, s := range sessionsOfPFN(t) {
				asked += len(s.Find(syncml.Get, "/Push/ChannelURI"))
			}
			t.Expect(asked, "Get of .../Push/ChannelURI in the session that set the PFN or the next").To(BeNumerically(">", 0))
		}},
	{ID: "PFN-10", Level: report.Should, Title: "the server asks for ChannelURI in every later session",
		Rule:    "The channel URI changes, so the server reads it in every session.",
		Source:  learnPush,
		Fix:     "Send Get of Push/ChannelURI in every session.",
		Mutants: []*mutants.Mutant{mutants.PfnChannelOnce},
		Under:   []string{"PFN-09"},
		Decides: []suite.Premise{suite.AsksURIs},
		Run: func(t *T) {
			d := t.Enrolled()
			if len(d.PFNWrites()) == 0 {
				d.Sync(dmclient.SyncOptions{})
			}
			if d.PFN() == "" {
				writesOfPFN(d)
			}
			for range 2 {
				s := t.Managed(d.Sync(dmclient.SyncOptions{}))
				t.Expect(len(s.Find(syncml.Get, "/Push/ChannelURI")), "Get of .../Push/ChannelURI in later session %s", s.ID).To(BeNumerically(">", 0))
			}
		}},
	{ID: "PFN-11", Level: report.Should, Title: "the server asks for Push/Status, too",
		Rule:    "Push/Status says why there is no channel, and when not to push: a server that reads ChannelURI also reads Status.",
		Source:  learnCSP,
		Fix:     "Send Get of Push/Status along with Get of ChannelURI.",
		Mutants: []*mutants.Mutant{mutants.PfnStatusNever},
		Under:   []string{"PFN-09"},
		Decides: []suite.Premise{suite.AsksWhy},
		Run: func(t *T) {
			list := sessionsOfPFN(t)
			list = append(list, t.Managed(t.Devices()[0].Sync(dmclient.SyncOptions{})))
			asked := 0
			for _, s := range list {
				n := len(s.Find(syncml.Get, "/Push/Status"))
				asked += n
				t.Check(n > 0 || len(s.Find(syncml.Get, "/Push/ChannelURI")) == 0, "Get of .../Push/Status along with Get of ChannelURI in session "+s.ID, "ChannelURI only")
			}
			t.Expect(asked, "Get of .../Push/Status in the sessions after the PFN was set").To(BeNumerically(">", 0))
		}},
	{ID: "PFN-12", Level: report.Should, Title: "a working PFN is not set again in every session",
		Rule:    "Setting the PFN makes the device register again and changes its channel. Without a reason to set it again, it is set once.",
		Source:  learnPush,
		Fix:     "Remember that the device accepted the PFN, and set it again only after 410, Status 5 or a new enrollment.",
		Mutants: []*mutants.Mutant{mutants.PfnEverySession},
		Decides: []suite.Premise{suite.Notifies},
		Run: func(t *T) {
			d := t.WithChannel()
			for range 3 {
				s := t.Managed(d.Sync(dmclient.SyncOptions{}))
				t.Expect(len(suite.Writes(s)), "Add or Replace of .../Push/PFN in later session %s", s.ID).To(BeZero())
			}
		}},
	{ID: "PFN-13", Level: report.Must, Title: "all devices get the same PFN",
		Rule:    "The PFN names the server's app, which is the same for all devices.",
		Source:  learnPush,
		Fix:     "Set the PFN of the server's app on all devices.",
		Mutants: []*mutants.Mutant{mutants.PfnPerDevice},
		Decides: []suite.Premise{suite.GoodPFN},
		Run: func(t *T) {
			a, b := taken(setPFN(t)), taken(setPFN(t))
			t.Check(strings.EqualFold(a.Data, b.Data), "the PFN of the first device: "+a.Data, "the PFN of the second device: "+b.Data)
		}},
}

// atomicPFN returns the session in which the server put Add and then Replace of the
// PFN into one Atomic; empty if it did not.
func atomicPFN(d *Device) (session string) {
	for _, s := range d.Sessions() {
		for _, m := range s.Received {
			for _, c := range m.Body {
				if c.Verb == syncml.Atomic && hasSuffix(addedAndReplaced(&c), "/Push/PFN") {
					return s.ID
				}
			}
		}
	}
	return ""
}

var (
	providerIn = regexp.MustCompile(`(?i)/Provider/(.*)/Push/PFN$`)
	// nodeName matches an encoded node name in a LocURI. A space, for example, must
	// be encoded.
	nodeName = regexp.MustCompile(`^(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+$`)
)

// familyOf returns the family name in a PFN. full is set if the PFN is a full
// name: Name_Version_Architecture_ResourceId_PublisherHash.
func familyOf(pfn string) (name string, full bool) {
	if parts := strings.Split(pfn, "_"); len(parts) == 5 {
		return parts[0] + "_" + parts[4], true
	}
	return pfn, false
}

func hasSuffix(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// writesOfPFN ends the body as blocked unless the server set a PFN.
func writesOfPFN(d *Device) []dmclient.Executed {
	w := d.PFNWrites()
	if len(w) == 0 {
		d.T.Blocked(suite.By(suite.SetsPFN), "the server set no PFN within two sessions")
	}
	return w
}

// setPFN returns the commands that set the PFN of a new device.
func setPFN(t *T) []dmclient.Executed {
	d := t.Enrolled()
	if len(d.PFNWrites()) == 0 || d.ChannelURI() == "" {
		d.Sync(dmclient.SyncOptions{})
	}
	list := writesOfPFN(d)
	for _, c := range list {
		t.Evidence("%s %s, Format %q, Data %q -> %d", c.Verb, c.LocURI, c.Format, c.Data, c.Code)
	}
	return list
}

// taken returns the last write of the PFN that the device accepted, or the first
// write if it accepted none.
func taken(list []dmclient.Executed) dmclient.Executed {
	for _, c := range slices.Backward(list) {
		if syncml.Success(c.Code) {
			return c
		}
	}
	return list[0]
}

// pushAdded reports whether the server added Push before it wrote a PFN.
func pushAdded(d *Device) bool {
	for _, s := range d.Sessions() {
		for _, c := range s.Commands {
			switch {
			case c.Verb == syncml.Add && hasSuffix(c.LocURI, "/Push"):
				return true
			case c.Verb != syncml.Get && hasSuffix(c.LocURI, "/Push/PFN"):
				return false
			}
		}
	}
	return false
}

// noteAll adds everything the server sent to the device so far to the evidence.
func noteAll(t *T, d *Device) {
	for _, s := range d.Sessions() {
		for _, c := range s.Commands {
			t.Evidence("session %s: %s %s -> %d", s.ID, c.Verb, c.LocURI, c.Code)
		}
	}
}

// sessionsOfPFN returns the session in which the server set the PFN of a new
// device, and the next one.
func sessionsOfPFN(t *T) []*dmclient.Session {
	d := t.Enrolled()
	sets := func(s *dmclient.Session) bool { return len(suite.Writes(s)) > 0 }
	for range 2 {
		list := d.Sessions()
		if at := slices.IndexFunc(list, sets); at >= 0 && at+1 < len(list) {
			return list[at : at+2]
		}
		t.Managed(d.Sync(dmclient.SyncOptions{}))
	}
	writesOfPFN(d)
	list := d.Sessions()
	return list[slices.IndexFunc(list, sets):]
}
