package console

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// tab is one tab of the browser that all tests share.
type tab struct {
	*testing.T
	ctx  context.Context //nolint:containedctx // chromedp keeps a tab in it
	at   *bench
	logs []string // what the page's console said
}

// patience for a busy machine.
const enough = 30 * time.Second

func newTab(t *testing.T, shared context.Context, b *bench) *tab {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(shared)
	t.Cleanup(closeTab)
	x := &tab{T: t, ctx: ctx, at: b}
	chromedp.ListenTarget(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *runtime.EventExceptionThrown:
			x.logs = append(x.logs, ev.ExceptionDetails.Error())
		case *log.EventEntryAdded: // what the policy forbids
			if ev.Entry.Source == log.SourceSecurity || ev.Entry.Source == log.SourceJavascript {
				x.logs = append(x.logs, ev.Entry.Text)
			}
		case *runtime.EventConsoleAPICalled:
			for _, a := range ev.Args {
				x.logs = append(x.logs, string(a.Value))
			}
		}
	})
	// Without a time limit, because the tab ends with the context that it began in.
	if err := chromedp.Run(ctx, chromedp.EmulateViewport(1280, 900)); err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *tab) do(steps ...chromedp.Action) {
	x.Helper()
	ctx, cancel := context.WithTimeout(x.ctx, enough)
	defer cancel()
	if err := chromedp.Run(ctx, steps...); err != nil {
		var text string
		chromedp.Run(x.ctx, chromedp.Evaluate(`document.body.innerText.slice(0, 1500)`, &text))
		x.Fatalf("%v\npage: %s\nlogs: %s", err, text, x.logs)
	}
}

func (x *tab) open(path string) { x.Helper(); x.do(chromedp.Navigate(x.at.url + Prefix + path)) }

func eval[T any](x *tab, expression string) (v T) {
	x.Helper()
	x.do(chromedp.Evaluate(expression, &v))
	return v
}

// until waits until an expression holds. The page may change meanwhile.
func (x *tab) until(what, expression string) {
	x.Helper()
	ctx, cancel := context.WithTimeout(x.ctx, enough)
	defer cancel()
	for {
		var ok bool
		err := chromedp.Run(ctx, chromedp.Poll(expression, &ok, chromedp.WithPollingInterval(25*time.Millisecond), chromedp.WithPollingTimeout(enough)))
		if err == nil {
			return
		}
		if ctx.Err() != nil || errors.Is(err, chromedp.ErrPollingTimeout) {
			var text string
			chromedp.Run(x.ctx, chromedp.Evaluate(`document.body.innerText.slice(0, 1500)`, &text))
			x.Fatalf("never: %s (%v)\npage: %s\nlogs: %s", what, err, text, x.logs)
		}
	}
}

// live waits until the page gets its changes.
func (x *tab) live() {
	x.Helper()
	x.until("live", `document.getElementById("live").textContent === "live"`)
}

// press clicks the button with that accessible name, and waits for the answer.
func (x *tab) press(name, answer string) {
	x.Helper()
	x.until("the button "+name, `(()=>{
		const named = e => (e.getAttribute("aria-label") || e.textContent).trim() === `+fmt.Sprintf("%q", name)+`;
		const button = [...document.querySelectorAll("button, summary")].find(e => named(e) && e.checkVisibility());
		if (!button) return false;
		document.getElementById("said").textContent = "";
		button.click();
		return true;
	})()`)
	if answer != "" {
		x.until("answer "+answer, fmt.Sprintf(`document.getElementById("said").textContent.includes(%q)`, answer))
	}
}

func rows(query string) string {
	return `[...document.querySelectorAll("` + query + ` tr")].map(r => r.id).join(" ")`
}

func (x *tab) noErrors() {
	x.Helper()
	for _, l := range x.logs {
		x.Errorf("the page says %s", l)
	}
}

// controls are what a person can use.
var controls = []string{"link", "button", "textbox", "searchbox", "combobox", "checkbox", "radio", "switch", "DisclosureTriangle", "summary"}

// unnamed lists the controls of the accessibility tree that have no name.
func (x *tab) unnamed() (out []string, n int) {
	type text struct {
		Value any `json:"value"`
	}
	var tree struct {
		Nodes []struct {
			Ignored bool `json:"ignored"`
			Role    text `json:"role"`
			Name    text `json:"name"`
		} `json:"nodes"`
	}
	// Called by name: the library knows fewer properties than browsers have.
	x.do(chromedp.ActionFunc(func(ctx context.Context) error {
		return cdp.Execute(ctx, accessibility.CommandGetFullAXTree, nil, &tree)
	}))
	names := map[string]int{}
	for _, node := range tree.Nodes {
		role, _ := node.Role.Value.(string)
		name, _ := node.Name.Value.(string)
		if node.Ignored || !slices.Contains(controls, role) {
			continue
		}
		n++
		if strings.TrimSpace(name) == "" {
			out = append(out, role)
		}
		if role == "button" || role == "switch" {
			if names[role+name]++; names[role+name] == 2 && name != "copied" {
				out = append(out, "two of "+role+" "+name)
			}
		}
	}
	return out, n
}

func scheme(name string) chromedp.Action {
	return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}})
}

// contrast is the least contrast of any text with what is behind it.
const contrast = `(() => {
	const parse = c => { const m = c.match(/[\d.]+/g).map(Number); return {r: m[0], g: m[1], b: m[2], a: m.length > 3 ? m[3] : 1}; };
	const light = c => { const f = v => { v /= 255; return v <= .03928 ? v / 12.92 : Math.pow((v + .055) / 1.055, 2.4); }; return .2126 * f(c.r) + .7152 * f(c.g) + .0722 * f(c.b); };
	const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.a > 0) return c; } return {r: 255, g: 255, b: 255}; };
	let least = 99, where = "";
	for (const e of document.querySelectorAll("body *")) {
		if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) || !e.checkVisibility()) continue;
		const a = light(parse(getComputedStyle(e).color)), b = light(behind(e));
		const c = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
		if (c < least) { least = c; where = e.tagName + "." + e.className + " " + e.textContent.trim().slice(0, 40); }
	}
	return least.toFixed(2) + " " + where;
})()`
