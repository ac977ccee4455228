package target

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestQuirks: a target's quirks are on its devices, and a misspelt one is told with the
// one it most likely means.
func TestQuirks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dmwake.yaml")
	load := func(quirks string) (*Config, error) {
		text := "target: {discovery: 'https://x/D.svc', username: u, quirks: [" + quirks + "]}\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return Load(path)
	}
	c, err := load("pfn-errors, -silent-on-space")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"win81", "win11-25h2"} {
		p, err := c.Target.Profile(name)
		if err != nil || !p.Quirks.PFNErrors || p.Quirks.SilentOnSpace {
			t.Errorf("%s: %+v %v", name, p.Quirks, err)
		}
	}
	for quirks, want := range map[string]string{
		"pfn-error":      `target.quirks: unknown quirk "pfn-error"; did you mean "pfn-errors"?`,
		"-silentonspace": `target.quirks: unknown quirk "silentonspace"; did you mean "silent-on-space"?`,
		"zzzzzzzzzzzzzz": `target.quirks: unknown quirk "zzzzzzzzzzzzzz"; dmwake device quirks lists them`,
	} {
		if _, err := load(quirks); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", quirks, err, want)
		}
	}
}
