package lab

import (
	"net"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/target"
)

// TestConflicts: all addresses that are taken are told together, and none that
// could be opened stays open.
func TestConflicts(t *testing.T) {
	taken := func() string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ln.Close() })
		return ln.Addr().String()
	}
	// Nothing else listens on this address of the loopback network, so that a port which
	// was free stays so, where a system has it.
	free, err := net.Listen("tcp", "127.0.0.77:0")
	if err != nil {
		if free, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	addr := free.Addr().String()
	free.Close()
	cfg := &target.Config{WNS: target.WNS{Mode: "proxy", Listen: taken(), Proxy: addr, CADir: t.TempDir()},
		Target: target.Target{Directory: target.Directory{Listen: taken()}}}
	cfg.Defaults()
	control := taken()
	_, err = Start(cfg, Options{Control: control})
	if err == nil {
		t.Fatal("addresses that are taken were got")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 3 {
		t.Errorf("%d lines: %v", len(lines), err)
	}
	for _, want := range []string{"wns.listen: " + cfg.WNS.Listen, "the control API: " + control, "target.directory: " + cfg.Target.Directory.Listen} {
		if !strings.Contains(err.Error(), want+" is in use by another program") {
			t.Errorf("no %q in %v", want, err)
		}
	}
	if ln, err := net.Listen("tcp", addr); err != nil {
		t.Errorf("an address of a lab that did not start is not free: %v", err)
	} else {
		ln.Close()
	}
	// auto chooses a free port, and the configuration then has it.
	auto := *cfg
	auto.WNS.Listen, auto.WNS.Proxy, auto.Target.Directory.Listen = "auto", "127.0.0.1:auto", "auto"
	l, err := Start(&auto, Options{Control: "auto"})
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{l.Config.WNS.Listen, l.Config.WNS.Proxy, l.Config.Target.Directory.Listen, l.ControlAddr} {
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Errorf("%s: %v", at, err)
			continue
		}
		c.Close()
	}
	l.Close()
	// Without push nobody looks for the fake WNS: it listens anywhere, unless the file
	// says where.
	for _, mode := range []string{"proxy", "hosts", "direct"} {
		quiet := target.Config{WNS: target.WNS{Mode: mode, CADir: t.TempDir()}, Target: target.Target{Push: "none"}}
		named := quiet
		named.WNS.Listen = taken()
		quiet.Defaults()
		named.Defaults()
		for range 2 {
			l, err := Start(&quiet, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if m := l.Moved(); len(m) > 0 {
				t.Errorf("%s: %q", mode, m)
			}
		}
		if _, err := Start(&named, Options{}); err == nil || !strings.Contains(err.Error(), named.WNS.Listen+" is in use") {
			t.Errorf("%s: %v", mode, err)
		}
	}
	// Two keys with one address are the configuration's own conflict, whether the address
	// is free or not.
	for _, both := range []string{addr, control} {
		cfg.WNS.Listen, cfg.WNS.Proxy, cfg.Target.Directory.Listen = both, both, ""
		_, err := Start(cfg, Options{})
		if err == nil || !strings.Contains(err.Error(), "wns.proxy: "+both+" is also the address of wns.listen") {
			t.Errorf("%v", err)
		} else if used := strings.Contains(err.Error(), "in use"); used != (both == control) {
			t.Errorf("%s: %v", both, err)
		}
	}
}
