package arrows

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/scenarios"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
)

const module = "github.com/dmwake/dmwake"

// mayImport says which packages of this module a room may import; a room is a
// package and everything below it that has no line of its own. Tests are free.
// Both sides of a session share the messages of syncml and enroll and nothing
// else, or both would share one bug.
var mayImport = map[string][]string{
	"simulator/xmlscan":            {},
	"simulator/syncml":             {"simulator/xmlscan"},
	"simulator/enroll":             {"simulator/syncml", "simulator/xmlscan", "harness/redact"},
	"simulator/entra":              {},
	"simulator/csp":                {"simulator/csp/admx", "simulator/syncml"},
	"simulator/csp/admx":           {},
	"simulator/csp/ddf":            {"simulator/csp"}, // on top of the tree, which knows nothing of it
	"simulator/dmclient":           {"harness/faultspec", "simulator/csp", "simulator/enroll", "simulator/syncml", "harness/nearest"},
	"simulator/fleet":              {"harness/boltfile", "simulator/dmclient", "simulator/csp", "simulator/enroll", "simulator/syncml"},
	"simulator/mdmserver":          {"simulator/enroll", "simulator/syncml", "harness/guard"},
	"simulator/mdmserver/hook":     {"simulator/mdmserver", "simulator/enroll", "simulator/syncml"},
	"simulator/mdmserver/mutants":  {"simulator/mdmserver", "simulator/mdmserver/hook", "simulator/enroll", "simulator/syncml", "harness/nearest"},
	"simulator/mdmserver/variants": {"simulator/mdmserver", "simulator/mdmserver/hook", "simulator/enroll", "simulator/syncml", "harness/nearest"},
	"simulator/example":            {},
	"fakewns":                      {"fakewns", "harness/boltfile", "harness/faultspec", "harness/guard", "harness/redact", "harness/printable"},
	"harness/boltfile":             {"harness/wording"}, // both sides keep their state in this way; it knows neither
	"harness/nearest":              {},
	"harness/wording":              {},                  // how libraries' errors are said to people
	"harness/faultspec":            {"harness/nearest"}, // both sides write faults in this way; it knows neither
	"harness/guard":                {},                  // it stands before the APIs of both sides
	"harness/explain":              {},
	"harness/sender":               {"fakewns", "harness/explain", "harness/target"},
	"harness/bounded":              {},
	"harness/target":               {"simulator", "fakewns", "harness/bounded", "harness/redact", "harness/nearest"},
	"harness/page":                 {"harness/printable"},
	"harness/report":               {"simulator/csp", "simulator/syncml", "harness/page", "harness/redact", "harness/printable", "harness/wording"},
	"harness/signin":               {"simulator/enroll"},
	"harness/devices":              {"harness/nearest", "simulator", "fakewns", "harness/lab", "harness/target", "harness/report", "harness/redact", "harness/printable", "harness/wording"},
	"harness/lab":                  {"simulator", "fakewns", "harness/target", "harness/signin", "harness/redact", "harness/wording"},
	"harness/load/result":          {"harness/report", "harness/bounded", "harness/printable", "harness/wording"},
	"harness/load/page":            {"harness/load/result", "harness/printable"},
	"harness/console":              {"simulator/syncml", "fakewns", "harness/devices", "harness/guard", "harness/load/result", "harness/page", "harness/redact", "harness/printable", "harness/wording"},
	"harness/chaos":                {}, // tests only
	"harness/newcomer":             {},
	"harness/redact":               {}, // what may be shown; all who write texts for people know it
	"harness/printable":            {}, // how it is shown
	"harness/live":                 {"harness/printable"},
	"harness/load/scale":           {},
	"harness/load/server":          {"harness/load/result", "harness/wording"},
	"harness/load/delivery":        {"harness/lab", "harness/load", "harness/load/result", "harness/load/server", "harness/report"},
	"harness/load/verify":          {"harness/load/result", "harness/wording"},
	"harness/load/find":            {"harness/load", "harness/load/result", "harness/report", "harness/wording"},
	"harness/load/workload":        {"harness/load", "harness/bounded", "harness/nearest"},
	"harness/load":                 {"harness/redact", "simulator", "fakewns", "harness/lab", "harness/target", "harness/load/result", "harness/sender", "harness/report", "harness/wording"},
	"harness/doctor":               {"simulator", "fakewns", "harness/lab", "harness/target", "harness/explain", "harness/wording"},
	"harness/repro":                {"simulator", "fakewns", "harness/lab", "harness/target", "harness/nearest"},
	"harness/paste":                {"simulator"},
	"harness/trace":                {"simulator", "harness/report", "harness/paste", "harness/redact", "harness/printable"},
	"harness/reading":              {"simulator", "scenarios", "harness/paste", "harness/trace", "harness/redact", "harness/wording"},
	"harness/compare":              {"simulator", "harness/report", "harness/trace", "harness/bounded", "harness/redact", "harness/wording"},
	"harness/facts":                {"simulator", "scenarios", "harness/explain", "harness/facts"},
	"harness/fidelity":             {"simulator/csp", "simulator/dmclient", "harness/facts", "harness/fidelity"},
	"harness/reference":            {"simulator", "fakewns", "harness", "scenarios"}, // it writes of all of them
	"harness/internal":             {},
	"harness/site":                 {}, // tests only
	"internal":                     {}, // for tests of both sides
	"scenarios/suite":              {"simulator", "fakewns", "harness/lab", "harness/target", "harness/report", "harness/redact", "harness/printable"},
	"scenarios/example":            {},
	"scenarios":                    {"simulator", "fakewns", "harness/lab", "harness/target", "harness/report", "scenarios/suite", "harness/nearest"},
	"harness/cli":                  {"simulator", "fakewns", "harness", "scenarios"},
	"":                             {"harness/cli"},
}

