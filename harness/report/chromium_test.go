package report

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/dmwake/dmwake/harness/internal/browser"
)

// do runs steps in the browser.
func do(t *testing.T, ctx context.Context, steps ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// ask evaluates an expression in the page.
func ask[T any](t *testing.T, ctx context.Context, expression string) (v T) {
	t.Helper()
	do(t, ctx, chromedp.Evaluate(expression, &v))
	return v
}

// scheme sets the page's preferred colour scheme.
func scheme(name string) chromedp.Action {
	return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}})
}

// said returns the accessibility tree: role and name of every node.
func said(t *testing.T, ctx context.Context) map[string]bool {
	t.Helper()
	type text struct {
		Value any `json:"value"`
	}
	var tree struct {
		Nodes []struct {
			Role text `json:"role"`
			Name text `json:"name"`
		} `json:"nodes"`
	}
	// Called by name: the library knows fewer properties than browsers have.
	do(t, ctx, chromedp.ActionFunc(func(ctx context.Context) error {
		return cdp.Execute(ctx, accessibility.CommandGetFullAXTree, nil, &tree)
	}))
	out := map[string]bool{}
	for _, n := range tree.Nodes {
		role, _ := n.Role.Value.(string)
		name, _ := n.Name.Value.(string)
		out[role+" "+name] = true
	}
	return out
}

// TestHTMLInChromium: a browser shows the page, light and dark, no wider than its
// window, and exposes it to screen readers.
func TestHTMLInChromium(t *testing.T) {
	ctx := browser.Start(t)
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, []byte(render(t, sampleReport())), 0o600); err != nil {
		t.Fatal(err)
	}
	const background = `getComputedStyle(document.body).backgroundColor`
	do(t, ctx, chromedp.EmulateViewport(1100, 1400))
	do(t, ctx, chromedp.Navigate("file://"+file))
	var lightShot, darkShot []byte
	do(t, ctx, scheme("light"), chromedp.FullScreenshot(&lightShot, 90))
	light := ask[string](t, ctx, background)
	do(t, ctx, scheme("dark"), chromedp.FullScreenshot(&darkShot, 90))
	dark := ask[string](t, ctx, background)
	if light == dark || len(lightShot) < 10_000 || len(darkShot) < 10_000 || string(lightShot) == string(darkShot) {
		t.Errorf("backgrounds %s and %s, screenshots of %d and %d bytes", light, dark, len(lightShot), len(darkShot))
	}
	for _, width := range []int64{1100, 390} {
		do(t, ctx, chromedp.EmulateViewport(width, 1400))
		if got := ask[int64](t, ctx, `document.documentElement.scrollWidth`); got > width {
			t.Errorf("the page is %d pixels wide in a window of %d", got, width)
		}
	}
	words := said(t, ctx)
	for _, want := range []string{"heading What failed", "heading Warnings", "heading Known failures", "heading dmwake itself failed", "heading Areas", "heading Details", "link PSH-02", "heading PFN-02 fails", "rowheader PFN-02", "link PFN-02", "columnheader Outcome"} {
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
