package scenarios

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/dmwake/dmwake/harness/target"
)

// advice is what a message tells its reader to set: "target.pace, for example 10
// (enrollments a minute)", "target.push_on_queue: true".
var (
	forExample = regexp.MustCompile(`((?:target|wns|timeouts)\.[\w.]+), for example (.*)`)
	plainValue = regexp.MustCompile(`(?:set|or) ((?:target|wns|timeouts)\.[\w.]+): ([\w.]+)`)
	bareKey    = regexp.MustCompile(`\b(?:target|wns|timeouts)\.[a-z_]+(?:\.[a-z_]+)*`)
)

// value is the example at the start of a text: a flow mapping or a word.
func value(text string) string {
	if !strings.HasPrefix(text, "{") {
		return strings.TrimRight(strings.Fields(text)[0], ",;:.)")
	}
	depth := 0
	for i, c := range text {
		switch c {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return text[:i+1]
			}
		}
	}
	return text
}

// TestExamples: what messages tell a user to write into the configuration is
// taken by it, and every key that they name is one.
func TestExamples(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DMWAKE_PASSWORD", "p")
	examples, keys := map[string]string{}, map[string]bool{}
	for _, glob := range []string{"*.go", "suite/*.go", "../harness/lab/*.go", "../harness/doctor/*.go"} {
		files, err := filepath.Glob(glob)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", glob, len(files), err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				lit, ok := n.(*ast.BasicLit)
				if !ok || lit.Kind != token.STRING {
					return true
				}
				text, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				if m := forExample.FindStringSubmatch(text); m != nil {
					examples[m[1]+" = "+value(m[2])] = file
				}
				for _, m := range plainValue.FindAllStringSubmatch(text, -1) {
					examples[m[1]+" = "+m[2]] = file
				}
				for _, key := range bareKey.FindAllString(text, -1) {
					keys[key] = true
				}
				return true
			})
		}
	}
	if len(examples) < 8 || len(keys) < 15 {
		t.Fatalf("only %d examples and %d keys were found", len(examples), len(keys))
	}
	for example, file := range examples {
		key, v, _ := strings.Cut(example, " = ")
		if err := loads(t, dir, key, v); err != nil {
			t.Errorf("%s tells the user to set %s: %s, which is refused: %v", file, key, v, err)
		}
	}
	for key := range keys {
		// A key that does not exist is told as such, whatever it is set to.
		if err := loads(t, dir, key, "~"); err != nil && strings.Contains(err.Error(), "unknown key") {
			t.Errorf("a message names %s, and there is no such key", key)
		}
	}
	for key, v := range map[string]string{"target.pace": "{target: {pace: 5s}}", "target.nothing": "1"} {
		if loads(t, dir, key, v) == nil {
			t.Errorf("%s: %s is taken", key, v)
		}
	}
}

// loads loads a configuration with one key set.
func loads(t *testing.T, dir, key, v string) error {
	t.Helper()
	whole := map[string]any{}
	base := "target: {discovery: 'https://mdm.example/d', username: u@mdm.example}\nwns: {ca_dir: ca}\n"
	if err := yaml.Unmarshal([]byte(base), &whole); err != nil {
		t.Fatal(err)
	}
	var node any
	if err := yaml.Unmarshal([]byte(v), &node); err != nil {
		return err
	}
	at, path := whole, strings.Split(key, ".")
	for _, name := range path[:len(path)-1] {
		next, ok := at[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[name] = next
		}
		at = next
	}
	at[path[len(path)-1]] = node
	text, err := yaml.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "dmwake.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = target.Load(file)
	return err
}