type pkg struct {
	ImportPath, Dir  string
	Imports, GoFiles []string
}

func packages(t *testing.T) (out []pkg) {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,GoFiles", module+"/...")
	raw, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(raw))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
}

// room is the line of mayImport that a package has.
func room(path string) (string, bool) {
	for ; path != "."; path = filepath.Dir(path) {
		if _, ok := mayImport[path]; ok {
			return path, true
		}
	}
	return "", false
}

func within(path, of string) bool { return path == of || strings.HasPrefix(path, of+"/") }

func TestArrows(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		at, known := room(path)
		if path != "" && !known {
			t.Errorf("%s has no line in mayImport: say what it may import", path)
			continue
		}
		for _, full := range p.Imports {
			target, ours := strings.CutPrefix(full, module+"/")
			if !ours || target == at || path != at && within(target, at) {
				continue
			}
			if !slices.ContainsFunc(mayImport[at], func(of string) bool { return within(target, of) }) {
				t.Errorf("%s imports %s, which its room may not", path, target)
			}
		}
		if slices.Contains(p.Imports, "github.com/spf13/cobra") && path != "harness/cli" {
			t.Errorf("%s imports cobra: commands are in harness/cli", path)
		}
	}
}

// TestReferenceServerKnowsNobody: the simulator names no scenario, and the
// reference server neither a mutant nor a variant.
func TestReferenceServerKnowsNobody(t *testing.T) {
	var ids, names []string
	for _, s := range scenarios.All() {
		ids = append(ids, s.ID)
	}
	for _, m := range mutants.All() {
		names = append(names, m.Name)
	}
	for _, v := range variants.All() {
		names = append(names, v.Name)
	}
	scenario := regexp.MustCompile(`\b(?:` + strings.Join(ids, "|") + `)\b`)
	other := regexp.MustCompile(`"(?:` + strings.Join(names, "|") + `)"`)
	looked := 0
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module+"/")
		if !within(path, "simulator") {
			continue
		}
		for _, name := range p.GoFiles {
			src, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			looked++
			if m := scenario.Find(src); m != nil {
				t.Errorf("%s/%s names scenario %s", path, name, m)
			}
			if m := other.Find(src); path == "simulator/mdmserver" && m != nil {
				t.Errorf("%s/%s names %s", path, name, m)
			}
		}
	}
	if looked == 0 {
		t.Error("no file of the simulator was read")
	}
}

// TestPrintsOnlyInCLI: libraries neither print nor exit.
func TestPrintsOnlyInCLI(t *testing.T) {
	exits := regexp.MustCompile(`\bos\.Exit\(|\bfmt\.Print(?:f|ln)?\(`)
	for _, p := range packages(t) {
		path := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		if path == "" || slices.Contains([]string{"harness/facts/write", "harness/fidelity/write", "harness/reference/write", "harness/internal/gotest", "harness/load/scale", "simulator/csp/ddf/generate"}, path) {
			continue // commands of their own
		}
		for _, name := range p.GoFiles {
			src, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if m := exits.Find(src); m != nil {
				t.Errorf("%s/%s has %s: only main exits, and only harness/cli prints", path, name, m)
			}
		}
	}
}
