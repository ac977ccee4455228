package signin

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/dmwake/dmwake/simulator/enroll"
)

// Page is a sign-in to do.
type Page struct {
	HTTP *http.Client // of the device; must not follow redirects by itself
	// URL is the page with the parameters that Windows adds.
	URL                string
	Username, Password string
	AppRU              string // default enroll.AppRU
}

//go:embed watch.js
var watchScript string // in every document, before its own scripts

//go:embed fill.js
var fillScript string // one look at the page, and at most one action

// look is the time between two looks at the page.
const look = 100 * time.Millisecond

// looksAgain is for how many looks a page asks for the password again until that
// is its answer.
const looksAgain = 5

// looksIdle is for how many looks a page may show the same, with nothing to do and no
// request under way, until it is given up.
const looksIdle = 80

// state is what fill.js saw.
type state struct {
	Did     string // fill, click, or nothing
	Asks    bool   // it asks for a password
	Again   bool   // it asks for the password although it was given
	Title   string
	Text    string // the beginning
	Host    string
	Wresult *struct{ Action, Method, Wresult string }
}

// SignIn opens the page in a tab of its own, fills in name and password as a person
// would, and returns wresult. ctx limits how long it tries. Errors are
// *enroll.Error with StepSignIn.
func (b *Browser) SignIn(ctx context.Context, p Page) ([]byte, error) {
	token, err := b.signIn(ctx, p)
	if err != nil {
		return nil, &enroll.Error{Step: enroll.StepSignIn, Err: err}
	}
	return token, nil
}

func (b *Browser) signIn(ctx context.Context, p Page) ([]byte, error) {
	select {
	case b.tabs <- struct{}{}:
		defer func() { <-b.tabs }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	browser, err := b.start()
	if err != nil {
		return nil, &StartError{err}
	}
	tab, closeTab, err := open(browser)
	if err != nil {
		return nil, &StartError{fmt.Errorf("open a tab of the browser: %w", err)}
	}
	defer closeTab()
	stop := context.AfterFunc(ctx, closeTab)
	defer stop()

	v := &visit{page: p, ctx: ctx, tab: tab}
	defer v.requests.Wait()
	chromedp.ListenTarget(tab, v.event)
	err = chromedp.Run(tab, fetch.Enable(), runtime.AddBinding(binding),
		chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := page.AddScriptToEvaluateOnNewDocument(watchScript).Do(ctx)
			return err
		}),
		chromedp.ActionFunc(func(ctx context.Context) error {
			_, _, refused, _, err := page.Navigate(p.URL).Do(ctx)
			if err == nil && refused != "" {
				err = v.failed(refused)
			}
			return err
		}))
	if err != nil {
		return nil, cmp.Or(ctx.Err(), err)
	}
	return v.watch()
}

// binding is the function by which watch.js tells of wresult.
const binding = "dmwakeResult"

// visit is a sign-in under way.
type visit struct {
	page     Page
	ctx, tab context.Context //nolint:containedctx // one visit is one call
	requests sync.WaitGroup
	pending  atomic.Int64 // requests under way

	mu     sync.Mutex
	result string // what watch.js told
	refuse error  // of the last request of a page or its scripts that failed
}

// event gets what the browser tells. It must not block.
func (v *visit) event(ev any) {
	switch e := ev.(type) {
	case *runtime.EventBindingCalled:
		if e.Name == binding {
			v.mu.Lock()
			v.result = e.Payload
			v.mu.Unlock()
		}
	case *fetch.EventRequestPaused:
		v.pending.Add(1)
		v.requests.Go(func() {
			defer v.pending.Add(-1)
			v.request(e)
		})
	}
}

// execute is a context for commands to the tab, outside of chromedp.Run.
func (v *visit) execute() context.Context {
	return cdp.WithExecutor(v.tab, chromedp.FromContext(v.tab).Target)
}

// watch looks at the page until it gives wresult.
func (v *visit) watch() ([]byte, error) {
	call := fmt.Sprintf("(%s)(%s, %s)", strings.TrimSpace(fillScript), quote(v.page.Username), quote(v.page.Password))
	ticks := time.NewTicker(look)
	defer ticks.Stop()
	var last state
	again, idle := 0, 0 // looks in a row at which the page asked again, and showed the same
	for {
		var raw string
		err := chromedp.Run(v.tab, chromedp.Evaluate(call, &raw))
		// Between two documents there is nothing to look at.
		if err == nil {
			var now state
			if err := json.Unmarshal([]byte(raw), &now); err != nil {
				return nil, fmt.Errorf("what the page shows: %w", err)
			}
			if idle++; now.Did != "" || now.Text != last.Text || now.Host != last.Host {
				idle = 0
			}
			last = now
		}
		if v.pending.Load() > 0 {
			idle = 0
		}
		if again++; !last.Again || err != nil || v.pending.Load() > 0 {
			again = 0 // the page may still change
		}
		if token, err := v.found(last); token != nil || err != nil {
			return token, err
		}
		switch {
		case last.Asks && v.page.Password == "":
			return nil, &enroll.UnusableError{Why: "the sign-in page asks for a password, and there is none", NoPassword: true}
		case again >= looksAgain:
			return nil, &enroll.Fault{Code: "Receiver", Subcode: enroll.FaultAuthentication, Reason: fmt.Sprintf("the page asks for the password again; it says %q", v.show(last.Text))}
		}
		if idle >= looksIdle {
			return nil, v.stuck(last)
		}
		select {
		case <-ticks.C:
		case <-v.tab.Done():
			if v.ctx.Err() == nil {
				return nil, errors.New("the browser was closed or crashed")
			}
			return nil, v.stuck(last)
		}
	}
}

// found is wresult, if the page gave it.
func (v *visit) found(s state) ([]byte, error) {
	v.mu.Lock()
	told := v.result
	v.mu.Unlock()
	if told != "" {
		if err := json.Unmarshal([]byte(told), &s.Wresult); err != nil {
			return nil, fmt.Errorf("the page's wresult: %w", err)
		}
	}
	if s.Wresult == nil {
		return nil, nil
	}
	r := s.Wresult
	if err := enroll.CheckResult(cmp.Or(v.page.AppRU, enroll.AppRU), r.Action, r.Method, r.Wresult); err != nil {
		return nil, err
	}
	return []byte(r.Wresult), nil
}

// stuck says what the page showed at last.
func (v *visit) stuck(s state) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	why := fmt.Sprintf("the browser got no wresult; the page %q of %s says %q", v.show(s.Title), s.Host, v.show(s.Text))
	if v.refuse != nil {
		return fmt.Errorf("%s; the last request that failed: %w", why, v.refuse)
	}
	return &enroll.UnusableError{Why: why}
}

// failed is the error of a page that did not load.
func (v *visit) failed(text string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.refuse != nil {
		return v.refuse
	}
	return fmt.Errorf("the page did not load: %s", text)
}

// show is text of a page, without the password.
func (v *visit) show(text string) string {
	if v.page.Password != "" {
		text = strings.ReplaceAll(text, v.page.Password, "[redacted]")
	}
	return text
}

// quote writes a string for JavaScript.
func quote(s string) string {
	raw, err := json.Marshal(s)
	if err != nil {
		return `""` // a string cannot fail
	}
	return string(raw)
}
