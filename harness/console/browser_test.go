package console

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/internal/browser"
)

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
	x.at.push(x.at.open("OTHER-9"), nil)
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
	x.noErrors()
}

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
	// A busy browser obeys a key some time after it says that it has it.
	x.do(chromedp.KeyEvent(kb.Tab))
	x.until("the first stop", `document.activeElement.textContent === "Skip to the content"`)
	x.do(chromedp.KeyEvent(kb.Enter))
	x.until("the skip link", `location.hash === "#main"`)
	x.do(chromedp.KeyEvent(kb.Tab))
	x.until("in the content", `document.activeElement !== document.body && document.getElementById("main").contains(document.activeElement)`)
	x.do(chromedp.Evaluate(`document.activeElement.blur()`, nil), input.DispatchKeyEvent(input.KeyDown).WithKey("/").WithText("/"))
	x.until("the search", `document.activeElement.id === "q" && document.activeElement.value === ""`)
	x.do(chromedp.KeyEvent(kb.Escape))
	x.until("out of the search", `document.activeElement === document.body`)
	x.open("clock")
	count := eval[int](x, `[...document.querySelectorAll("a[href], button, input:not([type=hidden]), summary, [tabindex='0']")].filter(e => e.checkVisibility()).length`)
	seen := map[string]bool{}
	for end := time.Now().Add(enough); len(seen) < count && time.Now().Before(end); {
		x.do(chromedp.KeyEvent(kb.Tab))
		at := eval[[]string](x, `(() => { const e = document.activeElement, s = getComputedStyle(e); e.dataset.seen ||= String(document.querySelectorAll("[data-seen]").length); return [e.tagName, e.dataset.seen, s.outlineStyle, s.outlineWidth, s.opacity]; })()`)
		if at[0] == "BODY" {
			continue
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
