package lab

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/target"
)

// TestStateAndConfiguration: a state file keeps the apps of earlier labs; one
// that is configured anew joins them, one that is changed replaces its own.
func TestStateAndConfiguration(t *testing.T) {
	dir := t.TempDir()
	start := func(app target.App, faults ...string) (*Lab, error) {
		cfg := &target.Config{WNS: target.WNS{Mode: "proxy", Listen: "127.0.0.1:0", Proxy: "127.0.0.1:0", CADir: filepath.Join(dir, "ca"), App: app, Faults: faults}}
		cfg.Defaults()
		return Start(cfg, Options{State: filepath.Join(dir, "lab.db"), Control: "127.0.0.1:0"})
	}
	mine := target.App{PFN: "my.app_8wekyb3d8bbwe", SID: "ms-app://s-1-15-2-9", Secret: target.NewSecret("one")}
	renewed := mine
	renewed.Secret = target.NewSecret("two")
	for _, step := range []struct {
		app  target.App
		want string
	}{
		{target.App{}, "default"},
		{mine, "default one"},
		{target.App{}, "default one"},
		{renewed, "default two"},
	} {
		l, err := start(step.app, "status=503 times=1")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range l.WNS.Apps() {
			if a == fakewns.DefaultApp {
				got = append(got, "default")
			} else {
				got = append(got, a.Secret)
			}
		}
		if strings.Join(got, " ") != step.want || len(l.WNS.Faults()) != 1 || l.ControlAddr == "" {
			t.Errorf("apps %v, want %s", got, step.want)
		}
		l.Close()
	}
	clash := mine
	clash.PFN = "other.app_8wekyb3d8bbwe" // the same Package SID under another PFN
	if l, err := start(clash); err == nil {
		l.Close()
		t.Error("two apps of one Package SID were taken")
	}
}
