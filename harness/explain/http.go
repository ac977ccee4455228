package explain

import (
	"fmt"
	"net/http"
	"strconv"
)

// httpFacility is 0x80190000: Windows adds the HTTP status to it. Learn lists
// some of them as errors of BITS; which step shows them here was seen.
const httpFacility = 0x80190000

// httpNotes are what is known of some statuses during an enrollment.
var httpNotes = map[int]Answer{
	200: {Means: "HTTP 200, but the reply is no SOAP that Windows can use, or it is a SOAP fault.",
		Causes: []string{"The body of the request arrived empty, and the server answered 200 without an envelope (https://github.com/fleetdm/fleet/issues/42144); SOAP is expected.", "The server sends its SOAP faults with 200.", "A sign-in or error page in HTML was answered with 200."},
		Do:     []string{"Send faults with HTTP 500 or 400, so that Windows shows their code.", "Look for a proxy that drops the body of a POST, and log the body's length."}, Scenarios: []string{"ENR-59", "ENR-90", "ENR-02"}, Source: "https://github.com/fleetdm/fleet/issues/42144", Strength: Seen},
	400: {Means: "HTTP 400: the server refused the request, seen at discovery.",
		Causes: []string{"The server cannot use the Discover: a RequestVersion that it does not know, or other content (https://github.com/fleetdm/fleet/issues/34993: a third of the enrollments, cause not settled there; https://github.com/fleetdm/fleet/issues/31690).", "The body arrived empty (https://github.com/fleetdm/fleet/issues/28240).", "A web application firewall in front refuses the POST."},
		Do:     []string{"Read the server's log for what it refused.", "Accept every RequestVersion; decline with a SOAP fault, not with an HTTP status alone."}, Scenarios: []string{"ENR-41", "ENR-19"}, Source: "https://github.com/fleetdm/fleet/issues/34993", Strength: Seen},
	401: {Means: "HTTP 401: something in front of the enrollment service asks for a sign-in.", Do: []string{"Discovery must need no authentication: look at the proxy in front."}, Scenarios: []string{"ENR-01", "ENR-41"}},
	403: {Means: "HTTP 403: forbidden, mostly by a firewall or proxy in front of the server.", Do: []string{"Look at rules for user agents: Windows calls itself ENROLLClient."}, Scenarios: []string{"ENR-43"}},
	404: {Means: "HTTP 404: nothing is served at that URL.",
		Causes: []string{"The URL is wrong, or its server does not answer there: so with the ServerURL of a SCEP profile (https://github.com/micromdm/scep/issues/238).", "The server routes GET, and not POST, at the discovery URL."}, Do: []string{"Open the URL from the device; look at its path, /EnrollmentServer/Discovery.svc."}, Scenarios: []string{"ENR-01", "ENR-05"}},
	405: {Means: "HTTP 405: the URL is right, its method is not served.", Do: []string{"Serve both GET and POST at the discovery URL."}, Scenarios: []string{"ENR-01"}},
	407: {Means: "HTTP 407: a proxy asks for a sign-in, and the enrollment client has none.", Do: []string{"Let the device pass the proxy."}},
	413: {Means: "HTTP 413: the request is too large for the server or a proxy.", Do: []string{"An RST has 5 to 20 KB: raise the limit."}, Scenarios: []string{"ENR-58"}},
	429: {Means: "HTTP 429: the server limits requests. MDMRegistration.h also has a code of its own, 0x80180033.", Do: []string{"Wait; answer Retry-After."}, Source: header, Scenarios: []string{"ENR-36"}},
	500: {Means: "HTTP 500 without a fault that Windows can read: the handler failed.", Do: []string{"Read the server's log. Send the reason as a SOAP fault."}, Scenarios: []string{"ENR-19", "ENR-60"}},
	502: {Means: "HTTP 502: a proxy in front got no usable answer from the server.", Do: []string{"Is the server up? Look at the proxy's log."}},
	503: {Means: "HTTP 503: the server, or the proxy in front, is down or overloaded.", Do: []string{"Try again later; look at the proxy's log."}},
	504: {Means: "HTTP 504: the server did not answer the proxy in time.", Do: []string{"Look at how long the server takes."}},
}

// ofHTTP explains 0x80190000 + status.
func ofHTTP(status int) Answer {
	a, ok := httpNotes[status]
	if !ok {
		a = Answer{Means: fmt.Sprintf("HTTP %d", status)}
		if text := http.StatusText(status); text != "" {
			a.Means += " " + text
		}
		a.Means += ": the server answered the enrollment client, or another client of Windows, with this status."
		a.Do = []string{"Look up the request in the server's log."}
	}
	if a.Name == "" && (status >= 400 && status <= 417 || status >= 500 && status <= 505) {
		a.Name = fmt.Sprintf("BG_E_HTTP_ERROR_%d", status)
	}
	if a.Source == "" {
		a.Source = bits
	}
	if len(a.Shows) == 0 {
		a.Shows = []string{"dmwake doctor"}
	}
	return a
}

// ofSyncML explains 0x87d10000 + status, as consoles of MDM servers show the
// status of a command.
func ofSyncML(status int) (Answer, bool) {
	s, ok := statuses[status]
	if !ok {
		return Answer{}, false
	}
	n := strconv.Itoa(status)
	return Answer{Means: "SyncML " + n + ", which a device answered to a command: " + s.Means,
		Causes: s.Causes, Do: append([]string{"dmwake explain syncml " + n + " says more."}, s.Do...), Scenarios: s.Scenarios, Source: omadm, Strength: s.Strength}, true
}
