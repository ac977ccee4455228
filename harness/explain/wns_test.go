package explain

import (
	"strings"
	"testing"
)

// TestEveryAnswer: every answer on the push path has its own explanation.
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
		410: "set the PFN again", 413: "5,000", 500: "growing pauses", 503: "Retry-After", 302: "something in between"} {
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
		"AADSTS900144": "lacks", "AADSTS9002331": "personal", "AADSTS9002332": "tenant", "AADSTS50194": "tenant"} {
		check(code, Token(400, "invalid_request", code+": text"), need)
	}
}

// TestLookup: a code is found in every source it can come from, and every code has a
// meaning and a source or a remedy.
func TestLookup(t *testing.T) {
	for _, c := range []struct {
		in, code string
		n        int
		says     string
	}{
		{"", "418", 1, "Add of a node that already exists"},
		{"", "404", 2, "The node does not exist"},
		{"wns", "404", 1, "does not know the channel"},
		{"push-status", "3", 1, "WNS client failed"},
		{"", "aadsts7000215", 1, "The secret is wrong"},
		{"", "DROPPED", 1, "threw the notification away"},
		{"", "999", 0, ""},
		{"token", "418", 0, ""},
	} {
		got := Lookup(c.in, c.code)
		if len(got) != c.n || c.n > 0 && !strings.Contains(got[0].Means, c.says) {
			t.Errorf("%s %s: %+v", c.in, c.code, got)
		}
	}
	seen := map[string]bool{}
	for _, f := range All() {
		if f.Means == "" || f.Where == "" || f.Source == "" && len(f.Do) == 0 && len(f.Causes) == 0 && f.Code != "AADSTS900144" {
			t.Errorf("%s says too little: %+v", f.Code, f)
		}
		if seen[f.Where+f.Code] {
			t.Errorf("%s stands twice", f.Code)
		}
		seen[f.Where+f.Code] = true
	}
	for _, want := range []int{418, 500, 404, 405, 415, 425, 507, 516} {
		if _, ok := statuses[want]; !ok {
			t.Errorf("%d is not explained", want)
		}
	}
	for status := 0; status <= 8; status++ {
		if _, ok := pushStatuses[status]; !ok {
			t.Errorf("Push/Status %d is not explained", status)
		}
	}
}
