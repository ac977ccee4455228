package scenarios

import (
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/csp/ddf"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

const (
	learnDDF    = "Microsoft's DDF v2 files, "
	learnPolicy = "Learn, \"Policy CSP\""
)

// everyCommand are the rules that Microsoft's description of the CSPs lays on commands
// for nodes: DDF v2 of February 2025, and the trees of the simulated device where it is
// silent. They hold for every command that any device of the run received, whoever
// caused it. Each lists all mistakes, the same one on many devices once.
//
// DDF describes and does not demand, so a rule that rests on it alone is a SHOULD. What
// nothing describes is unknown: it is listed, and breaks no rule, since Windows may
// know more than the files of February 2025. A Get or Delete finds out or tidies up,
// which a server may do anywhere; the device answers 404 or 405.
var everyCommand = []Scenario{
	{ID: "CSP-01", Level: report.Info, Title: "nodes that are set are there on the device's build", Hears: existing, Run: talkToOlder,
		Rule: "The builds that DDF names for a node have it; an earlier build answers 404. A server may send one list of commands to all builds, as Microsoft's own does, so this is told and never fails." +
			" Nodes that nothing describes are listed, too, with the paths that may be meant.",
		Source:  learnDDF + "Applicability/OsBuildVersion",
		Fix:     "Compare DevDetail/SwV, or OSVersion of the enrollment, with the builds of the node (dmwake csp PATH), or take 404 as not applicable.",
		Mutants: []*mutants.Mutant{mutants.CspBuild}},
	{ID: "CSP-02", Level: report.Should, Title: "nodes get operations that they take", Hears: breaks("operation", "operations that the node takes"), Run: talk,
		Rule:    "AccessType lists the operations of a node. Another one is answered with 405. (A Replace where DDF lists Add alone is not judged: devices were seen to take it, and documents disagree.)",
		Source:  learnDDF + "AccessType; MS-MDM 3.1.5.1.7 and captures for Replace in place of Add",
		Fix:     "Look the node up (dmwake csp PATH) and send one of its operations.",
		Mutants: []*mutants.Mutant{mutants.CspOperation}},
	{ID: "CSP-03", Level: report.Should, Title: "values have the node's format", Hears: breaks("format", "the format of the node"), Run: talk,
		Rule:    "Format in Meta is the DFFormat of the node, such as int for a policy with the values 0 and 1. A value of format chr may also come as xml or b64, and b64 as chr.",
		Source:  learnDDF + "DFFormat; " + learnPolicy + "; OMA DM RepPro 1.2.1 section 6.3.2",
		Fix:     "Write <Format xmlns=\"syncml:metinf\"> with the node's format (dmwake csp PATH).",
		Mutants: []*mutants.Mutant{mutants.CspFormat},
		Under:   []string{"MSG-11"}},
	{ID: "CSP-04", Level: report.Should, Title: "values and names are allowed", Hears: breaks("value", "a value that the node takes", "name"), Run: talk,
		Rule:    "AllowedValues says which values a node takes: a list, a range, flags, an expression, XML. An ADMX-backed policy takes <enabled/> or <disabled/> with <data id=\"\" value=\"\"/>, also one of an ADMX file that the server ingested.",
		Source:  learnDDF + "AllowedValues; " + learnPolicy + "; Learn, \"Understanding ADMX-backed policies\"",
		Fix:     "Send a value that dmwake csp PATH shows; escape the XML of an ADMX-backed policy, or put it into CDATA.",
		Mutants: []*mutants.Mutant{mutants.CspValue, mutants.CspADMX},
		Under:   []string{"MSG-11"}},
	{ID: "CSP-05", Level: report.Should, Title: "LocURIs begin with the part of the tree that has the node", Hears: breaks("scope", "the part of the tree that has the node"), Run: talk,
		Rule:    "A node that DDF has below ./Device only is not set below ./User, and the other way round. A LocURI that begins with the name of a CSP or of a policy's area, such as ./Camera/AllowCamera, addresses nothing. (A path without either, ./Vendor/..., is not judged where only ./User has the node.)",
		Source:  learnDDF + "the Path of each file; Learn, \"OMA DM protocol support\", user targeted and device targeted settings",
		Fix:     "Begin the LocURI with the part that has the node (dmwake csp PATH).",
		Mutants: []*mutants.Mutant{mutants.CspScopeUser, mutants.CspScopeDevice, mutants.CspScopeNone}},
	{ID: "CSP-06", Level: report.Must, Title: "a client certificate is installed in an Atomic", Hears: breaks("atomic", "an Atomic around the commands for one certificate"), Run: talk,
		Rule:    "Commands that set or execute nodes of one certificate below ClientCertificateInstall stand in an Atomic, so that nothing is enrolled before all is set. (DDF marks nodes of VPNv2, Firewall, LAPS and others, too. Learn shows commands for some of them without an Atomic, so these are only listed.)",
		Source:  "Learn, \"ClientCertificateInstall CSP\"; " + learnDDF + "AtomicRequired",
		Fix:     "Put the Adds of a certificate and the Exec of Enroll into one Atomic, the Exec last.",
		Mutants: []*mutants.Mutant{mutants.CspCertificateBare}},
}

// sets reports whether a command changes or executes something. Others find out or tidy
// up.
func sets(d *suite.Described) bool { return d.Verb != "Get" && d.Verb != "Delete" }

// breaks is a rule that errors of these kinds break. What is less than an error is a
// remark.
func breaks(rule, expected string, more ...string) func(*suite.Heard) {
	return eachFinding(append(more, rule), func(h *suite.Heard, d *suite.Described, f *ddf.Finding) {
		if f.Level == ddf.Error && !excused(d, f) {
			h.Mistake(d, expected, f.Text)
			return
		}
		if f.Rule == "atomic" {
			h.RemarkOn(d, f.Text, f.Text) // once for all commands of one certificate, profile or app
			return
		}
		h.Remark(d, f.Text)
	})
}

// excused says whether lawful servers do what DDF does not allow.
func excused(d *suite.Described, f *ddf.Finding) bool {
	switch f.Rule {
	case "operation":
		// A Replace of an absent node creates it [seen], that of ADMXInstall for one.
		return d.Verb == "Get" || d.Verb == "Replace" && strings.Contains(f.Text, "takes Add")
	case "scope":
		bare := strings.HasPrefix(strings.ToLower(d.LocURI), "./vendor/")
		return !sets(d) || bare
	case "atomic":
		return !sets(d)
	}
	return false
}

// talkToOlder is talk, on the embedded server also with a device older than its others:
// the files of February 2025 know no node that is newer than those.
func talkToOlder(t *T) {
	talk(t)
	if t.Lab.Embedded() {
		d := t.DeviceWith(func(c *dmclient.Config) { c.Profile = dmclient.Win10v22H2() })
		enrolls(d)
		twoSessions(d)
	}
}

// existing tells nodes that the device's build lacks, and lists unknown ones.
func existing(h *suite.Heard) {
	eachFinding([]string{"build", "unknown", "deprecated"}, func(h *suite.Heard, d *suite.Described, f *ddf.Finding) {
		switch {
		case f.Rule == "build" && f.Level == ddf.Warning && sets(d):
			h.Mistake(d, "nodes that the build has", f.Text)
		case len(f.Near) > 0:
			h.RemarkOn(d, d.LocURI, f.Text+"; did you mean "+strings.Join(f.Near, " or ")+"?")
		case f.Rule == "unknown":
			h.RemarkOn(d, d.LocURI, f.Text)
		default:
			h.Remark(d, f.Text)
		}
	})(h)
}

// eachFinding is a rule over the findings of these kinds.
func eachFinding(rules []string, f func(*suite.Heard, *suite.Described, *ddf.Finding)) func(*suite.Heard) {
	return func(h *suite.Heard) {
		list := h.Described()
		for i := range list {
			for k := range list[i].Findings {
				if found := &list[i].Findings[k]; slices.Contains(rules, found.Rule) {
					f(h, &list[i], found)
				}
			}
		}
	}
}
