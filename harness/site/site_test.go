package site

import (
	"context"
	"flag"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/dmwake/dmwake/harness/internal/browser"
)

// made is for make site and make site-test, which check what they have made: Hugo takes
// minutes to build on a machine that never did.
var made = flag.String("site", "", "folder of the site to check")

// TestSite: no link of the site is dead, its search finds everything, and it fits a
// telephone.
func TestSite(t *testing.T) {
	folder := *made
	if folder == "" {
		t.Skip("NOT RUN: make site-test makes the site and runs this; the links of the pages themselves are checked by TestLinks and TestAnchors of harness/cli")
	}
	address := (&url.URL{Scheme: "file", Path: filepath.ToSlash(folder)}).String()
	t.Run("links", func(t *testing.T) { checkLinks(t, folder) })
	t.Run("terms", func(t *testing.T) { checkTerms(t, folder) })
	t.Run("browser", func(t *testing.T) {
		tab := browser.Start(t)
		if err := chromedp.Run(tab); err != nil { // opens it: the limits below are of single pages
			t.Fatal(err)
		}
		t.Run("search", func(t *testing.T) { search(t, tab, address) })
		t.Run("narrow", func(t *testing.T) { narrow(t, tab, folder, address) })
	})
}

// patience is how long a page may take on a busy machine before something hangs.
const patience = time.Minute

// search: who types the id of a scenario, a code or a key comes to its entry, without a
// server.
func search(t *testing.T, tab context.Context, address string) {
	for _, c := range []struct{ from, typed, page, shows string }{
		{"/index.html", "PSH-01", "/reference/scenarios-psh.html", "PSH-01"},
		{"/index.html", "0x80180006", "/reference/codes.html", "0x80180006"},
		{"/reference/codes.html", "-2145910778", "/reference/codes.html", "0x80180006"}, // the same code
		{"/index.html", "target.discovery", "/reference/config.html", "URL of the discovery service"},
		{"/decisions/0004-intercepting-proxy.html", "wns.allow", "/reference/config.html", "wns.allow"},
		{"/trust.html", "wns-put", "/reference/mutants.html", "sends the notification with PUT"},
		{"/reference/config.html", "exit codes", "/ci.html", "Exit codes"},
	} {
		var at, text string
		ctx, done := context.WithTimeout(tab, patience)
		err := chromedp.Run(ctx,
			chromedp.Navigate(address+c.from),
			chromedp.WaitVisible("#find", chromedp.ByQuery),
			chromedp.SendKeys("#find", c.typed, chromedp.ByQuery),
			chromedp.WaitVisible("#found [aria-selected=true]", chromedp.ByQuery),
			chromedp.KeyEvent(kb.Enter),
			chromedp.WaitReady(":target", chromedp.ByQuery),
			chromedp.Location(&at),
			chromedp.Text(":target", &text, chromedp.ByQuery))
		done()
		if err != nil {
			t.Fatalf("%s: %v", c.typed, err)
		}
		if page, _, _ := strings.Cut(at, "#"); page != address+c.page || !strings.Contains(text, c.shows) {
			t.Errorf("%s leads to %s, which says %q", c.typed, at, text)
		}
	}
}

// narrow: no page is wider than a telephone. Tables and code scroll by themselves.
func narrow(t *testing.T, tab context.Context, folder, address string) {
	pages, err := filepath.Glob(filepath.Join(folder, "*.html"))
	if err != nil || len(pages) < 30 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	more, err := filepath.Glob(filepath.Join(folder, "reference", "*.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, more...) {
		rel, err := filepath.Rel(folder, page)
		if err != nil {
			t.Fatal(err)
		}
		ctx, done := context.WithTimeout(tab, patience)
		var over int
		err = chromedp.Run(ctx,
			chromedp.EmulateViewport(390, 800),
			chromedp.Navigate(address+"/"+filepath.ToSlash(rel)),
			chromedp.Evaluate(`document.documentElement.scrollWidth - 390`, &over))
		done()
		if err != nil || over > 0 {
			t.Errorf("%s is %d pixels wider than the screen: %v", rel, over, err)
		}
	}
}
