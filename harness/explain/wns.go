// Package explain says in plain words what a code on this path means, what causes
// it, and what to do about it: the codes that devices, Windows, servers and WNS
// show, in the spelling in which people have them.
package explain

import "net/http"

// Strength says how well it is known what a code means.
type Strength string

// The strengths; the zero value counts as Documented.
const (
	Documented Strength = "documented" // published by Microsoft or OMA
	Seen       Strength = "seen"       // reported from real devices or the real service
	Model      Strength = "model"      // an assumption of this project
)

// Answer is one answer, explained.
type Answer struct {
	Name      string // that Windows or Entra has for the code
	Means     string
	Causes    []string // in the order in which people had them, with the public thread
	Do        []string // what to look at, and what to do
	Shows     []string // commands that show it
	Scenarios []string // ids of those that would have caught it
	Docs      []string // pages of this project that say more, in harness/docs
	Source    string   // the page that describes it
	Strength  Strength
}

const (
	learnWNS  = `Learn, "Push notification service request and response headers", https://learn.microsoft.com/en-us/windows/apps/develop/notifications/push-notifications/push-request-response-headers`
	learnPush = `Learn, "Push notification support for device management", https://learn.microsoft.com/en-us/windows/client-management/push-notification-windows-mdm`
)

// Notification explains WNS's answer to a notification: its status code and
// X-WNS-Status.
func Notification(status int, wnsStatus string) Answer {
	if status == http.StatusOK {
		if a, ok := states[wnsStatus]; ok {
			return a
		}
		return Answer{Means: "200 without a known X-WNS-Status: nothing says that it was delivered.", Source: learnWNS}
	}
	a, ok := notifications[status]
	if !ok {
		return Answer{Means: "WNS is not known to answer this; something in between may have.", Do: []string{"Look at the body, and at proxies and gateways in between."}, Source: learnWNS}
	}
	return a
}

// states are the values of X-WNS-Status.
var states = map[string]Answer{
	"received": {Means: "WNS accepted the notification. 200 does not mean that the device has it.",
		Do: []string{"If no session follows: was the payload empty (the device rejects it with 0x80070057)? Is the device enrolled? Does it save power or data (Push/Status 7)?", "Keep polling alongside push."}, Scenarios: []string{"PSH-06", "WNS-06"}, Source: learnWNS},
	"dropped": {Means: "WNS accepted the request, but threw the notification away.",
		Causes: []string{"The device is not connected, and X-WNS-Cache-Policy was not cache: raw notifications are not cached by default (https://github.com/microsoft/WindowsAppSDK/issues/3677).", "Its user or a policy turned notifications off.", "The device is connected, but its notification service is not ready, as after a restart (https://github.com/MicrosoftDocs/windows-dev-docs/issues/5133)."},
		Do:     []string{"Send X-WNS-Cache-Policy: cache.", "Treat it as not delivered; the next poll will do the work."}, Scenarios: []string{"WER-12", "WNS-09", "WNS-20"}, Source: learnWNS},
	"channelthrottled": {Means: "WNS threw the notification away because too many were sent to this channel.",
		Do: []string{"Send one push for many commands.", "Wait before the next; polling continues."}, Scenarios: []string{"WER-13"}, Source: learnWNS},
	"appthrottled": {Means: "WNS throttles the whole app, every channel of it: it comes with 406 and Retry-After, 900 seconds.",
		Do: []string{"Send nothing to any channel until Retry-After has passed; without it, wait longer each time.", "Send one push for many commands; polling continues."}, Scenarios: []string{"WER-21", "WER-20"}, Source: "https://github.com/web-push-libs/web-push-csharp/issues/93", Strength: Seen},
}

