package shots

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/dmwake/dmwake/harness/internal/browser"
)

var write = flag.Bool("shots", false, "make all pictures again (make shots)")

// TestMake makes the pictures.
func TestMake(t *testing.T) {
	if !*write {
		t.Skip("NOT RUN: only with -shots (make shots)")
	}
	ctx := browser.Start(t)
	if err := chromedp.Run(ctx); err != nil { // starts it, so that the limit of a picture does not end it
		t.Fatal(err)
	}
	s := newStage(t)
	for _, shot := range list {
		var png []byte
		url, selector, width, height := "", "", shot.width, shot.height
		if shot.page != nil {
			url = shot.page(s)
		} else {
			url, selector, width, height = s.terminal(shot), "main", 1100, 1000
		}
		limited, cancel := context.WithTimeout(ctx, patience)
		steps := []chromedp.Action{chromedp.EmulateViewport(width, height), chromedp.Navigate(url), steady()}
		if selector != "" {
			steps = append(steps, chromedp.Screenshot(selector, &png, chromedp.ByQuery))
		} else {
			steps = append(steps, chromedp.CaptureScreenshot(&png))
		}
		if err := chromedp.Run(limited, steps...); err != nil {
			t.Fatalf("%s: %v", shot.name, err)
		}
		cancel()
		small, err := smaller(png)
		if err != nil {
			t.Fatalf("%s: %v", shot.name, err)
		}
		if err := os.WriteFile(filepath.Join(root, folder, shot.name+".png"), small, 0o644); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d bytes, from %d", shot.name, len(small), len(png))
	}
}
