package site

import (
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// page is what the links of a site need of a page.
type page struct {
	ids   map[string]int
	links []string
	alts  int // pictures without words
}

// read parses a page.
func read(t *testing.T, file string) (p page) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := html.Parse(f)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	p.ids = map[string]int{}
	for n := range doc.Descendants() {
		alt := n.Data != "img"
		for _, a := range n.Attr {
			switch a.Key {
			case "id":
				p.ids[a.Val]++
			case "href", "src":
				p.links = append(p.links, a.Val)
			case "alt":
				alt = alt || a.Val != ""
			}
		}
		if !alt {
			p.alts++
		}
	}
	return p
}

// checkLinks: each link of the site leads to a page, an anchor or a file that is there, or
// to a file of the repository that is there; no page has an id twice, and every picture has
// words. The network is not asked. (wjdp/htmltest does much of this, but its last release
// is of 2022, and it knows nothing of the repository.)
func checkLinks(t *testing.T, folder string) {
	pages := map[string]page{}
	files := map[string]bool{}
	err := filepath.WalkDir(folder, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(folder, file)
		rel = filepath.ToSlash(rel)
		files[rel] = true
		if path.Ext(rel) == ".html" {
			pages[rel] = read(t, file)
		}
		return err
	})
	if err != nil || len(pages) < 40 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	const source = "https://github.com/dmwake/dmwake/blob/main/"
	linked := map[string]bool{"index.html": true}
	n := 0
	for name, p := range pages {
		for id, times := range p.ids {
			if times > 1 {
				t.Errorf("%s has the id %s %d times", name, id, times)
			}
		}
		if p.alts > 0 {
			t.Errorf("%s has %d pictures without words", name, p.alts)
		}
		for _, link := range p.links {
			u, err := url.Parse(link)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			n++
			if rel, ours := strings.CutPrefix(link, source); ours {
				rel, _, _ = strings.Cut(rel, "#")
				if _, err := os.Stat(filepath.Join("../..", rel)); err != nil {
					t.Errorf("%s links to %s, which is not in the repository", name, rel)
				}
				continue
			}
			if u.Scheme != "" {
				if !slices.Contains([]string{"https", "http", "data"}, u.Scheme) {
					t.Errorf("%s links to %s", name, link)
				}
				continue
			}
			to := name
			if u.Path != "" {
				to = path.Join(path.Dir(name), u.Path)
			}
			linked[to] = true
			switch {
			case !files[to]:
				t.Errorf("%s links to %s, which is not there", name, link)
			case u.Fragment != "" && pages[to].ids[u.Fragment] == 0:
				t.Errorf("%s links to %s, and there is no such anchor", name, link)
			}
		}
	}
	for name := range pages {
		if !linked[name] {
			t.Errorf("nothing links to %s", name)
		}
	}
	if n < 1000 {
		t.Errorf("%d links", n)
	}
}
