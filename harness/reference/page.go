// Package reference writes the pages of harness/docs/reference from the code: every
// command, key, hook, scenario, code, fault, CSP, mutant and reproduction, and an index
// of them all.
package reference

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/report"
)

// Page is a page of the reference.
type Page struct {
	File string // in harness/docs/reference
	Text string
}

// entry is a line of the index: a name and where it is told of.
type entry struct {
	name  string
	kind  string // what the name is: "key", "scenario"
	about string
	link  string
}

// page is a page that is being written.
type page struct {
	file    string
	title   string
	about   string // what is found there, for the index
	b       strings.Builder
	entries []entry
	ids     map[string]bool
}

func begin(file, title, about string) *page {
	p := &page{file: file, title: title, about: about, ids: map[string]bool{}}
	p.f("# %s\n\n", title)
	return p
}

func (p *page) f(format string, args ...any) { fmt.Fprintf(&p.b, format, args...) }

// row writes a row of a table. Its cells are Markdown.
func (p *page) row(cells ...string) {
	for i, c := range cells {
		cells[i] = strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(c, "\n", " "), "|", "\\|"))
	}
	p.f("| %s |\n", strings.Join(cells, " | "))
}

// head begins a table.
func (p *page) head(cells ...string) {
	p.f("\n")
	p.row(cells...)
	p.f("|%s\n", strings.Repeat("---|", len(cells)))
}

// heading writes a heading, and the index gets its name.
func (p *page) heading(level int, name, kind, about string) {
	id := p.free(slug(name))
	p.f("\n%s %s\n\n", strings.Repeat("#", level), escaped(name))
	p.entries = append(p.entries, entry{name, kind, about, p.file + "#" + id})
}

// named is the name in the first cell of a row, to which links lead, and the index gets
// it.
func (p *page) named(id, name, kind, about string) string {
	id = p.free(id)
	p.entries = append(p.entries, entry{name, kind, about, p.file + "#" + id})
	return `<a id="` + id + `"></a>` + code(name)
}

// free is the id, or the next one that is free, as GitHub numbers headings.
func (p *page) free(id string) string {
	for n, at := 1, id; ; n++ {
		if !p.ids[at] {
			p.ids[at] = true
			return at
		}
		at = fmt.Sprintf("%s-%d", id, n)
	}
}

var noSlug = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

// slug is the id that GitHub and the site give to a heading.
func slug(heading string) string {
	return strings.ReplaceAll(noSlug.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// code is a text as code. A backtick within is kept.
func code(text string) string {
	if strings.Contains(text, "`") {
		return "`` " + text + " ``"
	}
	return "`" + text + "`"
}

// escaped is a text of the code as Markdown. What stands in backticks stays, and
// everything else is what it says: "<Data>" is no element.
func escaped(text string) string {
	parts := strings.Split(text, "`")
	if len(parts)%2 == 0 { // one is not closed
		return strings.ReplaceAll(marks.Replace(text), "`", "\\`")
	}
	for i := 0; i < len(parts); i += 2 {
		parts[i] = marks.Replace(parts[i])
	}
	return strings.Join(parts, "`")
}

var marks = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "*", "\\*", "[", "\\[", "]", "\\]")

// ownPages is a part of the addresses of this project's own pages.
const ownPages = "/dmwake/blob/main/harness/docs/"

// cited is a source with links to its documents.
func cited(source string) string {
	var b strings.Builder
	for _, c := range report.Cite(source) {
		name := strings.TrimPrefix(c.Text, "https://")
		_, own, ours := strings.Cut(c.URL, ownPages)
		switch {
		case c.URL == "":
			b.WriteString(escaped(c.Text))
		case ours:
			b.WriteString(link(escaped(c.Text), "../"+own))
		default:
			b.WriteString(link(escaped(name), c.URL))
		}
	}
	return b.String()
}

func link(text, to string) string { return "[" + text + "](" + to + ")" }

// list joins links to names with commas.
func list(names []string, to func(string) string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = to(n)
	}
	return strings.Join(out, ", ")
}

// prose writes a text of a command's help: what is set in by two blanks is code.
func (p *page) prose(text string) {
	indented := false
	for line := range strings.Lines(strings.TrimSpace(text) + "\n") {
		rest, in := strings.CutPrefix(line, "  ")
		if in != indented && strings.TrimSpace(line) != "" {
			p.f("\n")
			indented = in
		}
		switch {
		case in:
			p.f("    %s", rest)
		case strings.TrimSpace(line) == "":
			p.f("\n")
		default:
			p.f("%s", escaped(line))
		}
	}
}

// text is the page, with its way back and a note for those who would edit it.
func (p *page) text() string {
	text := p.b.String()
	if p.file != indexFile {
		head, rest, _ := strings.Cut(text, "\n\n")
		text = head + "\n\n[A to Z](" + indexFile + ")\n\n" + rest
	}
	text += "\n---\nThe code writes this page: `make reference`.\n"
	return blanks.ReplaceAllString(strings.ReplaceAll(text, "\n---\n", "\n\n---\n\n"), "\n\n")
}

const indexFile = "index.md"

var blanks = regexp.MustCompile(`\n{3,}`)

// Pages are all pages of the reference, the index first.
func Pages() ([]Page, error) {
	pages := []*page{commands(), config(), hooks(), plan()}
	pages = append(pages, scenarioPages()...)
	pages = append(pages, sources(), codes(), faultsPage(), repros(), mutantsPage(), variantsPage(), profiles())
	c, err := csps()
	if err != nil {
		return nil, err
	}
	pages = append(pages, c)
	out := []Page{{indexFile, index(pages)}}
	for _, p := range pages {
		out = append(out, Page{p.file, p.text()})
	}
	slices.SortFunc(out[1:], func(a, b Page) int { return strings.Compare(a.File, b.File) })
	return out, nil
}
