package scenarios

import (
	"bytes"
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// everyNode are rules of Items, nodes and CSPs. They hold for every message of the
// run. Most servers use few of these; what a server does not send breaks no rule.
var everyNode = []Scenario{
	{ID: "MSG-18", Level: report.Must, Title: "Statuses of Items are complete", Hears: answersItems, Run: talk,
		Rule:    "One Status for a command with several Items names none of them by TargetRef or SourceRef. If they get a Status each, each names another Item, and no Item is left out.",
		Source:  "MS-MDM 2.2.6.1; OMA SyncML RepPro 1.2.2, Status",
		Fix:     "Answer a command with one Status without TargetRef and SourceRef, or each of its Items with a Status.",
		Mutants: []*mutants.Mutant{mutants.MsgItemOne, mutants.MsgItemTwice},
		Under:   []string{"SES-09"}},
	{ID: "MSG-19", Level: report.Should, Title: "node names are URI-encoded", Hears: encodesNames, Run: talk,
		Rule:    "A LocURI has no blanks, no characters beyond ASCII, and no % without two hexadecimal digits: a name that has them is URI-encoded, as UTF-8.",
		Source:  "Learn, \"OMA DM protocol support\", LocURI; OMA DM Tree and Description 1.2.1, names of nodes",
		Fix:     "Encode each name before you join names with slashes.",
		Mutants: []*mutants.Mutant{mutants.MsgURIPlain},
		Under:   []string{"PFN-05"}},
	{ID: "MSG-20", Level: report.Should, Title: "interior nodes are added with format node", Hears: addsNodes, Run: talk,
		Rule:    "An Add without a format adds a value of format chr. The Add of an interior node says Format node.",
		Source:  "OMA DM RepPro 1.2.1 section 6.6.1; OMA DM Tree and Description 1.2.1, Format",
		Fix:     "Write <Meta><Format xmlns=\"syncml:metinf\">node</Format></Meta> into the Add of an interior node.",
		Mutants: []*mutants.Mutant{mutants.MsgNodePlain}},
	{ID: "MSG-21", Level: report.Must, Title: "an Atomic or Sequence fits into one message", Hears: keepsTogether, Run: talk,
		Rule:    "An Atomic or Sequence and all of its data stand in one message. No object in it goes on in the next message.",
		Source:  "OMA DM Protocol 1.2.1 section 6",
		Fix:     "Send an object that needs several messages by itself.",
		Mutants: []*mutants.Mutant{mutants.MsgAtomicParts}},
	{ID: "MSG-22", Level: report.Should, Title: "no Correlator and no access control lists", Hears: sparesWindows, Run: talk,
		Rule:    "Windows supports neither Correlator nor the property ACL of nodes.",
		Source:  "MS-MDM 2.2.7.2, 3.1.7.1; OMA DM RepPro 1.2.1 section 6.6.6 recommends a Correlator for Exec",
		Fix:     "Follow an Exec by the LocURI in the Alert with its result. Do not send commands for ?prop=ACL.",
		Mutants: []*mutants.Mutant{mutants.MsgCorrelator, mutants.MsgACL}},
	{ID: "MSG-23", Level: report.Should, Uses: []Need{NeedLeave}, Title: "Unenroll names the ProviderID", Hears: namesProvider, Run: talkAndLeave,
		Rule:    "The Data of an Exec of DMClient/Unenroll is the PROVIDER-ID of the provisioning document.",
		Source:  "Learn, \"Disconnecting from MDM\"; \"DMClient CSP\", Unenroll (its sample says that the value is not used any more)",
		Fix:     "Send the ProviderID as Data, in format chr.",
		Mutants: []*mutants.Mutant{mutants.MsgUnenrollBare}},
	{ID: "MSG-24", Level: report.Should, Title: "certificates that are not there are added", Hears: addsCertificates, Run: talk,
		Rule:    "A Replace below CertificateStore changes what is there already. A certificate that the device does not have is added.",
		Source:  "MS-MDE2 2.2.9.2",
		Fix:     "Send Add for a new certificate, and Replace after 418.",
		Mutants: []*mutants.Mutant{mutants.MsgCertReplace}},
	{ID: "MSG-25", Level: report.Should, Title: "a linked enrollment starts after its address is set", Hears: linksInOrder, Run: talk,
		Rule:    "LinkedEnrollment/Enroll is executed once LinkedEnrollment/DiscoveryEndpoint is set. Without it the device has nowhere to enroll.",
		Source:  "Learn, \"DMClient CSP\", LinkedEnrollment",
		Fix:     "Set DiscoveryEndpoint first, in the same session or an earlier one.",
		Mutants: []*mutants.Mutant{mutants.MsgLinkedEarly}},
}

// talkAndLeave is talk, and the end of a device's management if the unenroll hook can
// cause it.
func talkAndLeave(t *T) {
	if t.Heard() >= fewSessions {
		return
	}
	talk(t)
	if t.Lab.Config.Target.Hooks.Unenroll != nil && !t.Lab.Config.Target.Shared() {
		d := t.Enrolled()
		t.Hook(t.Lab.Unenroll(t.Context(), d.Device))
		d.Sync(dmclient.SyncOptions{})
	}
}

// refsOf are the names that a Status uses for Items.
func refsOf(st *syncml.Command) []string {
	return slices.DeleteFunc(append(slices.Clone(st.TargetRef), st.SourceRef...), func(s string) bool { return s == "" })
}

// isItem reports whether a name is that of an Item.
func isItem(it *syncml.Item, name string) bool {
	return name == it.Target.LocURI || name == it.Source.LocURI
}

// forItems reports whether Statuses of one command are for its Items, one for each:
// MS-MDM 2.2.6.1 allows it even if they say the same. The Status for an Item without a
// name has none either.
func forItems(c *syncml.Command, found []syncml.Command) bool {
	if len(found) != len(c.Items) {
		return false
	}
	for i := range c.Items {
		it := &c.Items[i]
		nameless := it.Target.LocURI == "" && it.Source.LocURI == ""
		if !slices.ContainsFunc(found, func(st syncml.Command) bool {
			refs := refsOf(&st)
			return nameless && len(refs) == 0 || slices.ContainsFunc(refs, func(name string) bool { return isItem(it, name) })
		}) {
			return false
		}
	}
	return true
}

func answersItems(h *suite.Heard) {
	const each = "a Status for the whole command, or one for each Item"
	seen, ids := map[*syncml.Command]bool{}, map[string]bool{}
	for _, p := range h.Pairs {
		if p.Sent == nil || ids[p.Sent.Hdr.MsgID] {
			return // nobody knows which message a Status means
		}
		ids[p.Sent.Hdr.MsgID] = true
	}
	for i, p := range h.Pairs {
		for _, st := range statuses(p.Got) {
			c := replyTo(h, &st)
			if c == nil || seen[c] || len(c.Items) < 2 || len(refsOf(&st)) == 0 {
				continue
			}
			seen[c] = true
			var found []syncml.Command
			for _, other := range h.Pairs {
				for _, k := range statuses(other.Got) {
					if replyTo(h, &k) == c {
						found = append(found, k)
					}
				}
			}
			switch {
			case len(found) == 1:
				h.Breach(i, each, "one Status for the %d Items of %s with CmdID %s, which names %s", len(c.Items), c.Verb, c.CmdID, refsOf(&st)[0])
			case !forItems(c, found):
				h.Breach(i, each, "%d Statuses for the %d Items of %s with CmdID %s, which do not name each Item once", len(found), len(c.Items), c.Verb, c.CmdID)
			}
		}
	}
}

// unencoded matches what must be encoded in a LocURI, wherever it stands: the rest
// of RFC 3986's set is found in LocURIs of Microsoft's own samples.
var unencoded = regexp.MustCompile(`[^\x21-\x7e]|%(?:[^0-9A-Fa-f]|[0-9A-Fa-f][^0-9A-Fa-f]|.?$)`)

func encodesNames(h *suite.Heard) {
	h.EachItem(func(i int, c *syncml.Command, it *syncml.Item) {
		uri, _, _ := strings.Cut(it.Target.LocURI, "?")
		if uri = strings.TrimSpace(uri); unencoded.MatchString(uri) {
			h.Breach(i, "LocURIs with encoded names, such as ./Vendor/MSFT/DMClient/Provider/MS%20DM%20Server", "%s of %s", c.Verb, suite.Show(uri))
		}
	})
}

func addsNodes(h *suite.Heard) {
	h.EachItem(func(i int, c *syncml.Command, it *syncml.Item) {
		if c.Verb != syncml.Add || it.HasData || suite.FormatOf(c, it) != "" {
			return
		}
		// An Add without a value may also make room for an Exec, as Learn shows it for
		// installations.
		if a := h.Tree().Do(context.Background(), syncml.Get, it.Target.LocURI, csp.Value{}); a.Code == syncml.OK && a.Format == string(csp.Interior) {
			h.Breach(i, "Format node in the Add of an interior node", "Add of %s without a Format", it.Target.LocURI)
		}
	})
}

func keepsTogether(h *suite.Heard) {
	for i, p := range h.Pairs {
		commandsOf(p.Got, func(c, in *syncml.Command) {
			if in != nil && slices.ContainsFunc(c.Items, func(it syncml.Item) bool { return it.MoreData }) {
				h.Breach(i, "whole objects in an "+string(in.Verb), "%s of %s, which goes on in the next message (MoreData)", c.Verb, c.Target())
			}
		})
	}
}

func sparesWindows(h *suite.Heard) {
	for i, p := range h.Pairs {
		if bytes.Contains(p.Ex.Response, []byte("Correlator")) && !isWBXML(p.Ex.Reply.Get("Content-Type")) && len(elements(p.Ex.Response, "Correlator")) > 0 {
			h.Breach(i, "no Correlator", "a Correlator in a command")
		}
	}
	h.EachItem(func(i int, c *syncml.Command, it *syncml.Item) {
		if _, query, _ := strings.Cut(it.Target.LocURI, "?"); strings.EqualFold(query, "prop=ACL") {
			h.Breach(i, "no command for an access control list", "%s of %s", c.Verb, it.Target.LocURI)
		}
	})
}

func namesProvider(h *suite.Heard) {
	h.EachItem(func(i int, c *syncml.Command, it *syncml.Item) {
		uri := strings.ToLower(it.Target.LocURI)
		if c.Verb == syncml.Exec && strings.HasSuffix(uri, "/unenroll") && strings.Contains(uri, "/dmclient/") && !strings.Contains(uri, "/linkedenrollment/") && strings.TrimSpace(it.Data) != h.Account {
			h.Breach(i, "the ProviderID "+h.Account+" as Data of Unenroll", "Data %s in Exec of %s", suite.Show(it.Data), it.Target.LocURI)
		}
	})
}

func addsCertificates(h *suite.Heard) {
	for _, c := range h.Commands {
		// Settings of the renewal stand there, too: a device that was enrolled before the
		// run may lack them here. The node is looked for, since a device may have answered 404 on purpose.
		if c.Verb == syncml.Replace && c.Code == http.StatusNotFound && strings.Contains(strings.ToLower(c.LocURI), "/certificatestore/") && hasSuffix(c.LocURI, "/EncodedCertificate") && !h.Tree().Has(c.LocURI) {
			h.Breach(min(c.Msg, len(h.Pairs)-1), "Add of a certificate that the device does not have", "Replace of %s, which the device answered with 404", c.LocURI)
		}
	}
}

func linksInOrder(h *suite.Heard) {
	set := false
	before := func() bool {
		return slices.ContainsFunc(h.Before(), func(s *dmclient.Session) bool {
			return slices.ContainsFunc(s.Commands, func(c dmclient.Executed) bool { return setsEndpoint(c.Verb, c.LocURI) })
		})
	}
	h.EachItem(func(i int, c *syncml.Command, it *syncml.Item) {
		switch uri := it.Target.LocURI; {
		case setsEndpoint(c.Verb, uri):
			set = true
		case c.Verb == syncml.Exec && hasSuffix(uri, "/LinkedEnrollment/Enroll") && !set && !before():
			h.Breach(i, "a DiscoveryEndpoint that is set before Enroll", "Exec of %s without one", uri)
		}
	})
}

func setsEndpoint(verb syncml.Verb, uri string) bool {
	return (verb == syncml.Add || verb == syncml.Replace) && hasSuffix(uri, "/LinkedEnrollment/DiscoveryEndpoint")
}
