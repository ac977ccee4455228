package csp

import (
	"context"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestAppInstallationAsLearnShowsIt: Add of the package family name, Exec of
// HostedInstall (Learn, "Enterprise app management"), in both contexts; a Store app only
// in the user's, and without an alert.
func TestAppInstallationAsLearnShowsIt(t *testing.T) {
	const at = "Vendor/MSFT/EnterpriseModernAppManagement/AppInstallation/Contoso.App_8wekyb3d8bbwe"
	for _, scope := range []string{"./Device/", "./User/"} {
		h := &fakeHost{user: true}
		tree := newTree(t, h, desktop)
		run(t, tree, []step{
			{syncml.Exec, scope + at + "/HostedInstall", `<Application PackageUri="x"/>`, 404, ""}, // [seen] without the Add
			{syncml.Add, scope + at, "", 200, ""},
			{syncml.Get, scope + at + "/Status", "", 200, "0"},
			{syncml.Exec, scope + at + "/HostedInstall", `<Application PackageUri="\\server\share\HelloWorld10.appx" />`, 202, ""},
			{syncml.Get, scope + at + "/Status", "", 200, "1"},
			{syncml.Add, scope + at, "", 418, ""},
		})
		done, ok := tree.Finish(context.Background(), h.jobs[0])
		if !ok || done.LocURI != scope+at+"/HostedInstall" || done.Data != "0" || done.Format != Int ||
			done.Type != "Reversed-Domain-Name:com.microsoft.mdm.EnterpriseHostedAppInstall.result" {
			t.Errorf("%s: %v %+v", scope, ok, done)
		}
		run(t, tree, []step{
			{syncml.Get, scope + at, "", 404, ""},
			{syncml.Add, scope + at, "", 200, ""},
			{syncml.Exec, scope + at + "/StoreInstall", `<Application id="9" flags="0" skuid="0010"/>`, map[string]int{"./Device/": 405, "./User/": 202}[scope], ""},
		})
		if scope == "./User/" {
			if done, ok := tree.Finish(context.Background(), h.jobs[1]); !ok || done.Type != "" {
				t.Errorf("a Store app: %v %+v", ok, done)
			}
		}
	}
}

// TestUninstallAlert: Learn, "Enterprise app management", "Alert for app uninstallation".
func TestUninstallAlert(t *testing.T) {
	const at = "./Device/Vendor/MSFT/EnterpriseModernAppManagement/AppManagement/nonStore/Contoso.App_8wekyb3d8bbwe"
	h := &fakeHost{}
	tree := newTree(t, h, desktop)
	tree.Provision(at+"/Contoso.App_1.0.0.0_x64__8wekyb3d8bbwe/Version", "1.0.0.0")
	run(t, tree, []step{{syncml.Delete, at, "", 200, ""}, {syncml.Get, at, "", 404, ""}})
	done, ok := tree.Finish(context.Background(), h.jobs[0])
	if !ok || done.LocURI != at || done.Data != "0" || done.Type != "Reversed-Domain-Name:com.microsoft.mdm.EnterpriseAppUninstall.result" {
		t.Errorf("%v %+v", ok, done)
	}
}

// TestAppInventory: AppInventoryResults answers the last AppInventoryQuery (Learn,
// "EnterpriseModernAppManagement CSP").
func TestAppInventory(t *testing.T) {
	const base = "./Device/Vendor/MSFT/EnterpriseModernAppManagement/AppManagement/"
	tree := newTree(t, &fakeHost{}, desktop)
	for name, values := range map[string][]string{
		"nonStore/A.Editor_8wekyb3d8bbwe/A.Editor_1.0.0.0_x64__8wekyb3d8bbwe":    {"Publisher", "CN=Contoso"},
		"AppStore/B.Game_8wekyb3d8bbwe/B.Game_2.0.0.0_x64__8wekyb3d8bbwe":        {"Publisher", "CN=Fabrikam & Co"},
		"nonStore/C.Runtime_8wekyb3d8bbwe/C.Runtime_3.0.0.0_x64__8wekyb3d8bbwe":  {"IsFramework", "1"},
		"nonStore/D.Text_8wekyb3d8bbwe/D.Text_1.0.0.0_neutral_de__8wekyb3d8bbwe": {"ResourceID", "de"},
	} {
		tree.Provision(base+name+"/"+values[0], values[1])
	}
	for query, want := range map[string]string{
		``:                                      "B A C",
		`<Inventory/>`:                          "B A C",
		`<Inventory Source="nonStore"/>`:        "A C",
		`<Inventory Source="AppStore"/>`:        "B",
		`<Inventory PackageTypeFilter="Main"/>`: "B A",
		`<Inventory PackageTypeFilter="Framework|Resource"/>`: "C D",
		`<Inventory PackageTypeFilter="All"/>`:                "B A C D",
		`<Inventory PackageFamilyName="editor"/>`:             "A",
		`<Inventory Publisher="fabrikam"/>`:                   "B",
		`<Inventory Source="System"/>`:                        "",
	} {
		if query == "" {
			tree.Remove(base + "AppInventoryQuery")
		} else {
			run(t, tree, []step{{syncml.Replace, base + "AppInventoryQuery", query, 200, ""}})
		}
		a := tree.Do(context.Background(), syncml.Get, base+"AppInventoryResults", Value{})
		var got []string
		for _, p := range strings.Split(a.Data, `PackageFamilyName="`)[1:] {
			got = append(got, p[:1])
		}
		if strings.Join(got, " ") != want || a.Format != "xml" || document(a.Data, "Inventory") == nil {
			t.Errorf("%s: %s %q, want %q in %s", query, a.Format, got, want, a.Data)
		}
	}
	for query, c := range map[string]struct{ has, hasNot string }{
		`<Inventory/>`: {`PackageFullName="B.Game_2.0.0.0`, `Publisher=`},
		`<Inventory Output="PackageNames|RequiresReinstall"/>`: {`RequiresReinstall="0"`, `Publisher=`},
		`<Inventory Output="PackageDetails"/>`:                 {`Publisher="CN=Fabrikam &amp; Co"`, `RequiresReinstall`},
	} {
		run(t, tree, []step{{syncml.Replace, base + "AppInventoryQuery", query, 200, ""}})
		if got, _ := tree.Get(base + "AppInventoryResults"); !strings.Contains(got, c.has) || strings.Contains(got, c.hasNot) {
			t.Errorf("%s: %s", query, got)
		}
	}
	run(t, tree, []step{{syncml.Replace, base + "AppInventoryQuery", "what is there?", 500, ""}})
}
