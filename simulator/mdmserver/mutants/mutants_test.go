package mutants

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// TestAll: every mutant that is declared stands in All once, under a name of its
// area, and changes something.
func TestAll(t *testing.T) {
	name := regexp.MustCompile(`^(csp|enr|esp|wdc|aad|msg|ses|pfn|chn|tok|wns|wer|psh|err|sec|rob)-[a-z0-9-]+$`)
	seen := map[string]bool{}
	for _, m := range All() {
		if !name.MatchString(m.Name) || seen[m.Name] || m.Does == "" {
			t.Errorf("mutant %q is malformed or listed twice", m.Name)
		}
		seen[m.Name] = true
		tamper := Broken(m)
		if hooks(&tamper) == 0 {
			t.Errorf("mutant %s changes nothing", m.Name)
		}
	}
	if n := declared(t); n != len(seen) {
		t.Errorf("%d mutants are declared, %d stand in All", n, len(seen))
	}
}

func hooks(t *mdmserver.Tamper) int {
	return len(t.TLS) + len(t.Serve) + len(t.Authenticate) + len(t.Discover) + len(t.Linked) + len(t.Terms) + len(t.Certify) + len(t.Document) + len(t.Identify) + len(t.Receive) + len(t.Admit) +
		len(t.Reply) + len(t.State) + len(t.Channel) + len(t.Wake) + len(t.WNS) + len(t.Tokens)
}

// declared counts the exported variables of this package's sources.
func declared(t *testing.T) (n int) {
	t.Helper()
	pkgs, err := parser.ParseDir(token.NewFileSet(), ".", nil, 0) //nolint:staticcheck // files are all that is needed
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range pkgs["mutants"].Files {
		for _, d := range file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, s := range g.Specs {
				for _, id := range s.(*ast.ValueSpec).Names {
					if id.IsExported() {
						n++
					}
				}
			}
		}
	}
	return n
}

func TestFind(t *testing.T) {
	list, err := Find("wns-put", "ses-no-final")
	if err != nil || len(list) != 2 || list[0] != WnsPut || list[1] != SesNoFinal {
		t.Errorf("%v, %v", list, err)
	}
	for bad, says := range map[string]string{"ses-nope": "ses-no-final", "nope": "--list-mutants", "": "--list-mutants"} {
		if _, err := Find("wns-put", bad); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want an error with %s", bad, err, says)
		}
	}
}
