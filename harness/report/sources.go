package report

import (
	"regexp"
	"strings"
)

// Citation is a part of a source; URL is empty for words between documents.
type Citation struct{ Text, URL string }

// ownRules is where a rule without a document is explained.
const ownRules = "https://github.com/dmwake/dmwake/blob/main/harness/docs/facts.md#what-the-suite-requires-of-a-server"

// document is a kind of document that sources Cite.
type document struct {
	match *regexp.Regexp
	url   func(m []string) string // m are the groups of match
}

// more matches a further section of the same document.
var more = regexp.MustCompile(`^(?:, (?:and )?| to | and )(\.?\d+(?:\.\d+)*)\b`)

// documents are tried in this order at each place of a source.
var documents = []document{
	{regexp.MustCompile(`^\[?(MS-(?:MDM|MDE2|MDE|XCEP|WSTEP))\]?(?: (\d+(?:\.\d+)*))?`), func(m []string) string { return openSpec(m[1], m[2]) }},
	{regexp.MustCompile(`^RFC (\d+)(?: (?:section )?(\d+(?:\.\d+)*))?`), func(m []string) string { return rfc(m[1], m[2]) }},
	{regexp.MustCompile(`^https://[^\s()<>,;]+`), func(m []string) string { return m[0] }},
	{regexp.MustCompile(`^CWE-(\d+)`), func(m []string) string { return "https://cwe.mitre.org/data/definitions/" + m[1] + ".html" }},
	{regexp.MustCompile(`^CVE-\d+-\d+`), func(m []string) string { return "https://nvd.nist.gov/vuln/detail/" + m[0] }},
	{regexp.MustCompile(`^(?:Learn, )?"([^"]+)"`), func(m []string) string { return learn(m[1]) }},
	{regexp.MustCompile(`^(fleet|PushSharp|WindowsAppSDK) issues? (\d+)`), func(m []string) string { return issue(m[1], m[2]) }},
	{regexp.MustCompile(`^go-microsoft-dm`), func([]string) string { return "https://github.com/deploymenttheory/go-microsoft-dm" }},
}

// Cite divides a source into documents and the words between them. A source without a
// document has the page about our own rules.
func Cite(source string) (out []Citation) {
	linked, plain := false, 0
	for at := 0; at < len(source); {
		found := cited{}
		if at == 0 || !isWord(source[at-1]) {
			found = citedAt(source[at:])
		}
		if found.length == 0 {
			at++
			continue
		}
		if at > plain {
			out = append(out, Citation{Text: source[plain:at]})
		}
		out = append(out, Citation{source[at : at+found.length], found.url})
		linked = true
		at += found.length
		for found.section != nil {
			m := more.FindStringSubmatchIndex(source[at:])
			if m == nil {
				break
			}
			number := source[at+m[2] : at+m[3]]
			out = append(out, Citation{Text: source[at : at+m[2]]}, Citation{number, found.section(number)})
			at += m[1]
		}
		plain = at
	}
	switch {
	case source == "":
		return nil
	case !linked:
		return []Citation{{source, ownRules}}
	case plain < len(source):
		out = append(out, Citation{Text: source[plain:]})
	}
	return out
}

// cited is a document at the beginning of a text.
type cited struct {
	length  int
	url     string
	section func(number string) string // the address of another section of it
}

func citedAt(text string) cited {
	if name := nameOf(text); name != "" {
		return cited{length: len(name), url: names[name]}
	}
	for _, d := range documents {
		m := d.match.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		url := d.url(m)
		if url == "" {
			continue
		}
		out := cited{length: len(m[0]), url: url}
		if len(m) == 3 { // with a section
			out.section = func(number string) string { return d.url([]string{"", m[1], number}) }
		}
		return out
	}
	return cited{}
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-'
}

func rfc(number, section string) string {
	if section != "" {
		section = "#section-" + section
	}
	return "https://www.rfc-editor.org/rfc/rfc" + number + ".html" + section
}

func issue(project, number string) string {
	owner := map[string]string{"fleet": "fleetdm/fleet", "PushSharp": "Redth/PushSharp", "WindowsAppSDK": "microsoft/WindowsAppSDK"}[project]
	return "https://github.com/" + owner + "/issues/" + number
}

// nameOf is the longest name of a document that a text begins with.
func nameOf(text string) (best string) {
	for name := range names {
		if strings.HasPrefix(text, name) && len(name) > len(best) {
			best = name
		}
	}
	return best
}
