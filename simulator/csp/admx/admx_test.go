package admx_test

import (
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/csp/admx"
)

const sample = `<?xml version="1.0" encoding="utf-16"?><policyDefinitions revision="1.0" schemaVersion="1.0">
<policyNamespaces><target prefix="app" namespace="Contoso.App"/><using prefix="google" namespace="Google.Policies"/></policyNamespaces>
<categories><category name="Top"><parentCategory ref="google:Cat_Google"/></category><category name="Sub"><parentCategory ref="app:Top"/></category>
<category name="Circle"><parentCategory ref="Round"/></category><category name="Round"><parentCategory ref="Circle"/></category></categories>
<policies><policy name="One" class="Machine" key="Software\Contoso"><parentCategory ref="Sub"/><elements><text id="T"/><decimal id="D" key="Software\Contoso\Other"/><list id="L"/></elements></policy>
<policy name="Two" class="Both" key="Software\Contoso"/><policy name="Three" class="User" key="Software\Contoso"><parentCategory ref="Circle"/></policy></policies></policyDefinitions>`

func TestRead(t *testing.T) {
	f, err := admx.Read(sample)
	if err != nil {
		t.Fatal(err)
	}
	for where, want := range map[string]string{"Top~Sub/One": "T D L", "top~sub/one": "T D L", "DefaultCategory/Two": ""} {
		category, name, _ := strings.Cut(where, "/")
		p := f.Policy(category, name)
		if p == nil || strings.Join(p.Elements, " ") != want || !f.HasCategory(category) {
			t.Errorf("%s: %+v, want the elements %q", where, p, want)
		}
	}
	if f.Policy("Sub", "One") != nil || f.HasCategory("Sub") || len(f.Policies) != 3 {
		t.Errorf("%+v", f)
	}
	if !strings.Contains(f.Policies[2].Category, "Circle") { // a circle ends
		t.Errorf("%+v", f.Policies[2])
	}
	p := f.Policy("Top~Sub", "One")
	for value, want := range map[string]string{
		`<enabled/><data id="T" value="1"/><data id="D" value="1"/><data id="L" value=""/>`: "",
		`<Enabled/><Data ID="t" Value="1"/><Data ID="d" Value="1"/><data id="l" value=""/>`: "",
		`<enabled/>`: `lacks the element "T"`,
		`<enabled/><data id="T" value="1"/><data id="L" value=""/>`: `lacks the element "D"`,
		`<disabled/>`:                        "",
		`<enabled/><data id="X" value="1"/>`: `no element "X"`,
		``:                                   "is empty",
		`yes`:                                "not text",
		`<enabled>`:                          "is not XML",
		`<enabled/><disabled/>`:              "it takes one",
		`<data id="T" value="1"/>`:           "neither",
		`<enabled/><data id="T"/>`:           "id and value",
		`<enabled/><text id="T" value="1"/>`: "has <text>",
	} {
		err := p.Check(value)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", value, err, want)
		}
	}
	for text, want := range map[string]string{"": "not XML", "<a/>": "root element a", "<policyDefinitions>": "not XML",
		"<policyDefinitions><policies><policy/></policies></policyDefinitions>": "without a name"} {
		if _, err := admx.Read(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestProtected: Learn, "Win32 and Desktop Bridge app ADMX policy Ingestion", and the
// policies of Edge, which are ingested from MSEdge.admx.
func TestProtected(t *testing.T) {
	for key, want := range map[string]bool{
		`Software\Contoso`: false, `System\CurrentControlSet`: true, `SYSTEM`: true, `Systematic`: false, `Software\Microsoft`: true, `\software\microsoft\Windows\`: true,
		`Software\Microsoft\Edge`: false, `Software\Microsoft\EdgeUpdate\X`: false, `Software\Microsoft\Edges`: true, `Software\Policies\Microsoft\Office\16.0`: false,
		`Software\Policies\Microsoft\Windows`: true, `software\microsoft\onedrive`: false,
		`SOFTWARE\Policies\Microsoft\Edge`: false, `Software\Policies\Microsoft\Edge\URLBlocklist`: false, `Software\Policies\Microsoft\EdgeX`: true,
	} {
		f, err := admx.Read(strings.ReplaceAll(sample, `Software\Contoso\Other`, key))
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Protected() != ""; got != want {
			t.Errorf("%s: protected %v, want %v", key, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{sample, sample[:len(sample)/2], "<policyDefinitions/>", `<enabled/><data id="a" value="b"/>`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := admx.ParseValue(s); err == nil && v.Enabled && !strings.Contains(strings.ToLower(s), "enabled") {
			t.Fatalf("%q is %+v", s, v)
		}
		file, err := admx.Read(s)
		if err != nil {
			return
		}
		for i := range file.Policies {
			p := &file.Policies[i]
			if file.Policy(p.Category, p.Name) == nil || !file.HasCategory(p.Category) {
				t.Fatalf("%+v is not found", p)
			}
		}
	})
}
