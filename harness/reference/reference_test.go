package reference

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	wnsfaults "github.com/dmwake/dmwake/fakewns/faults"
	"github.com/dmwake/dmwake/harness/cli"
	"github.com/dmwake/dmwake/harness/explain"
	"github.com/dmwake/dmwake/harness/load/workload"
	"github.com/dmwake/dmwake/harness/repro"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/harness/target/presets"
	"github.com/dmwake/dmwake/scenarios"
	"github.com/dmwake/dmwake/simulator/csp/ddf"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/dmclient/faults"
	"github.com/dmwake/dmwake/simulator/entra"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
)

var written = sync.OnceValues(Pages)

const folder = "../docs/reference"

// TestPagesAreCurrent: harness/docs/reference is the output of make reference.
func TestPagesAreCurrent(t *testing.T) {
	pages, err := written()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, p := range pages {
		want[p.File] = true
		raw, err := os.ReadFile(filepath.Join(folder, p.File))
		if err != nil || string(raw) != p.Text {
			t.Errorf("harness/docs/reference/%s is not current (%v): run make reference", p.File, err)
		}
	}
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !want[f.Name()] {
			t.Errorf("harness/docs/reference/%s is not written by make reference", f.Name())
		}
	}
}

var (
	anchor    = regexp.MustCompile(`<a id="([^"]+)"></a>`)
	title     = regexp.MustCompile(`(?m)^#+ (.+)$`)
	markdown  = regexp.MustCompile("`[^`]*`|\\]\\(([^)\\s]+)\\)")
	tableEnds = regexp.MustCompile(`(?m)^\| .*$`)
)

// anchors are the ids in a page to which a link can lead. An id that is there twice is
// an error.
func anchors(t *testing.T, name, text string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, m := range anchor.FindAllStringSubmatch(text, -1) {
		if out[m[1]] {
			t.Errorf("%s has the id %s twice", name, m[1])
		}
		out[m[1]] = true
	}
	headings := map[string]int{}
	for _, m := range title.FindAllStringSubmatch(text, -1) {
		id := slug(strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&", "\\", "").Replace(m[1]))
		if n := headings[id]; n > 0 {
			headings[id]++
			id = fmt.Sprintf("%s-%d", id, n)
		}
		headings[id]++
		if out[id] {
			t.Errorf("%s has the id %s twice", name, id)
		}
		out[id] = true
	}
	return out
}

// TestLinks: every link in a page of the reference leads to a file that is there, and to
// an id that it has.
func TestLinks(t *testing.T) {
	pages, err := written()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]map[string]bool{}
	of := func(path string) map[string]bool {
		if known[path] == nil {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Errorf("%v", err)
				return map[string]bool{}
			}
			known[path] = anchors(t, path, string(raw))
		}
		return known[path]
	}
	for _, p := range pages {
		known[filepath.Join(folder, p.File)] = anchors(t, p.File, p.Text)
	}
	n := 0
	for _, p := range pages {
		for _, m := range markdown.FindAllStringSubmatch(strings.ReplaceAll(p.Text, "[`", "["), -1) {
			if m[1] == "" || strings.HasPrefix(m[1], "https://") {
				continue
			}
			n++
			file, id, _ := strings.Cut(m[1], "#")
			path := filepath.Join(folder, p.File)
			if file != "" {
				path = filepath.Join(folder, file)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s links to %s, which is not there", p.File, m[1])
			} else if id != "" && !of(path)[id] {
				t.Errorf("%s links to %s, which has no such id", p.File, m[1])
			}
		}
	}
	if n < 4000 {
		t.Errorf("only %d links were found", n)
	}
}

// TestTables: the rows of each table have as many cells as its head.
func TestTables(t *testing.T) {
	pages, err := written()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pages {
		cells := 0
		for line := range strings.Lines(p.Text) {
			if !tableEnds.MatchString(line) && !strings.HasPrefix(line, "|") {
				cells = 0
				continue
			}
			n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
			if cells == 0 {
				cells = n
			}
			if n != cells {
				t.Errorf("%s: %d cells, not %d: %s", p.File, n-1, cells-1, line)
			}
		}
	}
}

// TestIndex: the index has every name that a person may look for, with a link.
func TestIndex(t *testing.T) {
	pages, err := written()
	if err != nil {
		t.Fatal(err)
	}
	text := pages[0].Text
	n := 0
	has := func(name, kind string) {
		n++
		if !strings.Contains(text, "\n- [`"+name+"`](") && !strings.Contains(text, "\n- `"+name+"`: ") {
			t.Errorf("the index has no %s %s", kind, name)
		}
	}
	for _, k := range target.Keys() {
		has(k.Name, "key")
	}
	for _, h := range target.HookList() {
		has(h.Name, "hook")
	}
	for _, v := range target.Variables() {
		has("{{."+v.Name+"}}", "variable")
	}
	for _, f := range target.Functions() {
		has(f.Name, "function")
	}
	for _, list := range [][]workload.Key{workload.PlanKeys(), workload.PartKeys(), workload.ValueKeys(), workload.DayKeys()} {
		for _, k := range list {
			has(k.Name, "key of a plan")
		}
	}
	for _, c := range cli.Commands() {
		has(c.Path, "command")
		for _, f := range c.Flags {
			has("--"+f.Name, "flag")
		}
	}
	for _, s := range scenarios.All() {
		has(s.ID, "scenario")
	}
	for _, section := range []string{"MS-MDM 2.2.6.1", "MS-MDE2 2.2.9.3", "RFC 9110 15.5", "OMA DM protocol support", "CWE-79"} {
		has(section, "section of a document")
	}
	for _, m := range mutants.All() {
		has(m.Name, "mutant")
	}
	for _, v := range variants.All() {
		has(v.Name, "variant")
	}
	for _, f := range explain.All() {
		has(f.Code, "code")
		if f.Name != "" {
			has(f.Name, "name of a code")
		}
	}
	for _, c := range repro.All() {
		has(c.Name, "reproduction")
	}
	for _, k := range faults.All() {
		has(k.Name, "fault of devices")
	}
	for _, k := range wnsfaults.All() {
		has(k.Name, "fault of WNS")
	}
	for _, q := range dmclient.QuirkList() {
		has(q.Name, "quirk")
	}
	for _, p := range dmclient.Profiles() {
		has(p.Name, "profile")
	}
	for _, k := range append([]entra.Kind{entra.Good}, entra.BadKinds()...) {
		has(string(k), "token of a fake directory")
		if k.Means() == "" {
			t.Errorf("nothing says what %s means", k)
		}
	}
	for _, a := range dmclient.Attestations() {
		has(string(a), "attestation")
		if a.Means() == "" {
			t.Errorf("nothing says what %s means", a)
		}
	}
	for _, s := range presets.All() {
		if s.Name != "" {
			has(s.Name, "preset")
		}
	}
	set, err := ddf.Facts()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range set.Areas() {
		has(a.Name, "CSP")
	}
	if n < 2000 {
		t.Errorf("only %d names were looked for", n)
	}
}
