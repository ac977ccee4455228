package report

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// do runs one step in the browser.
func do[T any](t *testing.T, ctx context.Context, a chromedp.Action[T]) T {
	t.Helper()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// scheme switches the colour scheme that the page is asked for.
func scheme(name string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (v chromedp.Void, err error) {
		_, err = cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
		return v, err
	}
}

// said is what the accessibility tree says: role and name of every node.
func said(ctx context.Context, t *chromedp.Target) (map[string]bool, error) {
	tree, err := cdp.Call(ctx, t, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	out := map[string]bool{}
	for _, n := range tree.Nodes {
		if n.Role != nil && n.Name != nil {
			out[strings.Trim(string(n.Role.Value), `"`)+" "+strings.Trim(string(n.Name.Value), `"`)] = true
		}
	}
	return out, err
}

// TestHTMLInChromium: a browser shows the page, light and dark, no wider than
// its window, and says it to those who do not see it.
func TestHTMLInChromium(t *testing.T) {
	bin, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("NOT RUN: chromium is not on this machine (Debian package chromium)")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "report.html")
	if err := os.WriteFile(file, []byte(render(t, sampleReport())), 0o600); err != nil {
		t.Fatal(err)
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(bin), chromedp.UserDataDir(filepath.Join(dir, "profile")),
		chromedp.NoSandbox, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-background-networking", true))
	alloc, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	defer cancel()
	ctx, cancel := chromedp.NewContext(alloc)
	defer cancel()
	const background = `getComputedStyle(document.body).backgroundColor`
	do(t, ctx, chromedp.EmulateViewport(1100, 1400))
	do(t, ctx, chromedp.Navigate("file://"+file))
	do(t, ctx, scheme("light"))
	light, lightShot := do(t, ctx, chromedp.Evaluate[string](background)), do(t, ctx, chromedp.FullScreenshot(90))
	do(t, ctx, scheme("dark"))
	dark, darkShot := do(t, ctx, chromedp.Evaluate[string](background)), do(t, ctx, chromedp.FullScreenshot(90))
	if light == dark || len(lightShot) < 10_000 || len(darkShot) < 10_000 || string(lightShot) == string(darkShot) {
		t.Errorf("backgrounds %s and %s, screenshots of %d and %d bytes", light, dark, len(lightShot), len(darkShot))
	}
	for _, width := range []int64{1100, 390} {
		do(t, ctx, chromedp.EmulateViewport(width, 1400))
		if got := do(t, ctx, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`)); got > width {
			t.Errorf("the page is %d pixels wide in a window of %d", got, width)
		}
	}
	words := do(t, ctx, said)
	for _, want := range []string{"heading What failed", "heading Areas", "heading PFN-02 fails", "rowheader PFN-02", "link PFN-02", "columnheader Outcome"} {
		if !words[want] {
			t.Errorf("the accessibility tree has no %q", want)
		}
	}
	diagram := false
	for w := range words {
		diagram = diagram || strings.Contains(w, "Sequence: device to server: session 1")
	}
	if !diagram {
		t.Errorf("the diagram has no words: %v", words)
	}
}
