package csp

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestOperationsOfTheDDF: operations and values as the DDF lists them, and MS-MDE2 2.2.9
// where it says otherwise.
func TestOperationsOfTheDDF(t *testing.T) {
	_, cert := selfSigned(t)
	const (
		vendor  = "./Device/Vendor/MSFT/"
		wipe    = vendor + "RemoteWipe/"
		scep    = vendor + "CertificateStore/MY/SCEP/id/Install/"
		esim    = vendor + "RootCATrustedCertificates/OemEsim/"
		user    = "./User/Vendor/MSFT/DMClient"
		text    = "/FirstSyncStatus/CustomErrorText"
		vpn     = vendor + "VPNv2/Work/"
		company = vendor + "Personalization/CompanyName"
	)
	account := user + strings.TrimPrefix(provider, "./Vendor/MSFT/DMClient")
	h := &fakeHost{code: 200, user: true}
	tree := newTree(t, h, desktop)
	tree.Provision(account+"/FirstSyncStatus", "")
	run(t, tree, []step{
		{syncml.Get, wipe + "doWipe", "", 405, ""},
		{syncml.Get, wipe + "AutomaticRedeployment/doAutomaticRedeployment", "", 405, ""},
		{syncml.Get, wipe + "AutomaticRedeployment/Status", "", 200, "0"},
		{syncml.Exec, wipe + "doWipe", "", 200, ""},

		{syncml.Add, provider + "/UPN", "a@example.com", 200, ""},
		{syncml.Add, provider + "/UPN", "b@example.com", 418, ""},
		{syncml.Delete, provider + "/UPN", "", 405, ""},
		{syncml.Add, provider + "/SyncApplicationVersion", "2.0", 418, ""},
		{syncml.Replace, provider + "/SyncApplicationVersion", "2.05", 500, ""},
		{syncml.Add, provider + "/ManagementServiceAddress", "https://mdm.example", 405, ""},
		{syncml.Get, provider + "/EnableOmaDmKeepAliveMessage", "", 200, "false"},
		{syncml.Delete, provider + "/EnableOmaDmKeepAliveMessage", "", 405, ""},
		{syncml.Replace, provider + "/ExchangeID", "x", 405, ""},
		{syncml.Get, provider + "/LinkedEnrollment/Priority", "", 404, ""},
		{syncml.Get, provider + "/MultipleSession", "", 200, ""},
		{syncml.Replace, provider + "/MultipleSession/NumAllowedConcurrentUserSessionForBackgroundSync", "10", 200, ""},
		{syncml.Get, provider + "/Recovery/InitiateRecovery", "", 405, ""},
		{syncml.Exec, provider + "/Recovery/InitiateRecovery", "2", 500, ""},
		{syncml.Exec, provider + "/Recovery/InitiateRecovery", "1", 200, ""},

		{syncml.Get, user, "", 200, "Provider"},
		{syncml.Add, provider + text, "call us", 200, ""},
		{syncml.Delete, provider + text, "", 200, ""},
		{syncml.Add, account + text, "call us", 405, ""},
		{syncml.Replace, account + text, "call us", 200, ""},
		{syncml.Delete, account + text, "", 405, ""},

		{syncml.Add, scep + "RetryDelay", "0", 500, ""},
		{syncml.Add, scep + "RetryDelay", "2", 200, ""},
		{syncml.Replace, scep + "RetryDelay", "3", 405, ""},
		{syncml.Replace, scep + "ServerURL", "https://scep.example", 200, ""},
		{syncml.Add, vendor + "CertificateStore", "", 405, ""},

		{syncml.Add, esim + "00/EncodedCertificate", base64.StdEncoding.EncodeToString(cert.Raw), 200, ""},
		{syncml.Get, esim + "00/IssuedTo", "", 200, "someone"},

		{syncml.Replace, vpn + "AlwaysOnActive", "2", 415, ""},
		{syncml.Replace, vpn + "NativeProfile/Authentication/MachineMethod", "Eap", 500, ""},
		{syncml.Replace, vpn + "NativeProfile/CryptographySuite/DHGroup", "None", 200, ""},
		{syncml.Get, vpn + "PluginProfile/WebAuth", "", 404, ""},

		{syncml.Replace, company, strings.Repeat("ö", 31), 500, ""},
		{syncml.Replace, company, "", 500, ""},
		{syncml.Replace, company, strings.Repeat("ö", 30), 200, ""},

		{syncml.Get, vendor + "DeviceStatus/DMA/BootDMAProtectionStatus", "", 200, "1"},
		{syncml.Replace, vendor + "Policy/Config/Camera/AllowCamera", "0", 200, ""},
		{syncml.Delete, vendor + "Policy/Config", "", 200, ""},
		{syncml.Get, vendor + "Policy/Config", "", 200, ""},
		{syncml.Get, vendor + "Policy/Result", "", 200, ""},
	})
	run(t, newTree(t, &fakeHost{code: 200}, Options{Platform: Platform{Build: 19045}}), []step{
		{syncml.Get, vendor + "DeviceStatus/DMA", "", 404, ""},
		{syncml.Exec, wipe + "doWipeCloud", "", 404, ""},
		{syncml.Exec, vendor + "EnterpriseModernAppManagement/AppManagement/ResetPackage", "", 404, ""},
	})
}

