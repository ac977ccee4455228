package site

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// checkTerms: the search box knows each entry of the reference's list from A to Z, which
// is made from the code: each command, flag, key, hook, scenario, code, fault, CSP, mutant.
func checkTerms(t *testing.T, folder string) {
	raw, err := os.ReadFile(filepath.Join(folder, "terms.js"))
	if err != nil {
		t.Fatal(err)
	}
	var pages []string
	known := map[string]bool{}
	for line := range strings.Lines(string(raw)) { // a term is a line
		if !strings.HasPrefix(line, "[") {
			continue
		}
		var term []any
		if err := json.Unmarshal([]byte(strings.TrimRight(line, ",\n")), &term); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		switch len(term) {
		case 2: // of a page: title, address
			pages = append(pages, term[1].(string))
		case 4: // name, page, anchor, what follows
			known[pages[int(term[1].(float64))]+"#"+term[2].(string)] = true
		default:
			t.Fatalf("a term has %d parts: %s", len(term), line)
		}
	}
	n := 0
	for _, link := range read(t, filepath.Join(folder, "reference", "index.html")).links {
		to := path.Join("reference", link)
		if page, anchor, _ := strings.Cut(to, "#"); anchor == "" || path.Dir(page) != "reference" || strings.HasPrefix(link, "#") {
			continue // another page of the site, or a letter of the list
		}
		if n++; !known[to] {
			t.Errorf("the search does not lead to %s", to)
		}
	}
	if n < 2000 {
		t.Errorf("the list from A to Z has %d entries", n)
	}
}
