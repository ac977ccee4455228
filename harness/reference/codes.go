package reference

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/explain"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/repro"
)

// codes is the page of every code that explain knows.
func codes() *page {
	p := begin("codes.md", "Codes", "every code, with its causes and what to do")
	all := explain.All()
	p.f("What `dmwake explain` says of each code; a heading is what follows it on the command line. Which code the simulated device shows at which step: [codes](../codes.md).\n\n" +
		"These are known beside the ones below: 0x80190000 plus any HTTP status (0x80190190 is 400), 0x87D10000 plus a SyncML status (0x87D101F4 is 500), and WinHTTP's other errors.\n")
	p.head("shown by", "codes")
	shown := shownBy()
	var places []string
	for i := range all {
		if !slices.Contains(places, all[i].Where) {
			places = append(places, all[i].Where)
		}
	}
	for _, where := range places {
		n := 0
		for i := range all {
			if all[i].Where == where {
				n++
			}
		}
		p.row(link(capital(where), "#"+slug(capital(where))), fmt.Sprint(n))
	}
	for _, where := range places {
		p.f("\n## %s\n", capital(where))
		p.ids[slug(capital(where))] = true
		for i := range all {
			if f := &all[i]; f.Where == where {
				p.code(f, shown[called(f)])
			}
		}
	}
	return p
}

// code writes all that is known of one.
func (p *page) code(f *explain.Found, repros []string) {
	p.heading(3, called(f), "code", f.Means)
	at := p.entries[len(p.entries)-1].link
	var names []string
	if f.Name != "" {
		names = append(names, "**"+f.Name+"**")
		p.entries = append(p.entries, entry{f.Name, "code", called(f) + ": " + f.Means, at})
	}
	if f.Code != called(f) { // people look for 418
		p.entries = append(p.entries, entry{f.Code, "code", called(f) + ": " + f.Means, at})
	}
	if n, ok := f.Number(); ok {
		signed := int64(n)
		if signed >= 1<<31 {
			signed -= 1 << 32
		}
		names = append(names, fmt.Sprintf("%d, %d", signed, n))
	}
	if len(names) > 0 {
		p.f("%s\n\n", strings.Join(names, ": "))
	}
	p.f("%s\n\n", escaped(f.Means))
	for _, c := range f.Causes {
		p.f("- cause: %s\n", escaped(c))
	}
	for _, d := range f.Do {
		p.f("- do: %s\n", escaped(d))
	}
	for _, c := range f.Shows {
		p.f("- shown by %s\n", code(c))
	}
	if len(repros) > 0 {
		p.f("- reproduced by %s\n", list(repros, toRepro))
	}
	if len(f.Scenarios) > 0 {
		p.f("- would have been caught by %s\n", listOf(f.Scenarios))
	}
	if len(f.Docs) > 0 {
		p.f("- more: %s\n", list(f.Docs, func(page string) string { return link(strings.TrimSuffix(page, ".md"), "../"+page) }))
	}
	p.f("- %s: %s\n", f.Strength, source(f.Source))
}

// source is the source of what is no rule of the suite: a document, its address, or
// words. Where it has both, the name is the link.
func source(text string) string {
	name, address, both := strings.Cut(text, ", https://")
	if !documented(name) {
		if both && !strings.ContainsAny(address, " ,;") {
			return link(escaped(name), "https://"+address)
		}
		if !documented(text) {
			return escaped(text)
		}
		return cited(text)
	}
	return cited(name)
}

// documented reports whether a source names a document with an address.
func documented(source string) bool {
	list := report.Cite(source)
	return len(list) > 1 || len(list) == 1 && !strings.Contains(list[0].URL, ownPages)
}

// called is a code as explain takes it.
func called(f *explain.Found) string {
	if word := placeOf(f); word != "" {
		return word + " " + f.Code
	}
	return f.Code
}

// placeOf is the word that explain takes before a code that is not enough alone.
func placeOf(f *explain.Found) string {
	if strings.HasPrefix(f.Code, "0x") || strings.HasPrefix(f.Code, "AADSTS") {
		return ""
	}
	for _, word := range explain.Narrows() {
		if explain.WhereOf(word) == f.Where {
			return word
		}
	}
	return "alert"
}

func toCode(f *explain.Found) string { return link(called(f), "codes.md#"+slug(called(f))) }

// shownBy are the reproductions that show a code, by what it is called.
func shownBy() map[string][]string {
	out := map[string][]string{}
	for _, c := range repro.All() {
		found := explain.Read(c.Explain).Found
		for i := range found {
			out[called(&found[i])] = append(out[called(&found[i])], c.Name)
		}
	}
	return out
}
