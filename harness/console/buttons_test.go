package console

import (
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/devices"
)

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
	x.until("the pushed session", `document.querySelector("#sessions tr").textContent.includes("push") && document.querySelector("#rows tr").textContent.includes("session")`)
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
	x.until("the page says so", `document.getElementById("live").textContent.includes("There is no device")`)
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
