package reference

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// index is the page of all names, A to Z.
func index(pages []*page) string {
	p := begin(indexFile, "Reference", "")
	var all []entry
	for _, of := range pages {
		all = append(all, of.entries...)
		if !strings.HasPrefix(of.file, "scenarios-") { // they are in the list of scenarios
			p.f("- %s: %s\n", link(of.title, of.file), of.about)
		}
	}
	slices.SortStableFunc(all, func(a, b entry) int {
		return cmp.Or(cmp.Compare(sorted(a.name), sorted(b.name)), cmp.Compare(a.name, b.name), cmp.Compare(a.kind, b.kind))
	})
	letters := map[string]bool{}
	for i := range all {
		letters[letter(all[i].name)] = true
	}
	p.f("\nFrom A to Z:")
	for i := range all {
		if l := letter(all[i].name); letters[l] {
			letters[l] = false
			p.f(" %s", link(l, "#"+slug(l)))
		}
	}
	p.f("\n")
	at := ""
	for i := 0; i < len(all); {
		n := i + 1
		for n < len(all) && all[n].name == all[i].name && all[n].kind == all[i].kind {
			n++
		}
		if l := letter(all[i].name); l != at {
			at = l
			p.f("\n## %s\n\n", l)
			p.ids[slug(l)] = true
		}
		p.entry(all[i:n])
		i = n
	}
	return p.text()
}

// entry writes the lines of entries of one name and kind: a flag has one for all its
// commands.
func (p *page) entry(same []entry) {
	if same[0].kind == "flag" {
		commands := make([]string, len(same))
		for i, e := range same {
			commands[i] = link(e.about, e.link)
		}
		p.f("- %s: flag of %s\n", code(same[0].name), strings.Join(commands, ", "))
		return
	}
	for _, e := range same {
		about := e.kind
		if e.about != "" {
			about += ": " + escaped(e.about)
		}
		p.f("- %s, %s\n", link(code(e.name), e.link), about)
	}
}

// sorted is a name as the index sorts it: without dashes and braces before it, and
// without the case of letters.
func sorted(name string) string {
	return strings.ToLower(strings.TrimLeftFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }))
}

func letter(name string) string {
	s := sorted(name)
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return "0 to 9"
	}
	return strings.ToUpper(s[:1])
}
