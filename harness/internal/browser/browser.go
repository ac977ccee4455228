// Package browser starts a browser for tests of pages.
package browser

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Start starts Chromium for the test and returns its first tab. Without
// Chromium it skips the test.
func Start(t testing.TB) context.Context {
	t.Helper()
	bin, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("NOT RUN: chromium is not on this machine (Debian package chromium)")
	}
	// Not t.TempDir: child processes of the browser may outlive the first one,
	// and write while the folder is removed.
	profile, err := os.MkdirTemp("", "dmwake-browser")
	if err != nil {
		t.Fatal(err)
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(bin), chromedp.UserDataDir(profile),
		chromedp.NoSandbox, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-background-networking", true))
	alloc, end := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, _ := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("the browser did not end by itself: %v", err)
		}
		end()
		limit := time.Now().Add(time.Minute)
		for os.RemoveAll(profile) != nil && time.Now().Before(limit) {
			<-time.After(20 * time.Millisecond)
		}
	})
	return ctx
}
