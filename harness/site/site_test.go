package site

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

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

// TestSearch: who types the id of a scenario, a code or a key comes to its entry, in a
// browser and without a server.
func TestSearch(t *testing.T) {
	tab := browser.Start(t)
	base := (&url.URL{Scheme: "file", Path: filepath.ToSlash(build(t))}).String()
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
		err := chromedp.Run(tab,
			chromedp.Navigate(base+c.from),
			chromedp.WaitVisible("#find"),
			chromedp.KeyEvent("/"),
			chromedp.KeyEvent(c.typed),
			chromedp.WaitVisible("#found [aria-selected=true]"),
			chromedp.KeyEvent(kb.Enter),
			chromedp.Poll(`document.querySelector(":target") !== null`, nil),
			chromedp.Location(&at),
			chromedp.Text(":target", &text))
		if err != nil {
			t.Fatalf("%s: %v", c.typed, err)
		}
		if page, _, _ := strings.Cut(at, "#"); page != base+c.page || !strings.Contains(text, c.shows) {
			t.Errorf("%s leads to %s, which says %q", c.typed, at, text)
		}
	}
}
