package fidelity

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/internal/testenv"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

const root = "../.."

// TestClaims: every part says for every profile what it rests on, every proof
// exists, and the proof of a captured body reads that capture.
func TestClaims(t *testing.T) {
	for _, g := range All() {
		for _, p := range g.Parts {
			for _, w := range dmclient.Profiles() {
				if c := p.Of(w.Name); c.Strength == "" || c.Source == "" {
					t.Errorf("%s: nothing is said about %s", p.Name, w.Name)
				}
			}
			for _, c := range p.Claims {
				for _, name := range c.Profiles {
					if _, err := dmclient.ProfileByName(name); err != nil {
						t.Errorf("%s: %v", p.Name, err)
					}
				}
				if (c.Strength == Captured) != (len(c.Captures) > 0) || c.Strength == Captured && len(c.Proofs) == 0 {
					t.Errorf("%s: %s, with the captures %v and the proofs %v", p.Name, c.Strength, c.Captures, c.Proofs)
				}
				checkProofs(t, p.Name, c)
			}
		}
	}
}

func checkProofs(t *testing.T, part string, c Claim) {
	t.Helper()
	for _, proof := range c.Proofs {
		source, err := testenv.Proof(root, proof)
		if err != nil {
			t.Errorf("%s: %v", part, err)
		}
		for _, file := range c.Captures {
			if file != headersFile && file != csrFile && !strings.Contains(source, file) {
				t.Errorf("%s: %s does not read %s", part, proof, file)
			}
		}
	}
}

// TestEveryCaptureCounts: no capture is left without a claim, and none is named that
// does not exist.
func TestEveryCaptureCounts(t *testing.T) {
	dir := filepath.Join(root, "..", "shared", "captures")
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Skipf("NOT RUN: the captures of real devices are not beside this checkout: %v", err)
	}
	there := map[string]bool{}
	for _, f := range list {
		there[f.Name()] = false
	}
	for _, g := range All() {
		for _, p := range g.Parts {
			for _, c := range p.Claims {
				for _, f := range c.Captures {
					if _, ok := there[f]; !ok {
						t.Errorf("%s: there is no capture %s", p.Name, f)
					}
					there[f] = true
				}
			}
		}
	}
	for f, used := range there {
		if !used {
			t.Errorf("no part of a device is said to equal %s", f)
		}
	}
}

// TestTrees: every CSP names its source, and newer desktops do not have fewer nodes.
func TestTrees(t *testing.T) {
	trees, err := Trees()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range trees {
		if c.Source == "" {
			t.Errorf("%s: its description names no source", c.Name)
		}
		if c.Nodes[w10] > c.Nodes[w11] || c.Nodes[w11] > c.Nodes[w25h2] || c.Nodes[wp81]+c.Nodes[w25h2] == 0 {
			t.Errorf("%s: %v", c.Name, c.Nodes)
		}
	}
}

func TestMarked(t *testing.T) {
	got := marked(`Policy (Learn, "Policy CSP"): a server writes. Any value is taken [model]. A 202 was seen on 19043. The rest is plain.`)
	if len(got) != 2 || got[0] != "Any value is taken [model]." || got[1] != "A 202 was seen on 19043." {
		t.Errorf("%q", got)
	}
}

// TestPageIsCurrent: harness/docs/fidelity.md is the output of make fidelity.
func TestPageIsCurrent(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "docs", "fidelity.md"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := Markdown()
	if err != nil {
		t.Fatal(err)
	}
	if string(raw) != page {
		t.Error("harness/docs/fidelity.md is not current; run make fidelity")
	}
}
