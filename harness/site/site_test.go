package site

import (
	"context"
	"flag"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/dmwake/dmwake/harness/internal/browser"
)

// build makes the site into a folder of its own, as make site does. Where a tool is missing the test is not run.
func build(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("not in -short: Hugo is built first, for minutes on a machine that never did")
	}
	bin, err := exec.LookPath("make")
	if err != nil {
		t.Skip("NOT RUN: make is not on this machine")
	}
	raw, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	hugo := regexp.MustCompile(`(?m)^HUGO := (\S+@v\S+)$`).FindSubmatch(raw)
	if hugo == nil {
		t.Fatal("the Makefile pins no version of Hugo")
	}
	get := exec.CommandContext(t.Context(), "go", "mod", "download", string(hugo[1]))
	get.Dir = t.TempDir()
	if out, err := get.CombinedOutput(); err != nil {
		t.Skipf("NOT RUN: %s is not to be had from the Go module proxy: %s", hugo[1], out)
	}
	to := filepath.Join(t.TempDir(), "site")
	cmd := exec.CommandContext(t.Context(), bin, "-C", "../..", "bin/site", "SITE="+to)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make bin/site: %v\n%s", err, out)
	}
	return to
}

// made is for make site, which checks what it has made.
var made = flag.String("site", "", "folder of the site to check; without it the test makes one")

// TestSite: no link of the site is dead, its search finds everything, and it fits a
// telephone.
func TestSite(t *testing.T) {
	folder := *made
	if folder == "" {
		folder = build(t)
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
