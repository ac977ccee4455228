package target

import (
	"os"
	"path/filepath"
	"testing"
)

// TestYAMLErrors: each line that is wrong is told, in the words of the file.
func TestYAMLErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dmwake.yaml")
	for text, want := range map[string]string{
		"nothing of the kind\n":                             path + ":1: expected names with values, such as target: ..., found text",
		"target: [1]\nwns: {listen: {a: b}}\n":              path + ":1: expected names with values, such as name: ..., found a list\n" + path + ":2: expected text, found names with values",
		"target:\n  discovry: x\n  hooks: {qeue: {}}\n":     path + ":2: unknown key \"discovry\"; did you mean discovery?\n" + path + ":3: unknown key \"qeue\"; did you mean queue?",
		"target: {terms_of_us: x}\n":                        path + ":1: unknown key \"terms_of_us\"; did you mean terms_of_use?",
		"timeouts: {push: soon, hook: 3}\n":                 path + ":1: expected a duration, such as 30s, found text\n" + path + ":1: expected a duration, such as 30s, found a number",
		"target: {password: hunter2}\n":                     path + ":1: secrets must not be written here; use {env: NAME} or {file: PATH}",
		"target: {crowd: many, push_on_queue: 7}\n":         path + ":1: expected a whole number, found text\n" + path + ":1: expected true or false, found a number",
		"target: {profiles: win11}\n":                       path + ":1: expected a list, found text",
		"target: {}\ntarget: {}\n":                          path + ":2: the key \"target\" is in line 1 already",
		"a:\n\t- b\n":                                       path + ":2: this is not YAML: found character that cannot start any token",
		"target: {hooks: {push: {http: {heders: {A: b}}}}}": path + ":1: unknown key \"heders\"; did you mean headers?",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); err == nil || err.Error() != want {
			t.Errorf("%q: %v\nwant %s", text, err, want)
		}
	}
}
