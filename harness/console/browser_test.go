package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/devices"
	"github.com/dmwake/dmwake/harness/internal/browser"
)

// tab is one tab of the browser that all tests share.
type tab struct {
	*testing.T
	ctx  context.Context
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
		chromedp.Run(x.ctx, chromedp.Evaluate(`document.body.innerText.slice(0, 1500)`, &text)) //nolint:errcheck // for the message
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
			chromedp.Run(x.ctx, chromedp.Evaluate(`document.body.innerText.slice(0, 1500)`, &text)) //nolint:errcheck // for the message
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

// TestInChromium uses the pages as people do. One browser process serves all of it.
func TestInChromium(t *testing.T) {
	shared := browser.Start(t)
	if err := chromedp.Run(shared); err != nil {
		t.Fatal(err)
	}
	b := start(t, nil)
	d := b.enroll()
	t.Run("list and live update", func(t *testing.T) { testLive(newTab(t, shared, b)) })
	t.Run("filter and deep link", func(t *testing.T) { testFilter(newTab(t, shared, b)) })
	t.Run("buttons of the service", func(t *testing.T) { testServiceButtons(newTab(t, shared, b)) })
	t.Run("buttons of a device", func(t *testing.T) { testDeviceButtons(newTab(t, shared, b), d) })
	t.Run("every page", func(t *testing.T) { testEveryPage(newTab(t, shared, b)) })
	t.Run("keyboard", func(t *testing.T) { testKeyboard(newTab(t, shared, b)) })
	t.Run("login", func(t *testing.T) { testLogin(t, shared) })
}

func testLive(x *tab) {
	ch := x.at.open("LIVE-1")
	x.open("notifications?device=LIVE-1")
	x.live()
	if got := eval[string](x, rows("#rows")); got != "" {
		x.Fatalf("rows before: %s", got)
	}
	one := x.at.push(ch, nil)
	x.until("the first row", fmt.Sprintf(`%s === "n%d"`, rows("#rows"), one.Seq))
	x.at.wns.SetConnected("LIVE-1", false)
	two := x.at.push(ch, nil)
	x.until("two rows", fmt.Sprintf(`%s === "n%d n%d"`, rows("#rows"), two.Seq, one.Seq))
	x.until("cached", fmt.Sprintf(`document.querySelector("#n%d .chip.warn").textContent === "cached"`, two.Seq))
	// A row changes in its place; what has the focus keeps it.
	x.do(chromedp.Evaluate(fmt.Sprintf(`document.getElementById("n%d-a").focus()`, two.Seq), nil))
	x.at.wns.SetConnected("LIVE-1", true)
	x.at.wns.Led("LIVE-1", "77")
	x.until("delivered", fmt.Sprintf(`document.querySelector("#n%d").textContent.includes("delivered") && document.getElementById("n%d-s").textContent === "session 77"`, two.Seq, two.Seq))
	if got := eval[string](x, `document.activeElement.id`); got != fmt.Sprintf("n%d-a", two.Seq) {
		x.Errorf("the focus is on %q", got)
	}
	// The overview, too.
	x.open("")
	x.live()
	was := eval[string](x, `document.querySelector('.stats a[href*="kind=notification"] b').textContent`)
	x.at.push(ch, nil)
	x.until("the count", fmt.Sprintf(`document.querySelector('.stats a[href*="kind=notification"] b').textContent !== %q`, was))
	// Far more than fit on a page: the page stays short, and ends with the newest.
	x.open("notifications?device=LIVE-1")
	x.live()
	var last *fakewns.Entry
	for range 4 * perPage {
		last = x.at.push(ch, nil)
	}
	x.until("the newest", fmt.Sprintf(`document.querySelector("#rows tr").id === "n%d" && document.querySelectorAll("#rows tr").length === %d`, last.Seq, perPage))
	x.noErrors()
}

func (x *tab) noErrors() {
	x.Helper()
	for _, l := range x.logs {
		x.Errorf("the page says %s", l)
	}
}

func testFilter(x *tab) {
	ch := x.at.open("FILTER-1")
	good := x.at.push(ch, nil)
	bad := x.at.push(ch, http.Header{"X-WNS-Cache-Policy": {"no-cache"}})
	x.open("notifications")
	x.live()
	// As one types, the list and the URL follow.
	x.do(chromedp.SendKeys("#q", "filter-1"))
	x.until("the list", fmt.Sprintf(`%s === "n%d n%d"`, rows("#rows"), bad.Seq, good.Seq))
	x.until("the URL", `location.search === "?q=filter-1"`)
	if got := eval[string](x, `document.activeElement.id + document.activeElement.value`); got != "qfilter-1" {
		x.Errorf("the focus is on %s", got)
	}
	x.live()
	third := x.at.push(ch, nil)
	other := x.at.push(x.at.open("OTHER-9"), nil)
	x.until("a live row of the filter", fmt.Sprintf(`document.querySelector("#rows tr").id === "n%d"`, third.Seq))
	x.do(chromedp.Click(`//a[starts-with(normalize-space(), "rules broken")]`, chromedp.BySearch))
	x.until("the chip", fmt.Sprintf(`%s === "n%d" && location.search.includes("verdict=rules+broken") && location.search.includes("q=filter-1")`, rows("#rows"), bad.Seq))
	// The same URL in another tab is the same list.
	link := eval[string](x, `location.pathname.slice(9) + location.search`)
	x.open("faults")
	x.open(link)
	if got := eval[string](x, rows("#rows")+` + document.getElementById("q").value`); got != fmt.Sprintf("n%dfilter-1", bad.Seq) {
		x.Errorf("the deep link shows %s", got)
	}
	x.do(chromedp.Click(fmt.Sprintf("#n%d-a", bad.Seq)))
	x.until("the detail", `document.body.innerText.includes("cache-policy") && document.querySelector("pre mark").textContent === "X-WNS-Cache-Policy: no-cache" && location.pathname.endsWith("/notifications/`+itoa(bad.Seq)+`")`)
	// Devices and channels, too.
	for _, list := range []string{"devices", "channels"} {
		x.open(list + "?q=filter-1")
		if n := eval[int](x, `document.querySelectorAll("#rows tr").length`); n != 1 {
			x.Errorf("%s: %d rows", list, n)
		}
	}
	_ = other
	x.noErrors()
}

func testServiceButtons(x *tab) {
	ch := x.at.open("BUTTON-1")
	row := "#c" + ch.ID
	x.open("channels?q=button-1")
	x.live()
	x.press("Push to BUTTON-1", "200 received: delivered")
	if list := x.at.wns.Journal().Since(0, func(e *fakewns.Entry) bool { return e.Device == "BUTTON-1" }); len(list) != 1 || string(list[0].Body) != "dmwake" {
		x.Errorf("pushed: %v", list)
	}
	x.press("Expire the channel of BUTTON-1", "has expired")
	x.until("expired", fmt.Sprintf(`document.querySelector(%q).textContent.includes("expired")`, row))
	again := x.at.open("BUTTON-2")
	x.open("channels?q=button-2")
	x.live()
	x.press("Revoke the channel of BUTTON-2", "is revoked")
	x.until("revoked", `document.querySelector("#rows tr .chip.bad").textContent === "revoked"`)
	if list := x.at.wns.ChannelsOf(func(c fakewns.Channel) bool { return c.ID == again.ID }); !list[0].Revoked {
		x.Error("the channel is not revoked")
	}
	x.at.tokenRequest(x.at.wns.Apps()[0].Secret)
	x.until("a token", `document.querySelector("#tokens tr .chip").textContent === "valid"`)
	x.press("Revoke all tokens", "")
	x.press("Revoke: every server has to ask for a new token", "All tokens are revoked")
	x.until("revoked tokens", `document.querySelector("#tokens tr .chip").textContent === "revoked"`)

	x.open("faults")
	x.live()
	x.press("lost", "The fault lost is on")
	x.until("the switch", `document.getElementById("k-lost-s").getAttribute("aria-checked") === "true" && document.querySelectorAll("#active tr").length === 1`)
	x.at.push(x.at.open("BUTTON-3"), nil)
	x.until("the count", `document.querySelector("#active .num").textContent === "1"`)
	x.press("lost", "The fault lost is off")
	x.until("off", `document.getElementById("k-lost-s").getAttribute("aria-checked") === "false"`)
	x.do(chromedp.SendKeys(`#k-short-lived input[name=argument]`, "5m"))
	x.press("short-lived", "The fault short-lived=5m is on")
	x.do(chromedp.SendKeys(`input[name=line]`, "status=503,Retry-After=5 times=2"))
	x.press("Switch on", "is on")
	x.until("two faults", `document.querySelectorAll("#active tr").length === 2 && document.getElementById("active").textContent.includes("2 times more")`)
	x.do(chromedp.SetValue(`input[name=line]`, "no-such-fault"))
	x.press("Switch on", "no-such-fault")
	x.until("the error is red", `document.querySelector("#said .bad") !== null`)
	x.press("Switch all off", "2 faults are off")
	if n := len(x.at.wns.Faults()); n != 0 {
		x.Errorf("%d faults are left", n)
	}

	x.open("notifications")
	x.live()
	x.press("Clear the journal", "")
	x.press("Clear: these requests are forgotten", "The journal is empty")
	x.until("no row", `document.querySelectorAll("#rows tr").length === 0 && document.getElementById("none").textContent.includes("Nothing has come yet")`)

	x.open("clock")
	x.press("Forward by 1 hour", "1h0m0s ahead")
	x.do(chromedp.SendKeys(`input[type=text][name=by]`, "90m"))
	x.press("Forward", "2h30m0s ahead")
	x.until("the clock", `document.getElementById("now").textContent.includes("2h30m0s ahead")`)
	if got := x.at.wns.Settings().Offset; got != 150*time.Minute {
		x.Errorf("the clock is %s ahead", got)
	}
	x.noErrors()
}

func testDeviceButtons(x *tab, d devices.Device) {
	page := "devices/" + d.ID
	now := func() devices.Device {
		got, err := x.at.pool.Device(d.ID, false)
		if err != nil {
			x.Fatal(err)
		}
		return got
	}
	x.open("devices")
	x.live()
	sessions := now().Sessions
	x.press("Sync "+d.Name, "ended")
	x.until("the last session", fmt.Sprintf(`document.querySelector("#%s-s").textContent === "%d"`, rowID("d", d.ID), sessions+1))
	x.open(page)
	x.live()
	x.press("Sync now", "ended")
	x.until("a session more", fmt.Sprintf(`document.querySelector("#sessions tr").id === "s%d"`, sessions+2))
	x.press("Push", "200 received: delivered")
	x.until("the pushed session", fmt.Sprintf(`document.querySelector("#sessions tr").textContent.includes("push") && document.querySelector("#rows tr").textContent.includes("session")`))
	x.press("Push another payload", "")
	x.do(chromedp.SendKeys(`input[name=payload]`, "another"), chromedp.SetValue(`select[name=policy]`, "no-cache"))
	x.press("Push raw", "200 received: delivered")
	if list := x.at.wns.Journal().Since(0, func(e *fakewns.Entry) bool { return string(e.Body) == "another" }); len(list) != 1 || list[0].Violated(fakewns.RuleCachePolicy) == "" {
		x.Errorf("pushed: %v", list)
	}
	x.until("its session", fmt.Sprintf(`document.querySelector("#sessions tr").id === "s%d" && document.querySelector("#rows tr a.together") !== null`, sessions+4))
	// From the notification to the session that it led to.
	x.do(chromedp.Click("#rows tr a.together"))
	x.until("the session", fmt.Sprintf(`document.querySelector("h1").textContent.startsWith("Session %d") && document.querySelectorAll(".seq .arrow").length >= 5`, sessions+4))
	text := eval[string](x, `document.querySelector("main").innerText`)
	for _, want := range []string{"raw notification", "Alert 1201", "HTTP 200", "<SyncML", "notification #", "finished"} {
		if !strings.Contains(text, want) {
			x.Errorf("the session does not show %q:\n%s", want, text)
		}
	}
	x.open(page)
	x.live()
	x.press("Offline", "is offline")
	x.until("the button Online", `[...document.querySelectorAll("button")].some(b => b.textContent === "Online")`)
	if got := now().Power; got != "off" {
		x.Errorf("power %s", got)
	}
	x.press("Push", "cached")
	x.until("what waits", `document.getElementById("facts").textContent.includes("a notification waits")`)
	x.press("Online", "is online")
	x.until("delivered later", `document.querySelector("#rows tr").textContent.includes("delivered")`)
	x.press("Clock 1 hour forward", "1h0m0s ahead")
	x.until("its clock", `document.getElementById("facts").textContent.includes("1h0m0s ahead")`)
	x.press("Unenroll", "")
	x.press("Unenroll, and tell the server", "is unenrolled")
	x.until("unenrolled", `document.querySelector("h1").textContent.includes("unenrolled")`)
	x.press("Enroll", "is enrolled")
	x.until("enrolled", `document.querySelector("h1 .chip.good").textContent === "enrolled"`)
	x.press("Wipe", "")
	x.press("Wipe: the server is not told", "is wiped")
	x.until("wiped", `document.querySelector("h1").textContent.includes("wiped")`)
	if got := now().State; got != "wiped" {
		x.Errorf("state %s", got)
	}
	x.press("Remove", "")
	x.press("Remove it from the lab", "is removed")
	if n := len(x.at.pool.List(devices.Filter{})); n != 0 {
		x.Errorf("%d devices are left", n)
	}
	x.open("devices")
	x.do(chromedp.SendKeys(`input[name=name]`, "CONSOLE-1"))
	x.press("Enroll a new device", "CONSOLE-1 is enrolled")
	if list := x.at.pool.List(devices.Filter{Text: "CONSOLE-1"}); len(list) != 1 || list[0].State != "enrolled" {
		x.Errorf("devices: %+v", list)
	}
	x.noErrors()
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

// testEveryPage: names of all controls, 390 pixels, light and dark with enough contrast.
func testEveryPage(x *tab) {
	x.at.push(x.at.open("PAGE-1"), http.Header{"X-WNS-Cache-Policy": {"no-cache"}})
	x.at.tokenRequest("wrong")
	for _, p := range x.at.pagesOf() {
		if strings.Contains(p, "?") {
			continue // as the same page without a filter
		}
		p = strings.ReplaceAll(p, "devices/other", "devices/PAGE-1")
		x.do(scheme("light"), chromedp.EmulateViewport(1280, 900))
		x.open(p)
		if got := eval[string](x, `[...document.querySelectorAll("a[href], button, input:not([type=hidden]), summary")].filter(e => e.tabIndex !== 0).map(e => e.outerHTML).join()`); got != "" {
			x.Errorf("%q: Tab does not reach %s", p, got)
		}
		if out, n := x.unnamed(); len(out) > 0 || n < 7 {
			x.Errorf("%q: of %d controls without a name of their own: %s", p, n, out)
		}
		var back [2]string
		for i, s := range []string{"light", "dark"} {
			x.do(scheme(s))
			back[i] = eval[string](x, `getComputedStyle(document.body).backgroundColor`)
			var ratio float64
			text := eval[string](x, contrast)
			fmt.Sscanf(text, "%f", &ratio)
			if ratio < 4.5 {
				x.Errorf("%q, %s: contrast %s", p, s, text)
			}
		}
		if back[0] == back[1] {
			x.Errorf("%q is %s in light and in dark", p, back[0])
		}
		for _, width := range []int64{1280, 390} {
			x.do(chromedp.EmulateViewport(width, 900))
			if got := eval[int64](x, `document.documentElement.scrollWidth`); got > width {
				x.Errorf("%q is %d pixels wide in a window of %d", p, got, width)
			}
		}
	}
	x.noErrors()
}

// testKeyboard: the skip link, the search by its key, every control by Tab, and a mark of
// where one is.
func testKeyboard(x *tab) {
	x.do(scheme("light"), chromedp.EmulateViewport(1280, 900))
	x.open("channels")
	x.live()
	x.do(chromedp.KeyEvent(kb.Tab))
	if got := eval[string](x, `document.activeElement.textContent`); got != "Skip to the content" {
		x.Errorf("the first stop is %q", got)
	}
	x.do(chromedp.KeyEvent(kb.Enter), chromedp.KeyEvent(kb.Tab))
	if !eval[bool](x, `document.getElementById("main").contains(document.activeElement)`) {
		x.Errorf("after the skip link: %s", eval[string](x, `document.activeElement.outerHTML`))
	}
	x.do(chromedp.Evaluate(`document.activeElement.blur()`, nil), input.DispatchKeyEvent(input.KeyDown).WithKey("/").WithText("/"))
	if got := eval[string](x, `document.activeElement.id + document.activeElement.value`); got != "q" {
		x.Errorf("after /: %q", got)
	}
	x.do(chromedp.KeyEvent(kb.Escape))
	if got := eval[string](x, `document.activeElement.tagName`); got != "BODY" {
		x.Errorf("after Escape: %q", got)
	}
	x.open("clock")
	count := eval[int](x, `[...document.querySelectorAll("a[href], button, input:not([type=hidden]), summary, [tabindex='0']")].filter(e => e.checkVisibility()).length`)
	seen := map[string]bool{}
	for range count + 5 {
		x.do(chromedp.KeyEvent(kb.Tab))
		at := eval[[]string](x, `(() => { const e = document.activeElement, s = getComputedStyle(e); e.dataset.seen ||= String(document.querySelectorAll("[data-seen]").length); return [e.tagName, e.dataset.seen, s.outlineStyle, s.outlineWidth, s.opacity]; })()`)
		if at[0] == "BODY" {
			break
		}
		seen[at[1]] = true
		if at[2] == "none" || at[3] == "0px" {
			x.Errorf("nothing shows that %s has the focus", at)
		}
	}
	if len(seen) < count {
		x.Errorf("Tab reaches %d of %d controls", len(seen), count)
	}
	// A switch by the keyboard.
	x.open("faults")
	x.live()
	x.do(chromedp.Focus("#k-twice-s"), chromedp.KeyEvent(" "))
	x.until("on", `document.getElementById("k-twice-s").getAttribute("aria-checked") === "true"`)
	x.until("the focus stays", `document.activeElement.id === "k-twice-s"`)
	x.noErrors()
}

func testLogin(t *testing.T, shared context.Context) {
	b := plain(t, func(o *Options) { o.Token = "sesame" })
	x := newTab(t, shared, b)
	b.open("D1")
	x.open("channels?q=d1")
	if out, n := x.unnamed(); len(out) > 0 || n != 2 {
		x.Errorf("the form: %d controls, %s", n, out)
	}
	x.do(chromedp.SendKeys(`input[type=password]`, "wrong"+kb.Enter))
	x.until("refused", `document.body.textContent.includes("This is not the token")`)
	x.do(chromedp.SendKeys(`input[type=password]`, "sesame"+kb.Enter))
	x.until("in, and where one wanted to be", `location.search === "?q=d1" && document.querySelectorAll("#rows tr").length === 1`)
	if got := eval[string](x, `document.cookie + location.href`); strings.Contains(got, "sesame") || strings.Contains(got, "dmwake_console") {
		x.Errorf("a script sees %s", got)
	}
	x.live()
	x.press("Push to D1", "200 received")
	x.do(chromedp.Click(`//button[. = "Log out"]`, chromedp.BySearch))
	x.until("out", `document.querySelector("input[type=password]") !== null`)
	x.noErrors()
}
