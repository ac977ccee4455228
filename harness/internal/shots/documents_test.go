package shots

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	root    = "../../.."
	folder  = "harness/docs/shots"
	maxSize = 150 << 10 // of a picture
	maxAll  = 800 << 10
)

var picture = regexp.MustCompile(`!\[([^\]]*)\]\(([^)]+\.png)\)`)

// TestPictures: each picture that a document names is there and has words for those who
// do not see it; each one of the list is used, and small.
func TestPictures(t *testing.T) {
	documents, err := filepath.Glob(filepath.Join(root, "harness/docs/*.md"))
	if err != nil || len(documents) == 0 {
		t.Fatal("no documents:", err)
	}
	used := map[string]bool{}
	for _, doc := range append(documents, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range picture.FindAllStringSubmatch(string(text), -1) {
			file := filepath.Join(filepath.Dir(doc), m[2])
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: %v", doc, err)
			}
			if m[1] == "" {
				t.Errorf("%s: %s has no words for those who do not see it", doc, m[2])
			}
			used[filepath.Base(file)] = true
		}
	}
	files, err := filepath.Glob(filepath.Join(root, folder, "*.png"))
	if err != nil || len(files) != len(list) {
		t.Errorf("%s has %d pictures, the list %d: run make shots", folder, len(files), len(list))
	}
	all := int64(0)
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if all += info.Size(); info.Size() > maxSize {
			t.Errorf("%s has %d bytes, more than %d", file, info.Size(), maxSize)
		}
		name := filepath.Base(file)
		if !used[name] {
			t.Errorf("no document shows %s", name)
		}
		if !slices.ContainsFunc(list, func(s shot) bool { return s.name+".png" == name }) {
			t.Errorf("%s is not of the list: make shots does not make it", name)
		}
	}
	if all > maxAll {
		t.Errorf("the pictures have %d bytes, more than %d", all, maxAll)
	}
}

// TestNames: the names of the list differ.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range list {
		if seen[s.name] || strings.ContainsAny(s.name, "/.") {
			t.Errorf("%q is the name of two pictures, or no name of a file", s.name)
		}
		seen[s.name] = true
		if (s.page == nil) == (s.run == nil) {
			t.Errorf("%s is either a page or a terminal", s.name)
		}
	}
}
