package sender

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/explain"
)

// The pages and threads that answers were found in.
const (
	headersPage = "https://learn.microsoft.com/windows/apps/develop/notifications/push-notifications/push-request-response-headers"
	mdmPage     = "https://learn.microsoft.com/windows/client-management/push-notification-windows-mdm"
	mapsPage    = "https://learn.microsoft.com/windows/apps/develop/notifications/push-notifications/push-quickstart"
	threads     = "https://github.com/"
)

// State is what X-WNS-Status says, or the older name of that header.
func (a *Answer) State() string {
	if s := a.Header.Get("X-WNS-Status"); s != "" {
		return s
	}
	return a.Header.Get("X-WNS-NotificationStatus")
}

// Wait is how long the answer asks to wait; ok is false if it does not.
func (a *Answer) Wait(now time.Time) (d time.Duration, ok bool) {
	for _, name := range []string{"Retry-After", "X-WNS-CONTINUE-AFTER"} {
		v := a.Header.Get(name)
		if secs, err := strconv.ParseUint(v, 10, 31); err == nil {
			return time.Duration(secs) * time.Second, true
		}
		if at, err := http.ParseTime(v); err == nil {
			return max(at.Sub(now).Round(time.Second), 0), true
		}
	}
	return 0, false
}

// Explain says what an answer to a notification means. What its own headers say
// decides; only then its status. sent are the headers of the notification.
func Explain(a *Answer, sent http.Header) explain.Answer {
	out, ok := byWords(a.Header.Get("X-WNS-Error-Description"), sent)
	if !ok {
		out, ok = byState(a)
	}
	if !ok {
		out = explain.Notification(a.Status, a.State())
	}
	if wait, asked := a.Wait(time.Now()); asked {
		out.Do = append([]string{fmt.Sprintf("Send nothing for %s: Retry-After says so.", wait)}, out.Do...)
	} else if a.Status == http.StatusTooManyRequests || a.State() == "appthrottled" {
		out.Do = append([]string{"There is no Retry-After: wait longer each time."}, out.Do...)
	}
	return out
}

// byWords knows the words that the service was seen to write.
func byWords(text string, sent http.Header) (explain.Answer, bool) {
	has := func(words string) bool { return strings.Contains(strings.ToLower(text), words) }
	switch {
	case text == "":
	case has("ttl value conflicts"):
		return explain.Answer{Means: "X-WNS-TTL contradicts X-WNS-Cache-Policy: " + said(sent, "X-WNS-TTL") + ", " + said(sent, "X-WNS-Cache-Policy") + ".",
			Causes: []string{"A TTL of 0 with cache, or without a policy.", "A TTL above 0 with no-cache."},
			Do:     []string{"Send X-WNS-Cache-Policy: cache with a TTL above 0, or leave X-WNS-TTL out.", "Do not repeat the same notification."},
			Source: threads + "web-push-libs/pywebpush/issues/162"}, true
	case has("app is throttled"):
		return throttledApp(threads + "MicrosoftDocs/windows-dev-docs/issues/5238"), true
	case has("allowed receiving apps"):
		return notMapped(threads + "MicrosoftDocs/windows-dev-docs/issues/5027"), true
	case has("incompatible with caller app"):
		return explain.Answer{Means: "The token is valid, but belongs to another app than the channel.",
			Causes: []string{"The PFN on the device, and the Package SID and secret of the token, belong to different apps."},
			Do:     []string{"Configure all three from the same app.", "Do not retry, and fetch no other token."}, Source: threads + "tjanczuk/wns/issues/4"}, true
	case has("revoked channel"):
		return explain.Answer{Means: "The channel was revoked, perhaps long before its 30 days were over.",
			Causes: []string{"The device opened another channel, and the server did not read the new URI.", "The device was reset."},
			Do:     []string{"Stop using this URI; set the PFN again in the next session, and read Push/ChannelURI."}, Source: threads + "microsoft/WindowsAppSDK/issues/4446"}, true
	case has("domain blocked"):
		return explain.Answer{Means: "WNS blocks the app, for notifications that it should not have sent: every device with this PFN loses push.",
			Do: []string{"Rely on polling, and write to Microsoft. A new channel does not help."}, Source: mdmPage}, true
	case has("device is offline"):
		return explain.Answer{Means: "The device is offline, and the notification may not wait for it: it is lost.",
			Causes: []string{"X-WNS-Cache-Policy is no-cache, or absent: raw notifications are not cached by default."},
			Do:     []string{"Send X-WNS-Cache-Policy: cache.", "Treat it as not delivered; the next poll does the work."}, Source: threads + "microsoft/WindowsAppSDK/issues/3677"}, true
	}
	return explain.Answer{}, false
}

