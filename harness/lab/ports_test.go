package lab

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/target"
)

// TestAutoKeepsItsPorts: a server is set up before the run, so auto listens where it
// listened before, and where FixPorts says.
func TestAutoKeepsItsPorts(t *testing.T) {
	dir := t.TempDir()
	cfg := func() *target.Config {
		c := &target.Config{WNS: target.WNS{Listen: "auto", Proxy: "127.0.0.1:auto", CADir: dir}, Target: target.Target{Directory: target.Directory{Listen: "auto"}}}
		c.Defaults()
		return c
	}
	start := func() *Lab {
		l, err := Start(cfg(), Options{Control: "auto"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Close)
		return l
	}
	first := start()
	w, directory := first.Config.WNS, first.Config.Target.Directory.Listen
	first.Close()
	printed := cfg().WNS
	if err := FixPorts(&printed); err != nil || printed.Proxy != w.Proxy || printed.Listen != w.Listen {
		t.Errorf("%s and %s are printed, %s and %s were used: %v", printed.Proxy, printed.Listen, w.Proxy, w.Listen, err)
	}
	second := start()
	if got := second.Config.WNS; got.Proxy != w.Proxy || got.Listen != w.Listen || second.Config.Target.Directory.Listen != directory {
		t.Errorf("the second run listens on %s, %s and %s; the first on %s, %s and %s", got.Proxy, got.Listen, second.Config.Target.Directory.Listen, w.Proxy, w.Listen, directory)
	}
	if m := second.Moved(); len(m) > 0 {
		t.Error(m)
	}
	// A run beside it has other ports, says so, and does not change what is kept.
	beside := start()
	if m := strings.Join(beside.Moved(), "\n"); strings.Count(m, "which auto chose before, is in use") != 3 || !strings.Contains(m, "wns.proxy: "+w.Proxy) {
		t.Errorf("%s", m)
	}
	if notes := strings.Join(beside.Notes(), "\n"); !strings.Contains(notes, MovedDo) {
		t.Errorf("%s", notes)
	}
	again := cfg().WNS
	if err := FixPorts(&again); err != nil || again.Proxy != w.Proxy {
		t.Errorf("%s is printed while %s is in use: %v", again.Proxy, w.Proxy, err)
	}
}

// TestFixPortsFirst: --print-env comes before the first run, which then listens there.
func TestFixPortsFirst(t *testing.T) {
	c := &target.Config{WNS: target.WNS{Proxy: "auto", CADir: t.TempDir()}}
	c.WNS.Listen = "auto"
	c.Defaults()
	printed := c.WNS
	if err := FixPorts(&printed); err != nil {
		t.Fatal(err)
	}
	if _, port, err := net.SplitHostPort(printed.Proxy); err != nil || port == "0" || port == "auto" {
		t.Fatalf("%s %v", printed.Proxy, err)
	}
	l, err := Start(c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l.Config.WNS.Proxy != printed.Proxy {
		t.Errorf("%s was printed, the run listens on %s", printed.Proxy, l.Config.WNS.Proxy)
	}
	info, err := os.Stat(filepath.Join(c.WNS.CADir, portsFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}

// TestPortsFileIsDamaged names the file and what to do.
func TestPortsFileIsDamaged(t *testing.T) {
	for _, text := range []string{"no JSON", `{"wns.proxy":70000}`, `{"wns.proxy":"x"}`} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, portsFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c := &target.Config{WNS: target.WNS{Listen: "auto", Proxy: "auto", CADir: dir}}
		c.Defaults()
		if _, err := Start(c, Options{}); err == nil || !strings.Contains(err.Error(), portsFile) || !strings.Contains(err.Error(), "delete it") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
