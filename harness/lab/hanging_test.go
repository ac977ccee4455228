//go:build unix

package lab

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// hanging is an address where connections are accepted and nothing is ever
// answered; each that comes is told.
func hanging(t *testing.T) (addr string, came <-chan struct{}) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan struct{}, 100)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			told <- struct{}{}
		}
	}()
	t.Cleanup(func() { ln.Close() })
	return ln.Addr().String(), told
}

// TestHangingServer: whatever the lab does with a server that never answers ends
// when its context does; all timeouts of the run are longer than the test.
func TestHangingServer(t *testing.T) {
	addr, came := hanging(t)
	fifo := filepath.Join(t.TempDir(), "started")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Skipf("NOT RUN: no named pipe can be made here: %v", err)
	}
	start := func(edit func(*target.Target)) *Lab {
		cfg := &target.Config{WNS: target.WNS{Mode: "proxy", Listen: "127.0.0.1:0", Proxy: "127.0.0.1:0", CADir: t.TempDir()},
			Timeouts: target.Timeouts{Request: time.Hour, Hook: time.Hour, Restart: time.Hour, Push: time.Hour},
			Target:   target.Target{Discovery: "https://" + addr + "/d", Username: "u", Password: target.NewSecret("p")}}
		edit(&cfg.Target)
		cfg.Defaults()
		l, err := Start(cfg, Options{Keys: testKeys, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Close)
		return l
	}
	l := start(func(c *target.Target) {
		c.Hooks.Push = &target.Hook{HTTP: &target.HTTPHook{URL: "http://" + addr}}
		c.Hooks.Queue = &target.Hook{Exec: []string{"sh", "-c", "echo > " + fifo + "; exec sleep 3600"}}
		c.Hooks.Restart = &target.Hook{Exec: []string{"true"}}
	})
	one := start(func(c *target.Target) { c.SharedDevice = true })
	pair, err := l.CA.ClientCert("a device")
	if err != nil {
		t.Fatal(err)
	}
	adopted := l.device(t)
	if err := adopted.AdoptTLS("https://"+addr+"/m", "P", *pair); err != nil {
		t.Fatal(err)
	}
	first := func() { <-came }
	for name, c := range map[string]struct {
		do func(context.Context) error
		// begun returns once the thing hangs.
		begun func()
	}{
		"Healthy":     {l.Healthy, first},
		"AwaitHealth": {l.AwaitHealth, first},
		"Preflight":   {l.Preflight, first},
		"Enroll":      {func(ctx context.Context) error { return l.Enroll(ctx, l.device(t)) }, first},
		"Shared":      {func(ctx context.Context) error { _, err := one.Shared(ctx); return err }, first},
		"FindLeniency": {func(ctx context.Context) error {
			l.FindLeniency(ctx)
			return ctx.Err()
		}, first},
		"Sync":      {func(ctx context.Context) error { _, err := adopted.Sync(ctx, dmclient.SyncOptions{}); return err }, first},
		"TLS":       {func(ctx context.Context) error { _, err := l.TLS(ctx, adopted.Address(), 0x303); return err }, first},
		"HTTP hook": {func(ctx context.Context) error { return l.Push(ctx, adopted) }, first},
		"Restart":   {func(ctx context.Context) error { return l.Restart(ctx, adopted) }, first},
		"command hook": {func(ctx context.Context) error { return l.Queue(ctx, adopted, Command{}) }, func() {
			if _, err := os.ReadFile(fifo); err != nil {
				t.Error(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan error, 1)
			go func() { done <- c.do(ctx) }()
			c.begun()
			// Who waits for the same thing does not hold on either.
			waiting := make(chan error, 1)
			switch name {
			case "Sync":
				go func() { waiting <- l.Enroll(ctx, adopted) }()
			case "Shared", "FindLeniency":
				go func() { waiting <- c.do(ctx) }()
			default:
				waiting <- context.Canceled
			}
			cancel()
			for _, ch := range []chan error{done, waiting} {
				select {
				case err := <-ch:
					if !errors.Is(err, context.Canceled) {
						t.Errorf("%v, want one that wraps %v", err, context.Canceled)
					}
				case <-time.After(20 * time.Second):
					t.Fatal("it did not end with its context")
				}
			}
		drain:
			for {
				select {
				case <-came:
				default:
					break drain
				}
			}
		})
	}
}
