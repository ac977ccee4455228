package report

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/dmwake/dmwake/harness/page"
)

// hostile is text that a server under test could put into a report.
const hostile = `"><script>alert(1)</script><img src=x onerror=alert(2)>&'`

func sampleReport() *Report {
	at := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	r := &Report{Started: at, Seed: 7, Again: "dmwake test --config my.yaml",
		Target: Target{Name: "my MDM " + hostile, Discovery: "https://mdm.example/D.svc", Profiles: []string{"wp81", "win11"}},
		Notes:  []string{"a note"}, HookErrors: []string{"a hook"},
		Scenarios: []Result{
			{ID: "ENR-01", Area: "ENR", Level: Must, Title: "passes", Outcome: Passed},
			{ID: "PFN-02", Area: "PFN", Level: Must, Title: "fails", Outcome: Failed, Rule: "a rule", Source: "MS-MDM 1.1", Expected: "one " + hostile, Saw: "two " + hostile,
				Evidence: []string{hostile}, Hooks: []string{hostile},
				Steps: []Step{{At: at, From: Device, To: Server, Text: "session 1 " + hostile, Exchange: 1}, {At: at, From: Server, To: Device, Text: "HTTP 200", Exchange: 1}, {At: at, From: Server, To: WNS, Text: "POST notification"}, {At: at, From: WNS, To: Device, Text: "raw notification"}},
				Exchanges: []Exchange{{Device: "D", Method: "POST", URL: "https://mdm.example/?token=AwYsecretsecretsecret", Status: 200, Request: "<SyncML>" + hostile,
					Response: "Authorization: Bearer abcdefgh"}}},
			{ID: "WNS-09", Area: "WNS", Level: Should, Title: "could be better", Outcome: Warned, Expected: "a", Saw: "b"},
			{ID: "WNS-01", Area: "WNS", Level: Must, Title: "is known", Outcome: Failed, Known: true, Expected: "a", Saw: "b"},
			{ID: "PSH-01", Area: "PSH", Level: Must, Title: "is skipped", Outcome: Skipped, Reason: "no hook"},
			{ID: "PSH-02", Area: "PSH", Level: Must, Title: "is blocked", Outcome: Blocked, BlockedBy: "PFN-02", Reason: "no PFN"},
			{ID: "PSH-03", Area: "PSH", Level: Must, Title: "is blocked by it", Outcome: Blocked, BlockedBy: "PSH-02", Reason: "not pushed"},
			{ID: "ROB-01", Area: "ROB", Level: Must, Title: "is ours", Outcome: Errored, Reason: "a body crashed"},
		}}
	r.Finish()
	return r
}

func render(t *testing.T, r *Report) string {
	t.Helper()
	var b strings.Builder
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestHTMLHoldsWhatItIsGiven: text from a server causes no script, handler or
// request, the page fetches nothing, and its links within lead somewhere.
func TestHTMLHoldsWhatItIsGiven(t *testing.T) {
	text := render(t, sampleReport())
	doc, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for n := range doc.Descendants() {
		for _, a := range n.Attr {
			if a.Key == "id" && ids[a.Val] {
				t.Errorf("two elements have the id %s", a.Val)
			} else if a.Key == "id" {
				ids[a.Val] = true
			}
		}
	}
	scripts, policy := 0, ""
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "script":
			scripts++
		case "img", "link", "iframe", "object", "base":
			t.Errorf("the page has a <%s>", n.Data)
		}
		for _, a := range n.Attr {
			to, within := strings.CutPrefix(a.Val, "#")
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "src", a.Key == "style":
				t.Errorf("<%s> has %s=%q", n.Data, a.Key, a.Val)
			case a.Key == "content" && strings.HasPrefix(a.Val, "default-src"):
				policy = a.Val
			case a.Key != "href":
			case within && !ids[to]:
				t.Errorf("a link to %s leads nowhere", a.Val)
			case !within && !strings.HasPrefix(a.Val, "https://learn.microsoft.com/"):
				t.Errorf("a link leads to %s", a.Val)
			}
		}
	}
	if scripts != 1 || policy != page.Policy() {
		t.Errorf("%d scripts, policy %q", scripts, policy)
	}
	if causes, details := strings.Index(text, "<h2>What failed"), strings.Index(text, "<h2>Scenarios"); causes < 0 || details < causes {
		t.Error("causes do not come first")
	}
	if strings.Contains(text, "abcdefgh") {
		t.Error("a token of a message is on the page")
	}
	if got := strings.Count(text, hostile); got > 0 {
		t.Errorf("hostile text stands %d times in the page", got)
	}
	for _, want := range []string{"The server breaks 1 rule (1 known failure).", "The result is partial: 4 MUST scenarios could not be decided (2 blocked, 1 skipped, 1 error).",
		"dmwake itself failed in 1 scenario", "a body crashed", "2 blocked", `blocked by <a href="#PFN-02">PFN-02</a>`, `blocked by <a href="#PSH-02">PSH-02</a>`, `<a href="#PSH-03">PSH-03</a>`,
		`<a href="#outcome=failed">2 failed</a>`, ", 0 not applicable, ", `<a href="#outcome=error">1 error</a>`, ">MS-MDM 1.1</a>", "dmwake test --config my.yaml --only PFN-02 --seed 7", "1 warned", "failed, known", "a note", "a hook", "no hook",
		"Warnings", "Known failures", "<h2>dmwake itself failed", `href="#area=WNS"`, `id="area=WNS"`, `data-outcome="failed" data-level="MUST" data-area="PFN"`, `data-baseline="known"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
}
