// Package explain says in plain words what an answer on the push path means, what
// causes it, and what to do about it.
package explain

import (
	"net/http"
	"strings"
)

// Answer is one answer, explained.
type Answer struct {
	Means  string
	Causes []string // most likely first
	Do     []string
	Source string
}

const (
	learnWNS  = `Learn, "Push notification service request and response headers"`
	learnPush = `Learn, "Push notification support for device management"`
)

// Notification explains WNS's answer to a notification: its status code and
// X-WNS-Status.
func Notification(status int, wnsStatus string) Answer {
	if status == http.StatusOK {
		return accepted(wnsStatus)
	}
	a, ok := notifications[status]
	if !ok {
		return Answer{Means: "WNS is not known to answer this; something in between may have.", Do: []string{"Look at the body, and at proxies and gateways in between."}, Source: learnWNS}
	}
	return a
}

func accepted(wnsStatus string) Answer {
	switch wnsStatus {
	case "received":
		return Answer{Means: "WNS accepted the notification. 200 does not mean that the device has it.",
			Do:     []string{"If no session follows: was the payload empty (the device rejects it with 0x80070057)? Is the device enrolled? Does it save power or data (Push/Status 7)?", "Keep polling alongside push."},
			Source: learnWNS}
	case "dropped":
		return Answer{Means: "WNS accepted the request, but threw the notification away.",
			Causes: []string{"The device is not connected, and X-WNS-Cache-Policy was not cache: raw notifications are not cached by default.", "Its user or a policy turned notifications off."},
			Do:     []string{"Send X-WNS-Cache-Policy: cache.", "Treat it as not delivered; the next poll will do the work."}, Source: learnWNS}
	case "channelthrottled":
		return Answer{Means: "WNS threw the notification away because too many were sent to this channel.",
			Do: []string{"Send one push for many commands.", "Wait before the next; polling continues."}, Source: learnWNS}
	}
	return Answer{Means: "200 without a known X-WNS-Status: nothing says that it was delivered.", Source: learnWNS}
}

var notifications = map[int]Answer{
	http.StatusBadRequest: {Means: "A header is wrong, or two contradict each other.",
		Causes: []string{"Content-Type is not exactly application/octet-stream for wns/raw.", "X-WNS-Type is missing.", "The body went out chunked, without a Content-Length."},
		Do:     []string{"Read X-WNS-Error-Description."}, Source: learnWNS},
	http.StatusUnauthorized: {Means: "The access token is missing, wrong or expired.",
		Causes: []string{"It was not renewed after its 24 hours.", "Authorization is not \"Bearer \" plus the token."},
		Do:     []string{"Fetch a new token, once, and send again.", "Do not wait and retry with the old one."}, Source: learnWNS},
	http.StatusForbidden: {Means: "The token is valid, but for a different app than the channel.",
		Causes: []string{"The PFN on the device, and the Package SID and secret used for the token, belong to different apps."},
		Do:     []string{"Configure all three from the same app.", "Do not retry."}, Source: learnWNS},
	http.StatusNotFound: {Means: "WNS does not know the channel.",
		Causes: []string{"The channel URI was altered: decoded and re-encoded, truncated, or its %2b became +.", "It belongs to another device, or ended long ago."},
		Do:     []string{"Keep the URI byte for byte as read from Push/ChannelURI.", "Stop using it; set the PFN again in the next session."}, Source: learnWNS},
	http.StatusMethodNotAllowed: {Means: "A notification is a POST (a DELETE takes toasts back).", Do: []string{"POST to the channel URI."}, Source: learnWNS},
	http.StatusNotAcceptable: {Means: "The app sends too much, so WNS throttles it.",
		Do: []string{"Wait for Retry-After; send fewer, one push for many commands."}, Source: learnWNS},
	http.StatusGone: {Means: "The channel is gone: it expired (30 days), was revoked, or the app's domain is blocked.",
		Causes: []string{"The device renewed its channel and the server did not read the new URI: it must ask for Push/ChannelURI in every session.", "The device was reset."},
		Do:     []string{"Stop using it; set the PFN again in the next session, which makes the device register again."}, Source: learnPush},
	http.StatusRequestEntityTooLarge: {Means: "The payload has more than 5,000 bytes.", Do: []string{"Send a few bytes: their content is ignored."}, Source: learnWNS},
	http.StatusInternalServerError:   {Means: "WNS failed.", Do: []string{"Try again with growing pauses; polling continues."}, Source: learnWNS},
	http.StatusServiceUnavailable:    {Means: "WNS is down for now.", Do: []string{"Wait for Retry-After, then try again with growing pauses; polling continues."}, Source: learnWNS},
}