// notifications are the statuses of WNS's answer to a notification.
var notifications = map[int]Answer{
	http.StatusBadRequest: {Means: "A header is wrong, or two contradict each other.",
		Causes: []string{"Content-Type is not exactly application/octet-stream for wns/raw.", "X-WNS-Type is missing.", "The body went out chunked, without a Content-Length.", "X-WNS-TTL contradicts X-WNS-Cache-Policy: \"Ttl value conflicts\" (https://github.com/web-push-libs/pywebpush/issues/162)."},
		Do:     []string{"Read X-WNS-Error-Description."}, Scenarios: []string{"WNS-03", "WNS-04", "WNS-05", "WNS-10", "WER-22"}, Source: learnWNS},
	http.StatusUnauthorized: {Means: "The access token is missing, wrong or expired.",
		Causes: []string{"It was not renewed after its 24 hours, or ended before them (https://github.com/Redth/PushSharp/issues/690).", "Authorization is not \"Bearer \" plus the token."},
		Do:     []string{"Fetch a new token, once, and send again.", "Do not wait and retry with the old one."}, Scenarios: []string{"WER-01", "WER-02", "TOK-05", "WNS-02"}, Source: learnWNS},
	http.StatusForbidden: {Means: "The token is valid, but for a different app than the channel.",
		Causes: []string{"The Entra app is not mapped to the PFN: 403 without any X-WNS header (https://github.com/microsoft/WindowsAppSDK/issues/6301, https://github.com/microsoft/WindowsAppSDK/issues/6574), or with \"not in allowed receiving apps list\" (https://github.com/MicrosoftDocs/windows-dev-docs/issues/5027).", "The PFN on the device, and the Package SID and secret used for the token, belong to different apps."},
		Do:     []string{"Configure all three from the same app.", "For an Entra app: ask Microsoft for the mapping of PFN and AppId.", "Do not retry."}, Scenarios: []string{"WER-03"}, Source: learnWNS},
	http.StatusNotFound: {Means: "WNS does not know the channel.",
		Causes: []string{"The channel URI was altered: decoded and re-encoded, truncated, or its %2b became +.", "It belongs to another device, or ended long ago."},
		Do:     []string{"Keep the URI byte for byte as read from Push/ChannelURI.", "Stop using it; set the PFN again in the next session."}, Scenarios: []string{"WER-04", "WNS-08", "CHN-07"}, Source: learnWNS},
	http.StatusMethodNotAllowed: {Means: "A notification is a POST (a DELETE takes toasts back).", Do: []string{"POST to the channel URI."}, Scenarios: []string{"WNS-01", "WER-22"}, Source: learnWNS},
	http.StatusNotAcceptable: {Means: "The app sends too much, so WNS throttles it.",
		Do: []string{"Wait for Retry-After; send fewer, one push for many commands."}, Scenarios: []string{"WER-07", "WER-08", "WER-20"}, Source: learnWNS},
	http.StatusGone: {Means: "The channel is gone: it expired (30 days), was revoked, or the app's domain is blocked.",
		Causes: []string{"The device renewed its channel and the server did not read the new URI: it must ask for Push/ChannelURI in every session (https://github.com/microsoft/WindowsAppSDK/issues/4446).", "The device was reset."},
		Do:     []string{"Stop using it; set the PFN again in the next session, which makes the device register again."}, Scenarios: []string{"WER-05", "WER-06", "WER-23", "PFN-10"}, Source: learnPush},
	http.StatusRequestEntityTooLarge: {Means: "The payload has more than 5,000 bytes.", Do: []string{"Send a few bytes: their content is ignored."}, Scenarios: []string{"WNS-07", "WER-09"}, Source: learnWNS},
	http.StatusTooManyRequests: {Means: "WNS throttles the app: too many notifications in a short time. Learn's page says 406 for it; 429 was seen from 2024 on (https://github.com/microsoft/WindowsAppSDK/issues/3501).",
		Do: []string{"Wait for Retry-After; without it, wait longer each time.", "Send one push for many commands."}, Scenarios: []string{"WER-21", "WER-20"}, Source: "https://github.com/MicrosoftDocs/windows-dev-docs/issues/5238", Strength: Seen},
	http.StatusInternalServerError: {Means: "WNS failed.", Causes: []string{"A fault of the service, for hours at times (https://github.com/microsoft/WindowsAppSDK/issues/4546)."}, Do: []string{"Try again with growing pauses; polling continues."}, Scenarios: []string{"WER-10"}, Source: learnWNS},
	http.StatusServiceUnavailable:  {Means: "WNS is down for now.", Do: []string{"Wait for Retry-After, then try again with growing pauses; polling continues."}, Scenarios: []string{"WER-11", "WER-17"}, Source: learnWNS},
}
