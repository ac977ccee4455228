package cli

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	wnsfaults "github.com/dmwake/dmwake/fakewns/faults"
	"github.com/dmwake/dmwake/harness/repro"
	"github.com/dmwake/dmwake/scenarios"
	"github.com/dmwake/dmwake/simulator/dmclient/faults"
)

// references are what texts tell the reader to go on with: a command with a name.
var references = []struct {
	is    *regexp.Regexp
	check func(name string) error
}{
	{regexp.MustCompile("dmwake repro ([a-z][a-z0-9-]*)"), func(name string) error {
		_, err := repro.ByName(name)
		return err
	}},
	{regexp.MustCompile("--only ([A-Z]{3}-[0-9]+(?:,[A-Z]{3}-[0-9]+)*)"), func(ids string) error {
		_, err := scenarios.Select(strings.Split(ids, ","), nil)
		return err
	}},
	{regexp.MustCompile("device [a-z]+(?: [0-9])? --fault ([a-z0-9=:/*.-]+)"), func(spec string) error {
		_, err := faults.New(spec)
		return err
	}},
	{regexp.MustCompile(`lab --fault '([^']+)'`), func(line string) error {
		_, err := wnsfaults.Parse(line)
		return err
	}},
	{regexp.MustCompile(`harness/docs/((?:reference/)?[a-z-]+\.md)`), func(page string) error {
		_, err := os.Stat(filepath.Join(root, "harness/docs", page))
		return err
	}},
	{regexp.MustCompile("dmwake explain ((?:[a-z-]+ )?(?:0x[0-9A-Fa-f]+|-?[0-9]+|AADSTS[0-9]+))"), explains},
}

// explains runs dmwake explain.
func explains(code string) error {
	var out bytes.Buffer
	if exit := Main(append([]string{"explain"}, strings.Fields(strings.Trim(code, "."))...), &out, &out); exit != 0 {
		return fmt.Errorf("dmwake explain %s: %s", code, out.String())
	}
	return nil
}

// TestWhatIsNamedExists: what repro, the scenarios, the faults and the documents name to
// go on with exists.
func TestWhatIsNamedExists(t *testing.T) {
	n := 0
	for where, text := range texts(t) {
		for _, r := range references {
			for _, m := range r.is.FindAllStringSubmatch(text, -1) {
				n++
				if err := r.check(m[1]); err != nil {
					t.Errorf("%s: %q: %v", where, m[0], err)
				}
			}
		}
	}
	if n < 60 {
		t.Errorf("%d references were found", n)
	}
}

// texts are what the project says to its users, by where it says it.
func texts(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	pages, err := filepath.Glob(filepath.Join(root, "harness/docs/*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatal(err)
	}
	for _, p := range append(pages, filepath.Join(root, "README.md")) {
		raw, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(p)] = string(raw)
	}
	for _, s := range scenarios.All() {
		out[s.ID] = s.Fix + "\n" + s.Rule
	}
	for _, c := range repro.All() {
		var b bytes.Buffer
		describe(&b, &c)
		out["repro "+c.Name] = b.String() + c.Reach.How
	}
	for _, k := range wnsfaults.All() {
		out["fault "+k.Name] = k.Does
	}
	return out
}

// TestReproductionsAreRooted: each reproduction has addresses that can be opened, tells
// what it needs of the server, and is listed with its first address.
func TestReproductionsAreRooted(t *testing.T) {
	var list bytes.Buffer
	if code := Main([]string{"repro"}, &list, &list); code != 0 {
		t.Fatal(list.String())
	}
	for _, c := range repro.All() {
		if len(c.Sources) == 0 || c.Reach.Needs == "" || c.Reach.How == "" || c.Reach.Met == nil {
			t.Errorf("%s: no source, or nothing of what it needs", c.Name)
			continue
		}
		for _, at := range c.Sources {
			if u, err := url.Parse(at); err != nil || u.Scheme != "https" || !strings.Contains(u.Host, ".") || len(u.Path) < 2 {
				t.Errorf("%s: %q is no address that can be opened", c.Name, at)
			}
		}
		if !strings.Contains(list.String(), c.Name) || !strings.Contains(list.String(), c.Sources[0]) {
			t.Errorf("%s is not listed with its source", c.Name)
		}
		if c.Explain != "" {
			if err := explains(c.Explain); err != nil {
				t.Errorf("%s: %v", c.Name, err)
			}
		}
	}
}