// Token explains the answer to a token request: its status code, and the error
// and error_description of its body.
func Token(status int, code, description string) Answer {
	if status == http.StatusOK {
		return Answer{Means: "A token; use it for every notification until it expires or WNS answers 401."}
	}
	for name, a := range aadsts {
		if strings.Contains(description, name) {
			return a
		}
	}
	if code == "invalid_request" && strings.Contains(description, "login.microsoftonline.com") {
		return Answer{Means: "login.live.com does not serve this app: that flow is being retired, and new identities are refused.",
			Do: []string{"Register the app in Entra and fetch tokens at login.microsoftonline.com, scope https://wns.windows.com/.default."}, Source: "seen on the real service, 2026"}
	}
	if a, ok := oauth[code]; ok {
		return a
	}
	return Answer{Means: "The token endpoint failed, or something in between answered instead.", Do: []string{"Try again with growing pauses."}}
}

const overview = `Learn, "Windows Push Notification Services (WNS) overview"`

var oauth = map[string]Answer{
	"invalid_client": {Means: "The app identity is not accepted.",
		Causes: []string{"client_id is a bare SID: it begins with ms-app://.", "The secret is wrong, was renewed, or lost its + or / because the form was not percent-encoded."},
		Do:     []string{"Take Package SID and secret from the same app, and percent-encode both."}, Source: overview},
	"invalid_request":        {Means: "The request is not a valid form.", Do: []string{"POST, Content-Type application/x-www-form-urlencoded."}, Source: overview},
	"unsupported_grant_type": {Means: "grant_type is not client_credentials.", Source: overview},
	"invalid_scope":          {Means: "scope is not notify.windows.com (Entra: https://wns.windows.com/.default).", Source: overview},
}

var aadsts = map[string]Answer{
	"AADSTS7000215": {Means: "The secret is wrong.", Causes: []string{"The secret's id was used instead of its value.", "It expired."}, Do: []string{"Create a new client secret and use its value."}},
	"AADSTS700016":  {Means: "The directory does not know this application.", Causes: []string{"client_id belongs to another tenant."}},
	"AADSTS90002":   {Means: "The tenant does not exist.", Do: []string{"Check the tenant id in the URL."}},
	"AADSTS500011":  {Means: "The resource is not known in this tenant.", Do: []string{"The scope is https://wns.windows.com/.default."}},
	"AADSTS70011":   {Means: "The scope is not a resource's /.default.", Do: []string{"The scope is https://wns.windows.com/.default."}},
	"AADSTS900144":  {Means: "The form lacks a parameter."},
	"AADSTS9002331": personalOnly,
	"AADSTS9002346": personalOnly,
	"AADSTS9002332": {Means: "The app is registered for a directory's users, but the request went to /consumers.", Do: []string{"Use the endpoint of the registration's tenant."}},
	"AADSTS50194":   {Means: "The app is registered for one tenant, but the request went to /common or /organizations.", Do: []string{"Use the endpoint of the registration's tenant."}},
}

var personalOnly = Answer{Means: "The app is registered for personal Microsoft accounts only.", Do: []string{"Register it for the accounts in your directory, and use the tenant's endpoint."}}
