package report

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/dmwake/dmwake/harness/internal/browser"
)

// do runs steps in the browser.
func do(t *testing.T, ctx context.Context, steps ...chromedp.Action) {
	t.Helper()
	ctx, end := context.WithTimeout(ctx, time.Minute)
	defer end()
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

// await waits until an expression is true.
func await(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	do(t, ctx, chromedp.Poll(expression, nil, chromedp.WithPollingTimeout(30*time.Second)))
}

// media sets what the reader's system prefers, and whether the page is printed.
func media(kind, scheme string) chromedp.Action {
	return emulation.SetEmulatedMedia().WithMedia(kind).WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}})
}

type axNode struct{ role, name string }

// said returns the accessibility tree: role and name of every node.
func said(t *testing.T, ctx context.Context) (out []axNode) {
	t.Helper()
	type text struct {
		Value any `json:"value"`
	}
	var tree struct {
		Nodes []struct {
			Role    text `json:"role"`
			Name    text `json:"name"`
			Ignored bool `json:"ignored"`
		} `json:"nodes"`
	}
	// Called by name: the library knows fewer properties than browsers have.
	do(t, ctx, chromedp.ActionFunc(func(ctx context.Context) error {
		return cdp.Execute(ctx, accessibility.CommandGetFullAXTree, nil, &tree)
	}))
	for _, n := range tree.Nodes {
		role, _ := n.Role.Value.(string)
		name, _ := n.Name.Value.(string)
		if !n.Ignored {
			out = append(out, axNode{role, strings.TrimSpace(name)})
		}
	}
	return out
}

// long is a report as large as that of a real server: eleven failures, four hundred
// scenarios, and texts that are as long.
func long() *Report {
	r := sampleReport()
	r.Scenarios[1].Exchanges[0].Response = `<SyncML><SyncHdr><MsgID>1</MsgID></SyncHdr><SyncBody><Status><CmdRef>2</CmdRef></Status></SyncBody></SyncML>`
	r.Scenarios[1].Expected, r.Scenarios[1].Saw = "MsgID 2", "MsgID 1"
	for i := range 400 {
		s := result(fmt.Sprintf("%s-%02d", []string{"ENR", "SES", "TOK", "WER", "ERR", "SEC", "MSG", "ESP", "AAD"}[i%9], 10+i/9), Must, Passed)
		s.Rule, s.Source = strings.Repeat("a rule with a long text, ", 6), `MS-MDM 2.2.6.1; Learn, "DMClient CSP"`
		switch {
		case i%40 == 0:
			s.Outcome, s.Expected, s.Saw = Failed, strings.Repeat("https://mdm.example/a/very/long/address/", 5), strings.Repeat("X", 300)
			for k := range 30 {
				s.Evidence = append(s.Evidence, fmt.Sprintf("line %d of %s", k, strings.Repeat("words ", 30)))
			}
		case i%7 == 0:
			s.Outcome, s.BlockedBy, s.Reason = Blocked, "PFN-02", "no PFN"
		}
		r.Scenarios = append(r.Scenarios, s)
	}
	r.Finish()
	return r
}

