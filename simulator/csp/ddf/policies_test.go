package ddf_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/syncml"
)

const (
	get, add, replace, del = syncml.Get, syncml.Add, syncml.Replace, syncml.Delete
	result                 = "./Device/Vendor/MSFT/Policy/Result/"
	userPolicy             = "./User/Vendor/MSFT/Policy/Config/"
)

// TestPolicies: names, formats, values, scopes and builds are the DDF's; Result shows
// what Config has.
func TestPolicies(t *testing.T) {
	b := embedded(t)
	steps(t, tree(t, csp.Options{Platform: win11, Base: b}), []step{
		{get, policy + "Camera/AllowCamera", "", "", 404, "", ""},
		{replace, policy + "Camera/AllowCamera", "chr", "banana", 415, "", ""},
		{replace, policy + "Camera/AllowCamera", "int", "banana", 415, "", ""},
		{replace, policy + "Camera/AllowCamera", "int", "2", 500, "", ""},
		{get, policy + "Camera", "", "", 404, "", ""}, // nothing came of these
		{replace, policy + "camera/allowcamera", "int", "0", 200, "", ""},
		{get, policy + "Camera/AllowCamera", "", "", 200, "0", "int"},
		{get, result + "Camera/AllowCamera", "", "", 200, "0", "int"},
		{replace, result + "Camera/AllowCamera", "int", "1", 405, "", ""},
		{add, policy + "Camera/AllowCamera", "int", "1", 418, "", ""},
		{get, policy[:len(policy)-1], "", "", 200, "camera", "node"},
		{get, policy + "Camera", "", "", 200, "allowcamera", "node"},
		{replace, userPolicy + "Camera/AllowCamera", "int", "0", 404, "", ""}, // the device's alone
		{del, policy + "Camera", "", "", 200, "", ""},
		{get, result + "Camera/AllowCamera", "", "", 404, "", ""},

		{replace, policy + "NoSuchArea/NoSuchPolicy", "int", "1", 404, "", ""},
		{replace, policy + "Camera/NoSuchPolicy", "int", "1", 404, "", ""},
		{add, policy + "NoSuchArea", "node", "", 404, "", ""},
		{get, result + "NoSuchArea/NoSuchPolicy", "", "", 404, "", ""},
		{syncml.Exec, policy + "Camera/AllowCamera", "", "", 404, "", ""},

		{replace, policy + "DeviceLock/MinDevicePasswordLength", "int", "17", 500, "", ""}, // [4-16]
		{replace, policy + "DeviceLock/MinDevicePasswordLength", "int", "8", 200, "", ""},  // Range
		{replace, userPolicy + "ADMX_Taskbar/NoPinningToTaskbar", "chr", "1", 500, "", ""}, // ADMX
		{replace, userPolicy + "ADMX_Taskbar/NoPinningToTaskbar", "int", "1", 415, "", ""}, //
		{replace, userPolicy + "ADMX_Taskbar/NoPinningToTaskbar", "", "<enabled/>", 200, "", ""},
		{get, "./User/Vendor/MSFT/Policy/Result/ADMX_Taskbar/NoPinningToTaskbar", "", "", 200, "<enabled/>", "chr"},
		{get, policy + "ADMX_Taskbar/NoPinningToTaskbar", "", "", 405, "", ""}, // the user's alone
		{replace, policy + "Browser/HomePages", "chr", "<https://a.example>", 200, "", ""},
		{replace, userPolicy + "Browser/HomePages", "chr", "<https://b.example>", 200, "", ""},
		{get, policy + "Browser/HomePages", "", "", 200, "<https://a.example>", "chr"}, // each part has its own

		{replace, policy + "WindowsAI/DisableAIDataAnalysis", "int", "1", 404, "", ""}, // 26100
	})
	steps(t, tree(t, csp.Options{Platform: csp.Platform{Build: 26200}, Base: b}), []step{{replace, policy + "WindowsAI/DisableAIDataAnalysis", "int", "1", 200, "", ""}})
	// The models, switched.
	steps(t, tree(t, csp.Options{Platform: win11, Base: b, AnyPolicy: true, AnyValue: true, AtomicRequired: true}), []step{
		{replace, policy + "NoSuchArea/NoSuchPolicy", "int", "1", 200, "", ""},
		{replace, policy + "Camera/AllowCamera", "int", "2", 200, "", ""},
		{replace, policy + "Camera/AllowCamera", "chr", "2", 415, "", ""},
		{add, vendor + "LAPS/Policies/BackupDirectory", "int", "1", 500, "", ""},
		{get, vendor + "LAPS/Policies", "", "", 200, "", "node"},
	})
	a := tree(t, csp.Options{Platform: win11, Base: b, AtomicRequired: true}).Do(t.Context(), add, vendor+"LAPS/Policies/BackupDirectory", csp.Value{Format: "int", Data: "1", Atomic: true})
	if a.Code != 200 {
		t.Errorf("inside an Atomic: %d", a.Code)
	}
	steps(t, tree(t, csp.Options{Platform: win11, Base: b, AcceptUnknown: true}), []step{
		{replace, policy + "NoSuchArea/NoSuchPolicy", "int", "1", 200, "", ""}, {replace, policy + "Camera/AllowCamera", "int", "2", 500, "", ""},
	})
}

