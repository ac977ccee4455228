package cli

import "testing"

// TestHintsNameTheFile: who follows a hint of doctor tests the server that was examined,
// not the embedded one.
func TestHintsNameTheFile(t *testing.T) {
	t.Parallel()
	for do, want := range map[string]string{
		"run: dmwake test --area SES, which says": "run: dmwake test --config 'my mdm.yaml' --area SES, which says",
		"(dmwake test --config FILE --print-env)": "(dmwake test --config 'my mdm.yaml' --print-env)",
		"dmwake explain wns 403 says":             "dmwake explain wns 403 says",
	} {
		if got := withConfig(do, "my mdm.yaml"); got != want {
			t.Errorf("%q, expected %q", got, want)
		}
	}
}