// TestHTMLInChromium: a browser shows the page as people use it: by mouse, by keyboard,
// by link, on a phone, on paper, in the dark and by a screen reader.
func TestHTMLInChromium(t *testing.T) {
	ctx := browser.Start(t)
	if err := chromedp.Run(ctx); err != nil { // the browser lives as long as the context of its first step
		t.Fatal(err)
	}
	r := long()
	page := render(t, r)
	if len(page) > 2<<20 {
		t.Errorf("the page has %d bytes", len(page))
	}
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	address := "file://" + file
	var asked []string
	chromedp.ListenTarget(ctx, func(ev any) {
		if e, ok := ev.(*network.EventRequestWillBeSent); ok && !strings.HasPrefix(e.Request.URL, "file://"+file) {
			asked = append(asked, e.Request.URL)
		}
	})
	open := func(t *testing.T, fragment string) {
		t.Helper()
		do(t, ctx, chromedp.Navigate("about:blank"), chromedp.Navigate(address+fragment))
	}
	do(t, ctx, network.Enable(), chromedp.EmulateViewport(1280, 800), media("screen", "light"))
	const shown = `[...document.querySelectorAll("[data-item]")].filter(e => e.checkVisibility()).map(e => e.id).join(" ")`
	inView := func(id string) string {
		return fmt.Sprintf(`(() => { const r = document.getElementById(%q).getBoundingClientRect(); return r.top >= 0 && r.top < innerHeight })()`, id)
	}

	t.Run("summary fits one screen", func(t *testing.T) {
		open(t, "")
		for _, what := range []string{`document.querySelector(".verdict")`, `document.querySelector(".cause:last-of-type")`, `document.querySelector(".cards li:last-child")`} {
			if bottom := ask[float64](t, ctx, what+`.getBoundingClientRect().bottom`); bottom > 800 {
				t.Errorf("%s ends at %.0f", what, bottom)
			}
		}
	})
	t.Run("chips and search", func(t *testing.T) {
		open(t, "")
		do(t, ctx, chromedp.Click(`[data-key="outcome"][data-value="failed"]`, chromedp.ByQuery), chromedp.Click(`[data-key="area"][data-value="PFN"]`, chromedp.ByQuery))
		if got := ask[string](t, ctx, shown); got != "PFN-02" {
			t.Errorf("failed PFN: %q", got)
		}
		if got := ask[string](t, ctx, `location.hash`); got != "#outcome=failed&area=PFN" {
			t.Errorf("the address keeps %q", got)
		}
		do(t, ctx, chromedp.Click(`[data-clear]`, chromedp.ByQuery), chromedp.SendKeys(`input[type=search]`, "psh-03 BLOCKED", chromedp.ByQuery))
		await(t, ctx, shown+` === "PSH-03"`)
		if got := ask[string](t, ctx, `document.querySelector("[data-shown]").textContent`); got != "1 of 408" {
			t.Errorf("shown: %q", got)
		}
		do(t, ctx, chromedp.Reload())
		await(t, ctx, shown+` === "PSH-03"`)
		do(t, ctx, chromedp.Evaluate(`document.getElementById("PSH-03").insertAdjacentHTML("afterend", '<details data-item id="new" data-outcome="failed"><summary>new</summary></details>')`, nil))
		await(t, ctx, `document.getElementById("new").hidden`)
	})
	t.Run("area card", func(t *testing.T) {
		open(t, "")
		do(t, ctx, chromedp.Click(`a[href="#area=WNS"]`, chromedp.ByQuery))
		await(t, ctx, shown+` === "WNS-01 WNS-09"`)
		do(t, ctx, chromedp.Click(`a[href="#outcome=error"]`, chromedp.ByQuery))
		await(t, ctx, shown+` === "ROB-01"`)
	})
	t.Run("deep links", func(t *testing.T) {
		open(t, "#PFN-02")
		await(t, ctx, `document.getElementById("PFN-02").open && `+inView("PFN-02"))
		do(t, ctx, chromedp.Evaluate(`location.hash = "#outcome=passed"`, nil))
		await(t, ctx, `document.getElementById("PFN-02").hidden`)
		do(t, ctx, chromedp.Evaluate(`location.hash = "#PFN-02-2"`, nil)) // an arrow
		await(t, ctx, `!document.getElementById("PFN-02").hidden && `+inView("PFN-02-2"))
		do(t, ctx, chromedp.Evaluate(`location.hash = "#PFN-02-m1"`, nil)) // a message
		await(t, ctx, `document.getElementById("PFN-02-m1").open && `+inView("PFN-02-m1"))
		if got := ask[string](t, ctx, `[...document.querySelectorAll("#PFN-02 mark")].map(e => e.textContent).join()`); got != "<MsgID>1</MsgID>" {
			t.Errorf("marked: %q", got)
		}
		if got := ask[string](t, ctx, `[...document.querySelectorAll("#PFN-02 .arrow.bad")].map(e => e.id + e.innerText).join()`); !strings.Contains(got, "PFN-02-2") || !strings.Contains(got, "✗ saw MsgID 1") {
			t.Errorf("the culprit: %q", got)
		}
	})
	t.Run("copy", func(t *testing.T) {
		open(t, "#PFN-02")
		do(t, ctx, chromedp.Evaluate(`navigator.clipboard.writeText = async s => { window.clip = s }`, nil), chromedp.Click(`#PFN-02 button.copy`, chromedp.ByQuery))
		await(t, ctx, `window.clip === "dmwake test --config my.yaml --only PFN-02 --seed 7" && document.querySelector("#PFN-02 button.copy").textContent === "copied"`)
	})
	t.Run("keyboard", func(t *testing.T) {
		open(t, "")
		do(t, ctx, input.DispatchKeyEvent(input.KeyDown).WithKey("/").WithText("/"), chromedp.KeyEvent("passes"))
		await(t, ctx, shown+` === "ENR-01"`)
		do(t, ctx, chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(" ")) // the first chip: failed
		await(t, ctx, shown+` === ""`)
		do(t, ctx, chromedp.KeyEvent(" "))
		await(t, ctx, shown+` === "ENR-01"`)
		do(t, ctx, chromedp.Evaluate(`document.querySelector("#ENR-01 > summary").focus()`, nil), chromedp.KeyEvent(kb.Enter))
		await(t, ctx, `document.getElementById("ENR-01").open`)
	})
	t.Run("phone", func(t *testing.T) {
		do(t, ctx, chromedp.EmulateViewport(390, 800))
		defer do(t, ctx, chromedp.EmulateViewport(1280, 800))
		open(t, "")
		do(t, ctx, chromedp.Evaluate(`document.querySelectorAll("details").forEach(d => d.open = true)`, nil))
		if got := ask[int64](t, ctx, `document.documentElement.scrollWidth`); got > 390 {
			t.Errorf("the page is %d pixels wide", got)
		}
	})
	t.Run("dark", func(t *testing.T) {
		open(t, "")
		const colours = `getComputedStyle(document.body).backgroundColor + getComputedStyle(document.body).color`
		light := ask[string](t, ctx, colours)
		do(t, ctx, media("screen", "dark"))
		if dark := ask[string](t, ctx, colours); dark == light {
			t.Errorf("dark is %s", dark)
		}
		do(t, ctx, media("screen", "light"))
	})
	t.Run("paper", func(t *testing.T) {
		open(t, "#outcome=failed")
		do(t, ctx, media("print", "light"))
		defer do(t, ctx, media("screen", "light"))
		if got := ask[int](t, ctx, `[...document.querySelectorAll("button, input, .filter")].filter(e => e.checkVisibility()).length`); got != 0 {
			t.Errorf("%d controls are printed", got)
		}
		if got := ask[int](t, ctx, `[...document.querySelectorAll("pre.msg, .arrow p, [data-item] .body")].filter(e => !e.checkVisibility({contentVisibilityAuto: true})).length`); got != 0 {
			t.Errorf("%d parts are folded on paper", got)
		}
	})
	t.Run("screen reader", func(t *testing.T) {
		open(t, "#PFN-02")
		all := said(t, ctx)
		for _, n := range all {
			if n.name == "" && slices.Contains([]string{"button", "link", "searchbox", "textbox", "heading", "DisclosureTriangle", "combobox", "checkbox"}, n.role) {
				t.Errorf("a %s has no name", n.role)
			}
		}
		for _, want := range []axNode{{"heading", WhatFailed}, {"heading", Warnings}, {"heading", KnownFailures}, {"heading", OwnFailures}, {"heading", "Areas"}, {"heading", "Scenarios"}, {"link", "PFN-02"}, {"searchbox", "Search"}, {"button", "failed 12"}, {"button", "copy the command for PFN-02"}, {"link", "MS-MDM 1.1"}} {
			if !slices.Contains(all, want) {
				t.Errorf("the accessibility tree has no %v", want)
			}
		}
		if !slices.ContainsFunc(all, func(n axNode) bool { return strings.HasPrefix(n.name, "server to device:") }) {
			t.Error("the diagram has no words")
		}
	})
	t.Run("no script", func(t *testing.T) {
		do(t, ctx, emulation.SetScriptExecutionDisabled(true))
		open(t, "#PFN-02-m1")
		do(t, ctx, emulation.SetScriptExecutionDisabled(false))
		if !ask[bool](t, ctx, `!document.documentElement.classList.contains("script") && document.getElementById("PFN-02-m1").checkVisibility({contentVisibilityAuto: true})`) {
			t.Error("the link does not unfold its failure without the script")
		}
		if got := ask[string](t, ctx, `[...document.querySelectorAll("button, input")].filter(e => e.checkVisibility()).map(e => e.outerHTML).join(" ")`); got != "" {
			t.Errorf("these controls do nothing: %s", got)
		}
	})
	asked = slices.DeleteFunc(asked, func(u string) bool { return u == "about:blank" })
	if len(asked) > 0 {
		t.Errorf("the page asked for %q", asked)
	}
}
