package reference

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios"
)

// place is a section of a document that scenarios cite.
type place struct {
	document, section, url string
	ids                    []string
}

// sources is the page of all documents, with the scenarios that rest on each section.
func sources() *page {
	p := begin("sources.md", "Rules by document", "every section of MS-MDM, MS-MDE2, OMA DM, RFCs and Learn that a scenario rests on")
	p.f("What is tested of each document. The fact behind a scenario and its source stand with the scenario: [scenarios](scenarios.md); facts about devices and WNS, with their proofs: [facts](../facts.md).\n")
	places := cite()
	for i := range places {
		at := &places[i]
		if i == 0 || at.document != places[i-1].document {
			p.f("\n## %s\n", escaped(at.document))
			p.ids[slug(at.document)] = true
			p.head("section", "scenarios")
		}
		name := strings.TrimSpace(at.document + " " + at.section)
		shown := link(escaped(cmp.Or(strings.TrimPrefix(at.section, "https://"), "the whole")), at.url)
		switch at.document {
		case learn, weaknesses:
			name = at.section
		case reports:
			name = ""
		}
		switch {
		case name == "":
		case at.section == "":
			p.entries = append(p.entries, entry{name, "document", count(len(at.ids), "scenario"), p.file + "#" + slug(name)})
		default:
			id := p.free(strings.ToLower(strings.ReplaceAll(noName.ReplaceAllString(name, ""), " ", "-")))
			shown = `<a id="` + id + `"></a>` + shown
			p.entries = append(p.entries, entry{name, "document", count(len(at.ids), "scenario"), p.file + "#" + id})
		}
		p.row(shown, listOf(at.ids))
	}
	return p
}

// sameAs are names of documents that have another one, too.
var sameAs = map[string]string{"Namespaces in XML": "Namespaces in XML 1.0", "OMA DM TND 1.2.1": "OMA DM Tree and Description 1.2.1"}

const (
	learn      = "Learn"
	weaknesses = "CWE and CVE"
	reports    = "Reports"
)

var (
	sectioned = regexp.MustCompile(`^\[?(MS-[A-Z0-9]+|RFC \d+)\]?(?: (?:section )?(\d+(?:\.\d+)*))?$`)
	numbered  = regexp.MustCompile(`^\.?(\d+(?:\.\d+)*)$`)
	following = regexp.MustCompile(`^,? sections? (\d+(?:\.\d+)*)`)
	titled    = regexp.MustCompile(`^(?:Learn, )?"([^"]+)"$`)
	noName    = regexp.MustCompile(`[^\p{L}\p{N}._ -]`)
	weakness  = regexp.MustCompile(`^(?:CWE|CVE)-`)
)

// cite is what the scenarios cite, by document and section.
func cite() []place {
	var out []place
	add := func(id, document, section, url string) {
		i := slices.IndexFunc(out, func(p place) bool { return p.document == document && p.section == section })
		if i < 0 {
			i = len(out)
			out = append(out, place{document: document, section: section, url: url})
		}
		if !slices.Contains(out[i].ids, id) {
			out[i].ids = append(out[i].ids, id)
		}
	}
	for _, s := range scenarios.All() {
		parts := report.Cite(s.Source)
		last := "" // the document that a number alone belongs to
		for i, c := range parts {
			m := sectioned.FindStringSubmatch(c.Text)
			t := titled.FindStringSubmatch(c.Text)
			switch {
			case c.URL == "" || strings.Contains(c.URL, ownPages):
			case m != nil:
				last = m[1]
				add(s.ID, last, m[2], c.URL)
			case t != nil:
				add(s.ID, learn, t[1], c.URL)
			case weakness.MatchString(c.Text):
				add(s.ID, weaknesses, c.Text, c.URL)
			case strings.HasPrefix(c.URL, "https://github.com/"):
				last = reports
				add(s.ID, reports, c.URL, c.URL)
			case numbered.MatchString(c.Text):
				add(s.ID, last, strings.TrimPrefix(c.Text, "."), c.URL)
			default:
				section := ""
				if i+1 < len(parts) {
					if f := following.FindStringSubmatch(parts[i+1].Text); f != nil {
						section = f[1]
					}
				}
				add(s.ID, cmp.Or(sameAs[c.Text], c.Text), section, c.URL)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b place) int {
		return cmp.Or(cmp.Compare(rank(a.document), rank(b.document)), bySection(a.document, b.document), bySection(a.section, b.section))
	})
	return out
}

// rank puts the documents of the management protocol first, and reports last.
func rank(document string) int {
	for i, first := range []string{"MS-MDM", "MS-MDE2", "MS-MDE", "MS-XCEP", "MS-WSTEP", learn} {
		if document == first {
			return i
		}
	}
	switch {
	case strings.HasPrefix(document, "OMA"):
		return 10
	case strings.HasPrefix(document, "RFC"):
		return 11
	case document == reports:
		return 13
	}
	return 12
}

// bySection compares texts, and numbers in them as numbers.
func bySection(a, b string) int {
	x, y := digits.Split(a, -1), digits.Split(b, -1)
	m, n := digits.FindAllString(a, -1), digits.FindAllString(b, -1)
	for i := range min(len(x), len(y)) {
		if d := cmp.Compare(x[i], y[i]); d != 0 && (x[i] != "" && y[i] != "" || i == 0) {
			return d
		}
		if i < len(m) && i < len(n) {
			c, _ := strconv.Atoi(m[i])
			d, _ := strconv.Atoi(n[i])
			if c != d {
				return cmp.Compare(c, d)
			}
		}
	}
	return cmp.Or(cmp.Compare(len(m), len(n)), cmp.Compare(a, b))
}

var digits = regexp.MustCompile(`\d+`)
