package cli

import (
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

const docs = "harness/docs"

// documents are all pages below harness/docs, by their path from the repository's root.
func documents(t *testing.T) (out []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(root, docs), func(file string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(file) == ".md" {
			rel, relErr := filepath.Rel(root, file)
			out, err = append(out, filepath.ToSlash(rel)), relErr
		}
		return err
	})
	if err != nil || len(out) < 30 {
		t.Fatalf("%d documents: %v", len(out), err)
	}
	return out
}

// links are the targets of a page's links to other files, from the repository's root, with
// their anchors. What is in code is no link.
func links(page, text string) (out []string) {
	text = regexp.MustCompile("(?s)```.*?```|`[^`\n]*`").ReplaceAllString(text, "")
	for _, m := range regexp.MustCompile(`(?m)\]\(([^):\s]+)\)`).FindAllStringSubmatch(text, -1) {
		to, anchor, has := strings.Cut(m[1], "#")
		if to == "" {
			to = page
		} else {
			to = path.Join(path.Dir(page), to)
		}
		if has {
			to += "#" + anchor
		}
		out = append(out, to)
	}
	return out
}

// TestIndex: the index lists every page once. The pages of a folder may be listed by the
// page that begins the folder, which the index lists.
func TestIndex(t *testing.T) {
	t.Parallel()
	listed := map[string]int{}
	for _, to := range links(docs+"/README.md", readText(t, docs+"/README.md")) {
		listed[to]++
	}
	all := documents(t)
	for _, page := range all {
		switch at := path.Dir(page); {
		case page == docs+"/README.md":
		case at == docs:
			if listed[page] != 1 {
				t.Errorf("the index lists %s %d times", page, listed[page])
			}
		case listed[page] == 0:
			first := slices.IndexFunc(all, func(p string) bool { return p == at+"/README.md" || p == at+"/index.md" })
			switch {
			case first < 0:
				t.Errorf("nothing lists %s: neither the index nor %s/README.md", page, at)
			case all[first] == page:
				t.Errorf("the index does not list %s", page)
			case !slices.ContainsFunc(links(all[first], readText(t, all[first])), func(to string) bool {
				to, _, _ = strings.Cut(to, "#")
				return to == page
			}):
				t.Errorf("%s does not list %s", all[first], page)
			}
		}
	}
}

// TestAnchors: the section that a link names is there.
func TestAnchors(t *testing.T) {
	t.Parallel()
	known := map[string]map[string]bool{}
	n := 0
	for _, page := range append(documents(t), "README.md", "harness/k6/README.md", ".github/CONTRIBUTING.md") {
		for _, to := range links(page, readText(t, page)) {
			file, anchor, has := strings.Cut(to, "#")
			if !has || path.Ext(file) != ".md" {
				continue
			}
			n++
			if known[file] == nil {
				known[file] = anchors(readText(t, file))
			}
			if !known[file][anchor] {
				t.Errorf("%s links to %s, and there is no such section", page, to)
			}
		}
	}
	if n < 5 {
		t.Errorf("%d links to sections", n)
	}
}

// anchors are the names of a page's sections, as GitHub makes them of its headings.
func anchors(text string) map[string]bool {
	out := map[string]bool{}
	fence := false
	for line := range strings.SplitSeq(text, "\n") {
		for _, m := range regexp.MustCompile(`<a (?:id|name)="([^"]+)"`).FindAllStringSubmatch(line, -1) {
			out[m[1]] = true
		}
		if strings.HasPrefix(line, "```") {
			fence = !fence
		}
		m := regexp.MustCompile(`^#{1,6} (.*)$`).FindStringSubmatch(line)
		if m == nil || fence {
			continue
		}
		text := regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(m[1], "$1")
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, text)
		free := name
		for i := 1; out[free]; i++ {
			free = name + "-" + strconv.Itoa(i)
		}
		out[free] = true
	}
	return out
}
