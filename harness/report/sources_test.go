package report_test

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios"
)

// TestEverySourceHasALink: whoever reads a failure gets to the text of the rule, for each
// document that a source names.
func TestEverySourceHasALink(t *testing.T) {
	hosts := []string{"learn.microsoft.com", "www.rfc-editor.org", "www.openmobilealliance.org", "www.w3.org", "docs.oasis-open.org", "cwe.mitre.org", "nvd.nist.gov", "csrc.nist.gov", "cabforum.org", "url.spec.whatwg.org", "github.com"}
	document := regexp.MustCompile(`\bMS-(?:MDM|MDE|XCEP|WSTEP)|\bRFC \d|\bOMA |\bLearn\b|\bCWE-|\bCVE-|\bXML|\bSOAP 1|\bWS-|\bNIST|\bissues? \d|https:|CSP"`)
	for _, s := range scenarios.All() {
		links, whole := 0, ""
		for _, c := range report.Cite(s.Source) {
			whole += c.Text
			if c.URL == "" {
				if m := document.FindString(c.Text); m != "" {
					t.Errorf("%s: %q names a document without a link", s.ID, c.Text)
				}
				continue
			}
			links++
			if u, err := url.Parse(c.URL); err != nil || u.Scheme != "https" || !slices.Contains(hosts, u.Host) || strings.HasSuffix(u.Path, "/mdm/") {
				t.Errorf("%s: %q leads to %s", s.ID, c.Text, c.URL)
			}
		}
		if links == 0 || whole != s.Source {
			t.Errorf("%s: %d links in %q, which is shown as %q", s.ID, links, s.Source, whole)
		}
	}
}

// TestSources: parts of a source, with where they lead.
func TestSources(t *testing.T) {
	const spec = "https://learn.microsoft.com/openspecs/windows_protocols/"
	for source, want := range map[string][]report.Citation{
		"MS-MDM 2.2.6.1, 2.2.3.7; seen on devices": {{Text: "MS-MDM 2.2.6.1", URL: spec + "ms-mdm/36b1a4d9-fd93-48ce-b865-6a9d396c52a4"}, {Text: ", "},
			{Text: "2.2.3.7", URL: spec + "ms-mdm/536a0713-cdac-4052-a2fe-e8789c26d480"}, {Text: "; seen on devices"}},
		"RFC 9110 section 10.2.3":                      {{Text: "RFC 9110 section 10.2.3", URL: "https://www.rfc-editor.org/rfc/rfc9110.html#section-10.2.3"}},
		`Learn, "w7 APPLICATION CSP", DEFAULTENCODING`: {{Text: `Learn, "w7 APPLICATION CSP"`, URL: "https://learn.microsoft.com/windows/client-management/mdm/w7-application-csp"}, {Text: ", DEFAULTENCODING"}},
		"MS-MDE2 3.4.4.1.1.1.2":                        {{Text: "MS-MDE2 3.4.4.1.1.1.2", URL: spec + "ms-mde2/6ba9c509-8bce-4899-85b2-8c3d41f8f845"}},
		"XML 1.0 section 4.3.3":                        {{Text: "XML 1.0", URL: "https://www.w3.org/TR/xml/"}, {Text: " section 4.3.3"}},
		"fleet issues 14626, 46197":                    {{Text: "fleet issues 14626", URL: "https://github.com/fleetdm/fleet/issues/14626"}, {Text: ", "}, {Text: "46197", URL: "https://github.com/fleetdm/fleet/issues/46197"}},
		"ours; the time is reported":                   {{Text: "ours; the time is reported", URL: "https://github.com/dmwake/dmwake/blob/main/harness/docs/facts.md#what-the-suite-requires-of-a-server"}},
		"":                                             nil,
	} {
		if got := report.Cite(source); !slices.Equal(got, want) {
			t.Errorf("%q is\n%q, want\n%q", source, got, want)
		}
	}
}
