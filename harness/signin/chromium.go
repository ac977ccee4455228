// Package signin drives a server's sign-in page in a real browser: Chromium, as
// installed on this machine. It is for pages whose scripts build their forms.
//
// The browser sends nothing by itself: each request is done by the device's own HTTP
// client, so that it trusts the same CAs, connects to the same address and is
// recorded.
package signin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// names are what Chromium is called, in the order in which they are tried.
var names = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "chrome", "msedge"}

// Find returns the path of a Chromium. path is one, or "auto", or empty, which looks
// for one.
func Find(path string) (string, error) {
	if path != "" && path != "auto" {
		found, err := exec.LookPath(path)
		if err != nil {
			return "", fmt.Errorf("no browser at %s: %w", path, err)
		}
		return found, nil
	}
	for _, name := range names {
		if found, err := exec.LookPath(name); err == nil {
			return found, nil
		}
	}
	return "", fmt.Errorf("no Chromium is installed (%s): install one (Debian package chromium), or name its path", strings.Join(names, ", "))
}

// maxTabs is how many sign-ins run at a time: a tab takes some 100 MB.
const maxTabs = 3

// Browser is a running Chromium. It starts with the first sign-in.
type Browser struct {
	path string
	tabs chan struct{}

	mu      sync.Mutex
	profile string          // folder
	browser context.Context //nolint:containedctx // the life of Chromium, ended by Close
	end     func()
}

// New returns a browser that is not started yet.
func New(path string) *Browser { return &Browser{path: path, tabs: make(chan struct{}, maxTabs)} }

// start starts Chromium, or finds that it runs.
func (b *Browser) start() (context.Context, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.browser != nil && b.browser.Err() == nil {
		return b.browser, nil
	}
	path, err := Find(b.path)
	if err != nil {
		return nil, err
	}
	profile, err := os.MkdirTemp("", "dmwake-signin")
	if err != nil {
		return nil, err
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.UserDataDir(profile),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-background-networking", true),
		// What is not handed to the device's HTTP client must not leave the machine.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND"))
	if os.Geteuid() == 0 {
		opts = append(opts, chromedp.NoSandbox) // Chromium refuses its sandbox to root
	}
	alloc, endAlloc := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, endBrowser := chromedp.NewContext(alloc)
	if err := chromedp.Run(ctx); err != nil {
		endBrowser()
		endAlloc()
		return nil, errors.Join(fmt.Errorf("start the browser %s: %w", path, err), os.RemoveAll(profile))
	}
	b.profile, b.browser = profile, ctx
	b.end = func() {
		chromedp.Cancel(ctx) //nolint:errcheck // then it is killed
		endAlloc()
	}
	return ctx, nil
}

// open opens a tab that shares no cookies with others. It needs a window of its own:
// a browser context has none, and Chromium opens tabs only in windows.
func open(browser context.Context) (tab context.Context, end func(), err error) {
	var own cdp.BrowserContextID
	var id target.ID
	err = chromedp.Run(browser, chromedp.ActionFunc(func(ctx context.Context) error {
		ctx = cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser)
		var err error
		if own, err = target.CreateBrowserContext().WithDisposeOnDetach(true).Do(ctx); err != nil {
			return err
		}
		id, err = target.CreateTarget("about:blank").WithBrowserContextID(own).WithNewWindow(true).Do(ctx)
		return err
	}))
	if err != nil {
		return nil, nil, err
	}
	tab, closeTab := chromedp.NewContext(browser, chromedp.WithTargetID(id))
	return tab, func() {
		closeTab()
		chromedp.Run(browser, chromedp.ActionFunc(func(ctx context.Context) error { //nolint:errcheck // it ends with the browser at the latest
			return target.DisposeBrowserContext(own).Do(cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser))
		}))
	}, nil
}

// Close ends the browser.
func (b *Browser) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.browser == nil {
		return
	}
	b.end()
	os.RemoveAll(b.profile) //nolint:errcheck // a temporary folder
	b.browser = nil
}
