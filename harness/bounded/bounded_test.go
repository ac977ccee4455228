package bounded

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadFile: up to the bound all of it, beyond it an error, also of what never ends.
func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if raw, err := ReadFile(path, 5); err != nil || string(raw) != "12345" {
		t.Errorf("%q %v", raw, err)
	}
	if _, err := ReadFile(path, 4); err == nil || !strings.Contains(err.Error(), "longer than 4 bytes") {
		t.Error(err)
	}
	if _, err := ReadFile(path+"x", 4); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := os.Stat("/dev/zero"); err != nil {
		t.Skip("NOT RUN: no /dev/zero on this machine")
	}
	if _, err := ReadFile("/dev/zero", Secret); err == nil {
		t.Error("/dev/zero was read")
	}
}
