package lab

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// TestUserinfo: the user and password of a URL are in no error and no note.
func TestUserinfo(t *testing.T) {
	for name, url := range map[string]string{
		"nobody there":  "https://user:hidden@127.0.0.1:1/d",
		"no such name":  "https://user:hidden@nowhere.invalid/d",
		"no URL at all": "https://user:hidden@127.0.0.1:port/d",
		"a second @":    "https://user:hid@den@127.0.0.1:1/d",
	} {
		cfg := &target.Config{WNS: target.WNS{Mode: "proxy", Listen: "127.0.0.1:0", Proxy: "127.0.0.1:0", CADir: t.TempDir()},
			Target: target.Target{Discovery: url, Username: "u", Password: target.NewSecret("p")}}
		cfg.Target.Hooks.Push = &target.Hook{HTTP: &target.HTTPHook{URL: url}}
		cfg.Defaults()
		l, err := Start(cfg, Options{Keys: testKeys, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		d := l.device(t)
		errs := []error{l.Preflight(t.Context()), l.Healthy(t.Context()), l.Enroll(t.Context(), d), l.Push(t.Context(), d),
			d.Post(t.Context(), "text/plain", strings.NewReader(""), 0, dmclient.SyncOptions{}).Err}
		for i, err := range errs {
			if err == nil {
				t.Errorf("%s: no error %d", name, i)
			} else if text := err.Error(); strings.Contains(text, "hid") {
				t.Errorf("%s: %s", name, text)
			}
		}
		if text := strings.Join(append(l.Notes(), l.Config.Target.Name), " "); strings.Contains(text, "hid") {
			t.Errorf("%s: %s", name, text)
		}
		l.Close()
		file := filepath.Join(t.TempDir(), "dmwake.yaml")
		text := "target:\n  discovery: " + strings.Replace(url, "https", "http", 1) + "\n  username: u@mdm.example\n  password: {env: HOME}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var mistake *target.ConfigError
		if _, err := target.Load(file); !errors.As(err, &mistake) || strings.Contains(err.Error(), "hid") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