// TestDeletePushAndPoll: the DDF lists Delete, which Windows 11 follows here; MS-MDE2
// 2.2.9.3 does not, and earlier builds follow it [model].
func TestDeletePushAndPoll(t *testing.T) {
	for build, want := range map[int]int{9600: 405, 19045: 405, 22000: 200, 26200: 200} {
		h := &fakeHost{code: 200}
		tree := newTree(t, h, Options{Platform: Platform{Build: build}})
		run(t, tree, []step{
			{syncml.Replace, provider + "/Push/PFN", "a.b_c", 200, ""},
			{syncml.Replace, provider + "/Poll/NumberOfFirstRetries", "3", 200, ""},
			{syncml.Delete, provider + "/Push/PFN", "", want, ""},
			{syncml.Delete, provider + "/Poll", "", want, ""},
		})
		for _, uri := range []string{provider + "/Push/PFN", provider + "/Poll"} {
			if tree.Has(uri) == (want == 200) {
				t.Errorf("build %d: after the Delete, that %s is there is %v", build, uri, tree.Has(uri))
			}
		}
		if gone := h.removed != ""; gone != (want == 200) || gone == (h.pfn != "") {
			t.Errorf("build %d: push was removed for %q, the PFN is %q", build, h.removed, h.pfn)
		}
	}
}

// TestResetPackage: an app that is there, one that is not, and data that names none.
func TestResetPackage(t *testing.T) {
	h := &fakeHost{code: 200, user: true}
	tree := newTree(t, h, desktop)
	for _, scope := range []string{"./Device", "./User"} {
		base := scope + "/Vendor/MSFT/EnterpriseModernAppManagement/AppManagement/"
		const full = "a.App_1.0.0.0_x64__8wekyb3d8bbwe"
		tree.Provision(base+"nonStore/a.App_8wekyb3d8bbwe/"+full+"/Version", "1.0.0.0")
		run(t, tree, []step{
			{syncml.Exec, base + "ResetPackage", "", 500, ""},
			{syncml.Exec, base + "ResetPackage", `<Package Name="other"/>`, 404, ""},
			{syncml.Exec, base + "ResetPackage", `<Package Name="` + full + `"/>`, 200, ""},
			{syncml.Exec, base + "RemovePackage", `<Package Name="` + full + `"/>`, 200, ""},
			{syncml.Exec, base + "ResetPackage", `<Package Name="` + full + `"/>`, 404, ""},
			{syncml.Get, base + "nonStore/a.App_8wekyb3d8bbwe", "", 200, ""},
			{syncml.Delete, base + "nonStore/a.App_8wekyb3d8bbwe", "", 200, ""},
			{syncml.Get, base + "nonStore", "", 200, ""},
		})
	}
	if removed := slices.ContainsFunc(h.effects, func(e Effect) bool { return e.Kind == EffectRemoved && strings.HasPrefix(e.Detail, "a.App_1") }); !removed {
		t.Errorf("no effect says that the app is gone: %+v", h.effects)
	}
}