// TestEveryKindOfValue: of each kind of AllowedValues and each format there is a policy
// or node that takes an allowed value and refuses another.
func TestEveryKindOfValue(t *testing.T) {
	tr := tree(t, csp.Options{Platform: csp.Platform{Build: 26200}, Base: embedded(t)})
	for _, c := range []struct{ kind, uri, format, good, bad string }{
		{"ENUM", policy + "Camera/AllowCamera", "int", "1", "3"},
		{"Range", policy + "DeviceLock/MinDevicePasswordLength", "int", "4", "3"},
		{"Flag", policy + "DeviceGuard/LsaCfgFlags", "int", "1", "9"},
		{"RegEx", policy + "Defender/ExcludedPaths", "chr", "x", ""},
		{"ADMX", policy + "ADMX_AppXRuntime/AppxRuntimeApplicationContentUriRules", "chr", "<disabled/>", "<off/>"},
		{"XSD", policy + "RestrictedGroups/ConfigureGroupMembership", "chr", "<groupmembership/>", "none"},
	} {
		if c.bad != "" {
			if a := tr.Do(t.Context(), replace, c.uri, csp.Value{Format: c.format, Data: c.bad}); a.Code != 500 {
				t.Errorf("%s: %s = %q answers %d, want 500", c.kind, c.uri, c.bad, a.Code)
			}
		}
		if a := tr.Do(t.Context(), replace, c.uri, csp.Value{Format: c.format, Data: c.good}); a.Code != 200 {
			t.Errorf("%s: %s = %q answers %d, want 200", c.kind, c.uri, c.good, a.Code)
		}
	}
}

// contoso has the categories and policies of Learn's example.
const contoso = `<policyDefinitions revision="1.0" schemaVersion="1.0"><policyNamespaces><target prefix="contoso" namespace="Contoso.Policies"/></policyNamespaces>
<categories><category name="ParentCategoryArea"/><category name="Category1"><parentCategory ref="ParentCategoryArea"/></category>
<category name="Category2"><parentCategory ref="contoso:ParentCategoryArea"/></category><category name="Category3"><parentCategory ref="Category2"/></category></categories>
<policies><policy name="Mode" class="Machine" key="software\policies\contoso\app" valueName="mode"><parentCategory ref="Category1"/>
<elements><text id="Internal" valueName="internal" required="true"/><text id="External" valueName="external"/></elements></policy>
<policy name="PreventRun" class="User" key="software\policies\contoso\app" valueName="preventrun"><parentCategory ref="Category3"/></policy>
<policy name="Free" class="Both" key="software\policies\contoso\app" valueName="free"/></policies></policyDefinitions>`

