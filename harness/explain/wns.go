// Package explain says in plain words what an answer of the push path means,
// why it comes, and what to do about it.
package explain

import (
	"net/http"
	"strings"
)

// Answer is one answer, explained.
type Answer struct {
	Means  string
	Causes []string // in the order of their likelihood
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
		return Answer{Means: "WNS is not known to answer so; something between may have.", Do: []string{"Look at the body and at what stands between: a proxy, a gateway."}, Source: learnWNS}
	}
	return a
}

func accepted(wnsStatus string) Answer {
	switch wnsStatus {
	case "received":
		return Answer{Means: "WNS took the notification. 200 does not mean that the device has it.",
			Do:     []string{"If no session follows: was the payload empty (the device refuses that with 0x80070057), is the device enrolled, is its power or network saved (Push/Status 7)?", "Keep polling beside push."},
			Source: learnWNS}
	case "dropped":
		return Answer{Means: "WNS took the request and threw the notification away.",
			Causes: []string{"The device is not connected, and X-WNS-Cache-Policy was not cache: raw notifications are not cached by default.", "Its user or a policy turned notifications off."},
			Do:     []string{"Send X-WNS-Cache-Policy: cache.", "Treat it as not delivered; the next poll will do the work."}, Source: learnWNS}
	case "channelthrottled":
		return Answer{Means: "WNS threw the notification away because too many came to this channel.",
			Do: []string{"Send one push for many commands.", "Wait before the next; polling goes on."}, Source: learnWNS}
	}
	return Answer{Means: "200 without an X-WNS-Status that is known: nothing says that it was delivered.", Source: learnWNS}
}

var notifications = map[int]Answer{
	http.StatusBadRequest: {Means: "A header is wrong, or two contradict each other.",
		Causes: []string{"Content-Type is not exactly application/octet-stream for wns/raw.", "X-WNS-Type is missing.", "The body went out chunked, without a Content-Length."},
		Do:     []string{"Read X-WNS-Error-Description."}, Source: learnWNS},
	http.StatusUnauthorized: {Means: "The access token is missing, wrong or expired.",
		Causes: []string{"It lived its 24 hours and was not renewed.", "Authorization is not \"Bearer \" and the token."},
		Do:     []string{"Fetch a new token, once, and send again.", "Do not wait and retry with the old one."}, Source: learnWNS},
	http.StatusForbidden: {Means: "The token is good, but of another app than the channel.",
		Causes: []string{"The PFN that was set on the device and the Package SID and secret that the token was fetched with are of different apps."},
		Do:     []string{"Configure all three from the same app.", "Do not retry."}, Source: learnWNS},
	http.StatusNotFound: {Means: "WNS does not know the channel.",
		Causes: []string{"The channel URI was changed on the way: decoded and encoded again, cut off, or its %2b became +.", "It is of another device or long over."},
		Do:     []string{"Keep the URI byte for byte as Push/ChannelURI gave it.", "Stop using it; set the PFN again in the next session."}, Source: learnWNS},
	http.StatusMethodNotAllowed: {Means: "A notification is a POST (a DELETE takes toasts back).", Do: []string{"POST to the channel URI."}, Source: learnWNS},
	http.StatusNotAcceptable: {Means: "The app sends too much: WNS throttles it.",
		Do: []string{"Wait for Retry-After; send fewer, one push for many commands."}, Source: learnWNS},
	http.StatusGone: {Means: "The channel is over: it expired (30 days), was revoked, or the app's domain is blocked.",
		Causes: []string{"The device renewed its channel and the server did not read the new URI: it must ask for Push/ChannelURI in every session.", "The device was reset."},
		Do:     []string{"Stop using it; set the PFN again in the next session, which makes the device register anew."}, Source: learnPush},
	http.StatusRequestEntityTooLarge: {Means: "The payload has more than 5,000 bytes.", Do: []string{"Send a few bytes: their content is ignored."}, Source: learnWNS},
	http.StatusInternalServerError:   {Means: "WNS failed.", Do: []string{"Try again with growing waits; polling goes on."}, Source: learnWNS},
	http.StatusServiceUnavailable:    {Means: "WNS is down for now.", Do: []string{"Wait for Retry-After, then try again with growing waits; polling goes on."}, Source: learnWNS},
}

// Token explains the answer to a token request: its status code, and the error
// and error_description of its body.
func Token(status int, code, description string) Answer {
	if status == http.StatusOK {
		return Answer{Means: "A token; use it for every notification until it expires or is answered 401."}
	}
	for name, a := range aadsts {
		if strings.Contains(description, name) {
			return a
		}
	}
	if code == "invalid_request" && strings.Contains(description, "login.microsoftonline.com") {
		return Answer{Means: "This app is not served by login.live.com: that flow is being retired, and new identities are refused.",
			Do: []string{"Register the app in Entra and fetch tokens at login.microsoftonline.com, scope https://wns.windows.com/.default."}, Source: "seen of the real service, 2026"}
	}
	if a, ok := oauth[code]; ok {
		return a
	}
	return Answer{Means: "The token endpoint failed, or something between answered in its place.", Do: []string{"Try again with growing waits."}}
}

const overview = `Learn, "Windows Push Notification Services (WNS) overview"`

var oauth = map[string]Answer{
	"invalid_client": {Means: "The app identity is not accepted.",
		Causes: []string{"client_id is a bare SID: it begins with ms-app://.", "The secret is wrong, was renewed, or lost its + or / because the form was not percent-encoded."},
		Do:     []string{"Take Package SID and secret from the same app, and percent-encode both."}, Source: overview},
	"invalid_request":        {Means: "The request is no form as it should be.", Do: []string{"POST, Content-Type application/x-www-form-urlencoded."}, Source: overview},
	"unsupported_grant_type": {Means: "grant_type is not client_credentials.", Source: overview},
	"invalid_scope":          {Means: "scope is not notify.windows.com (Entra: https://wns.windows.com/.default).", Source: overview},
}

var aadsts = map[string]Answer{
	"AADSTS7000215": {Means: "The secret is wrong.", Causes: []string{"The secret's id was taken for its value.", "It expired."}, Do: []string{"Make a new client secret and use its value."}},
	"AADSTS700016":  {Means: "The directory knows no such application.", Causes: []string{"client_id is of another tenant."}},
	"AADSTS90002":   {Means: "There is no such tenant.", Do: []string{"Check the tenant id in the URL."}},
	"AADSTS500011":  {Means: "The resource is not known in this tenant.", Do: []string{"The scope is https://wns.windows.com/.default."}},
	"AADSTS70011":   {Means: "The scope is no resource's /.default.", Do: []string{"The scope is https://wns.windows.com/.default."}},
	"AADSTS900144":  {Means: "A parameter is missing in the form."},
	"AADSTS9002331": personalOnly,
	"AADSTS9002346": personalOnly,
	"AADSTS9002332": {Means: "The app is registered for a directory's users, and was asked for at /consumers.", Do: []string{"Use the endpoint of the registration's tenant."}},
	"AADSTS50194":   {Means: "The app is registered for one tenant, and was asked for at /common or /organizations.", Do: []string{"Use the endpoint of the registration's tenant."}},
}

var personalOnly = Answer{Means: "The app is registered for personal Microsoft accounts only.", Do: []string{"Register it for the accounts of your directory, and use its tenant's endpoint."}}
