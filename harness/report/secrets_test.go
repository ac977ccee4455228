package report

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
)

// TestBodyIsRedactedBeforeItIsCut: a secret may span the cut.
func TestBodyIsRedactedBeforeItIsCut(t *testing.T) {
	leaked := func(s string) bool { return strings.Contains(s, "hunter2") }
	for _, in := range []string{`<wsse:Password>hunter2</wsse:Password>`, `&lt;o:Password&gt;hunter2&lt;/o:Password&gt;`, `<Password><![CDATA[</Password>hunter2]]></Password>`, "password=hunter2", `{"password":"hunter2"}`,
		"Authorization: Basic hunter2==", "https://x/?token=AwYAAAhunter2", `<parm name="AAUTHSECRET" value="hunter2"/>`, `<Cred><Data>hunter2</Data></Cred>`,
		`<Item><Target><LocURI>./Vendor/MSFT/EMAIL2/{A}/AUTHSECRET</LocURI></Target><Data>hunter2</Data></Item>`} {
		for _, before := range []int{MaxBody - len(in), MaxBody - len(in)/2, MaxBody - 8} {
			if out := Body([]byte(strings.Repeat(" ", before) + in)); leaked(out) || len(out) > MaxBody+40 {
				t.Errorf("%s after %d bytes: %s", in, before, out[before:])
			}
		}
	}
	if out := Body([]byte(strings.Repeat("x", MaxBody+5))); !strings.HasSuffix(out, "x...[5 bytes more]") {
		t.Errorf("a long body ends in %q", out[len(out)-30:])
	}
	if out := Body([]byte(strings.Repeat("x", MaxBody-1) + "äöü")); !strings.HasSuffix(out, "x...[6 bytes more]") {
		t.Errorf("a body cut in a letter ends in %q", out[len(out)-30:])
	}
	if out := Body([]byte("\x03\x01\x6ahunter2")); leaked(out) || !strings.Contains(out, "10 bytes") {
		t.Errorf("broken WBXML: %q", out)
	}
}

// TestEveryFieldIsRedacted: every field that can hold text from a server, in every
// output format.
func TestEveryFieldIsRedacted(t *testing.T) {
	const s = "password=hunter2&x=1"
	r := sampleReport()
	r.Again, r.Aborted, r.Notes, r.HookErrors = s, s, []string{s}, []string{s}
	r.Target.Discovery, r.Target.Name = "https://user:hunter2@mdm.example/", s
	for _, o := range []Outcome{Failed, Blocked, Skipped, Errored, Passed} {
		r.Scenarios = append(r.Scenarios, Result{ID: "SEC-" + string(o), Area: "SEC", Level: Must, Title: "t", Outcome: o, BlockedBy: "PFN-02",
			Reason: s, Expected: s, Saw: s, Cause: s, Evidence: []string{s}, Hooks: []string{s}, Steps: []Step{{Text: s, From: Device, To: Server}},
			Exchanges: []Exchange{{URL: "https://x/?" + s, Request: s, Response: s, Error: s, ContentType: s}}})
	}
	text := map[string]string{}
	var b strings.Builder
	for _, w := range []struct {
		name  string
		write func() error
	}{
		{"JSON", func() error { return r.WriteJSON(&b) }}, {"JUnit", func() error { return r.WriteJUnit(&b) }}, {"HTML", func() error { return r.WriteHTML(&b) }},
		{"annotations", func() error { r.WriteAnnotations(&b); return nil }},
		{"terminal", func() error {
			term := &Terminal{W: &b, Again: s}
			for _, s := range r.Scenarios {
				term.Progress(s)
			}
			term.Summary(r)
			return nil
		}},
	} {
		b.Reset()
		if err := w.write(); err != nil {
			t.Fatal(err)
		}
		text[w.name] = b.String()
	}
	for name, out := range text {
		if i := strings.Index(out, "hunter2"); i >= 0 {
			t.Errorf("%s: ...%s", name, out[max(0, i-100):i+7])
		}
	}
	if !json.Valid([]byte(text["JSON"])) {
		t.Error("the JSON is broken")
	}
}

// TestEveryFieldIsPrintable: nothing that a terminal or a CI system obeys is in any
// output format, also without the guarded streams of the command line.
func TestEveryFieldIsPrintable(t *testing.T) {
	const s = "x\n::error::inj\r##vso[inj]\x1b[2J\u009b\u202e\u2066"
	r := sample(true)
	r.Notes, r.HookErrors, r.Again, r.Aborted, r.Target.Name = []string{s}, []string{s}, s, s, s
	for i := range r.Scenarios {
		x := &r.Scenarios[i]
		x.Title, x.Rule, x.Source, x.Fix, x.Reason, x.Expected, x.Saw, x.Cause = s, s, s, s, s, s, s, s+x.ID
		x.Evidence, x.Hooks, x.Steps = []string{s}, []string{s}, []Step{{Text: s, From: Device, To: Server}}
		x.Exchanges = []Exchange{{URL: s, Request: "<SyncML>" + s, Response: s, Error: s, ContentType: s}}
	}
	for name, write := range map[string]func(w *strings.Builder) error{
		"JSON": func(w *strings.Builder) error { return r.WriteJSON(w) }, "JUnit": func(w *strings.Builder) error { return r.WriteJUnit(w) }, "HTML": func(w *strings.Builder) error { return r.WriteHTML(w) },
		"annotations": func(w *strings.Builder) error { r.WriteAnnotations(w); return nil },
		"terminal": func(w *strings.Builder) error {
			term := &Terminal{W: w, Again: s}
			term.Header(r.Target, 1)
			for _, x := range r.Scenarios {
				term.Progress(x)
			}
			term.Summary(r)
			return nil
		},
	} {
		var b strings.Builder
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		out := b.String()
		if bad := strings.IndexFunc(out, func(r rune) bool { return !unicode.IsGraphic(r) && r != '\n' && r != '\t' }); bad >= 0 || !strings.Contains(out, "inj") {
			t.Errorf("%s: %q", name, out[max(0, bad-80):])
		}
		for line := range strings.Lines(out) {
			if own := name == "annotations" && (strings.HasPrefix(line, "::error title=") || strings.HasPrefix(line, "::warning title=")); !own && strings.HasPrefix(strings.TrimSpace(line), "::") || strings.Contains(line, "##vso[") {
				t.Errorf("%s has the line %q", name, line)
			}
		}
	}
}
