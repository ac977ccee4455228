package explain

import (
	"strings"
	"testing"
)

// TestEveryAnswer of the push path has words of its own.
func TestEveryAnswer(t *testing.T) {
	seen := map[string]string{}
	check := func(name string, a Answer, need string) {
		t.Helper()
		if a.Means == "" || !strings.Contains(a.Means+strings.Join(a.Causes, " ")+strings.Join(a.Do, " "), need) {
			t.Errorf("%s: %+v, want a word of %q", name, a, need)
		}
		if other, ok := seen[a.Means]; ok {
			t.Errorf("%s is explained as %s is", name, other)
		}
		seen[a.Means] = name
	}
	for status, need := range map[int]string{400: "Content-Type", 401: "expired", 403: "same app", 404: "byte for byte", 405: "POST", 406: "Retry-After",
		410: "set the PFN again", 413: "5,000", 500: "growing waits", 503: "Retry-After", 302: "something between"} {
		check("notification", Notification(status, "dropped"), need)
	}
	check("received", Notification(200, "received"), "does not mean")
	check("dropped", Notification(200, "dropped"), "X-WNS-Cache-Policy")
	check("channelthrottled", Notification(200, "channelthrottled"), "too many")
	check("nothing", Notification(200, ""), "nothing says")
	check("token", Token(200, "", ""), "until it expires")
	for code, need := range map[string]string{"invalid_client": "ms-app://", "invalid_request": "form", "unsupported_grant_type": "client_credentials", "invalid_scope": "notify.windows.com", "": "failed"} {
		check("token "+code, Token(400, code, ""), need)
	}
	check("retired", Token(400, "invalid_request", "go to login.microsoftonline.com"), "Entra")
	for code, need := range map[string]string{"AADSTS7000215": "secret", "AADSTS700016": "tenant", "AADSTS90002": "tenant", "AADSTS500011": "scope", "AADSTS70011": "/.default",
		"AADSTS900144": "missing", "AADSTS9002331": "personal", "AADSTS9002332": "tenant", "AADSTS50194": "tenant"} {
		check(code, Token(400, "invalid_request", code+": text"), need)
	}
}
