package target

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEndlessFiles: a file that never ends is an error wherever the configuration names
// one.
func TestEndlessFiles(t *testing.T) {
	if _, err := os.Stat("/dev/zero"); err != nil {
		t.Skip("NOT RUN: no /dev/zero on this machine")
	}
	t.Setenv("DMWAKE_PASSWORD", "")
	const start = "target:\n  discovery: https://mdm.example/d\n  username: u@mdm.example\n"
	for _, text := range []string{start + "  password: {file: /dev/zero}\n", start + "  password: {env: HOME}\n  ca: /dev/zero\n"} {
		file := filepath.Join(t.TempDir(), "dmwake.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(file); err == nil || !strings.Contains(err.Error(), "/dev/zero is longer than") {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := Load("/dev/zero"); err == nil || !strings.Contains(err.Error(), "/dev/zero is longer than") {
		t.Error(err)
	}
}