// TestIngestedPolicies: Learn, "Win32 and Desktop Bridge app ADMX policy Ingestion".
func TestIngestedPolicies(t *testing.T) {
	const (
		install = "./Vendor/MSFT/Policy/ConfigOperations/ADMXInstall/Contoso"
		file    = install + "/Policy/AppAdmxFile01"
		mode    = "Contoso~Policy~ParentCategoryArea~Category1/Mode"
		run     = "Contoso~Policy~ParentCategoryArea~Category2~Category3/PreventRun"
	)
	b := embedded(t)
	tr := tree(t, csp.Options{Platform: win11, Base: b})
	steps(t, tr, []step{
		{replace, policy + mode, "chr", "<enabled/>", 404, "", ""}, // before it is ingested
		{add, file, "chr", "no ADMX file", 500, "", ""},
		{add, install + "/Policies/AppAdmxFile01", "chr", contoso, 500, "", ""}, // Policy or Preference
		{add, file, "chr", strings.Replace(contoso, `software\policies\contoso\app`, `Software\Microsoft\Windows`, 1), 500, "", ""},
		{get, file, "", "", 404, "", ""},
		{add, file, "chr", contoso, 200, "", ""},
		{get, policy + mode, "", "", 404, "", ""}, // not configured
		{replace, policy + mode, "chr", `<enabled/><data id="Internal" value="1"/><data id="External" value="2"/>`, 200, "", ""},
		{get, result + mode, "", "", 200, `<enabled/><data id="Internal" value="1"/><data id="External" value="2"/>`, "chr"},
		{replace, policy + strings.ToLower(mode), "chr", `<enabled/><data id="Internal" value="1"/><data id="External" value="2"/><data id="Nope" value="1"/>`, 500, "", ""},
		{replace, policy + mode, "chr", `<enabled/><data id="Internal" value="1"/>`, 500, "", ""}, // an element is missing
		{replace, policy + mode, "chr", "<disabled/>", 200, "", ""},
		{replace, policy + mode, "chr", "1", 500, "", ""},
		{replace, policy + mode, "int", "1", 415, "", ""},
		{replace, policy + "Contoso~Policy~ParentCategoryArea~Category1/Other", "chr", "<enabled/>", 404, "", ""},
		{replace, policy + "Contoso~Policy~Category1/Mode", "chr", "<enabled/>", 404, "", ""},
		{replace, policy + "Contoso~Preference~ParentCategoryArea~Category1/Mode", "chr", "<enabled/>", 404, "", ""},
		{replace, userPolicy + mode, "chr", "<enabled/>", 404, "", ""}, // of class Machine
		{replace, policy + run, "chr", "<enabled/>", 404, "", ""},      // of class User
		{replace, userPolicy + run, "chr", "<disabled/>", 200, "", ""},
		{replace, policy + "Contoso~Policy~DefaultCategory/Free", "chr", "<enabled/>", 200, "", ""},
		{del, policy + mode, "", "", 200, "", ""},
		{get, result + mode, "", "", 404, "", ""},
		{del, install, "", "", 200, "", ""},
		{get, userPolicy + run, "", "", 404, "", ""},
		{replace, policy + "Contoso~Policy~DefaultCategory/Free", "chr", "<enabled/>", 404, "", ""},
	})
	steps(t, tree(t, csp.Options{Platform: win11, Base: b}), []step{
		{add, file, "chr", contoso, 200, "", ""},
		{replace, policy + mode, "chr", "<disabled/>", 200, "", ""},
		{del, file, "", "", 200, "", ""},
		{get, policy + mode, "", "", 404, "", ""},
		{get, result + mode, "", "", 404, "", ""},
	})
	before := tree(t, csp.Options{Platform: win11, Base: b})
	rollback := before.Begin()
	steps(t, before, []step{{add, file, "chr", contoso, 200, "", ""}, {replace, policy + mode, "chr", "<disabled/>", 200, "", ""}})
	rollback()
	steps(t, before, []step{{replace, policy + mode, "chr", "<enabled/>", 404, "", ""}})
}

// TestListedOnceWritten: an area or policy is listed under the name that the server
// wrote, and only where it was written.
func TestListedOnceWritten(t *testing.T) {
	tr := tree(t, csp.Options{Platform: win11, Base: embedded(t)})
	for i, p := range []string{"Camera/AllowCamera", "Browser/AllowCookies", "Browser/AllowAutofill"} {
		if a := tr.Do(t.Context(), replace, policy+p, csp.Value{Format: "int", Data: fmt.Sprint(i % 2)}); a.Code != 200 {
			t.Fatalf("%s: %d", p, a.Code)
		}
	}
	if got := tr.Children("./Vendor/MSFT/Policy/Result"); !slices.Equal(got, []string{"Browser", "Camera"}) {
		t.Errorf("areas %q", got)
	}
	if got := tr.Children("./Vendor/MSFT/Policy/Config/Browser"); !slices.Equal(got, []string{"AllowAutofill", "AllowCookies"}) {
		t.Errorf("policies %q", got)
	}
	if list := tr.List("./Vendor/MSFT/Policy/Config"); len(list) != 6 {
		t.Errorf("%+v", list)
	}
}
