package target

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTermsOfUse: mistakes are told before the run.
func TestTermsOfUse(t *testing.T) {
	const head = "target:\n  discovery: https://mdm.example/D\n  username: u@mdm.example\n  password: {file: pw}\n"
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pw"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for lines, want := range map[string]string{
		"  terms_of_use: https://mdm.example/T\n  directory: {listen: '127.0.0.1:7090'}\n":          "",
		"  terms_of_use: https://mdm.example/T\n  hooks: {token: {exec: [cat, token]}}\n":           "",
		"  terms_of_use: http://mdm.example/T\n  directory: {listen: '127.0.0.1:7090'}\n":           `target.terms_of_use "http://mdm.example/T" is not an https URL`,
		"  directory: {listen: '127.0.0.1:7090', life: -1m}\n":                                      "target.directory.life -1m0s is negative",
		"  terms_of_use: https://mdm.example/T\n":                                                   "set target.directory or target.hooks.token",
		"  hooks: {token: {exec: [./token.sh, '{{.TokenKind}} {{.DirectoryID}} {{.Audience}}']}}\n": "",
	} {
		path := filepath.Join(dir, "dmwake.yaml")
		if err := os.WriteFile(path, []byte(head+lines), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path)
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", lines, err, want)
		case err == nil && strings.Contains(lines, "terms_of_use") && c.Target.TermsOfUse != "https://mdm.example/T":
			t.Errorf("%s: %q", lines, c.Target.TermsOfUse)
		}
	}
}