// byState reads X-WNS-Status beside X-WNS-DeviceConnectionStatus, and notes their
// absence.
func byState(a *Answer) (explain.Answer, bool) {
	connection := a.Header.Get("X-WNS-DeviceConnectionStatus")
	state := a.State()
	switch {
	case state == "appthrottled":
		return throttledApp(threads + "web-push-libs/web-push-csharp/issues/93"), true
	case state == "channelthrottled":
		return explain.Answer{Means: "WNS threw the notification away: too many were sent to this channel. Other channels are not affected.",
			Do: []string{"Send one push for many commands.", "Wait before the next; polling continues."}, Source: headersPage}, true
	case a.Status == http.StatusTooManyRequests:
		return throttledApp(threads + "microsoft/WindowsAppSDK/issues/3501"), true
	case a.Status == http.StatusForbidden && a.bare():
		return notMapped(threads + "microsoft/WindowsAppSDK/issues/6301"), true
	case a.Status != http.StatusOK:
	case a.bare():
		return explain.Answer{Means: "200, but no header of WNS: something else answered.", Causes: []string{"A proxy or a gateway between the sender and WNS."},
			Do: []string{"Look at the body and at the other headers. Let *.notify.windows.com pass untouched."}, Source: headersPage}, true
	case state == "received" && connection != "" && connection != "connected":
		return explain.Answer{Means: "WNS keeps the notification: the device is not connected (" + connection + "), and it waits for it.",
			Do: []string{"Nothing: it is delivered when the device comes back, one for each channel. Keep polling alongside push."}, Source: headersPage}, true
	case state == "dropped" && connection == "connected":
		return explain.Answer{Means: "WNS threw the notification away, although the device is connected.",
			Causes: []string{"Seen after a restart of the device, until its notification service is ready.", "The user or a policy turned notifications off.", "The device refuses this channel's notifications."},
			Do:     []string{"Treat it as not delivered; the next poll does the work.", "Push again with the next command, not at once. The channel stays valid."}, Source: threads + "MicrosoftDocs/windows-dev-docs/issues/5133"}, true
	case state == "dropped" && connection == "":
		out := explain.Notification(a.Status, state)
		out.Do = append([]string{"Send X-WNS-RequestForStatus: true: then WNS says whether the device is connected."}, out.Do...)
		return out, true
	}
	return explain.Answer{}, false
}

// bare reports that an answer has no header of WNS.
func (a *Answer) bare() bool {
	for name := range a.Header {
		if strings.HasPrefix(strings.ToLower(name), "x-wns-") {
			return false
		}
	}
	return true
}

func throttledApp(source string) explain.Answer {
	return explain.Answer{Means: "WNS throttles the whole app, every channel of it (406 or 429, appthrottled).",
		Causes: []string{"The app sends too many notifications, to all its devices together."},
		Do:     []string{"Hold the pushes of all devices of this app; polling continues.", "Send one push for many commands."}, Source: source}
}

func notMapped(source string) explain.Answer {
	return explain.Answer{Means: "WNS knows the token, but the Entra app is not mapped to the channel's PFN.",
		Causes: []string{"Nobody asked Microsoft to map the PFN to the application and object id of the Entra registration.", "The mapping was removed, or names another registration."},
		Do:     []string{"Ask for the mapping (" + mapsPage + "), or use a classic app.", "Do not retry, and fetch no other token: it would be the same."}, Source: source}
}

// said is a header of the notification, or that it is absent.
func said(h http.Header, name string) string {
	if v := h.Get(name); v != "" {
		return name + " is " + v
	}
	return "there is no " + name
}
