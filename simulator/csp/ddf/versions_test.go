package ddf_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// listed25H2 is what the CSPVersions of a 25H2 (build 26200.9278, published in
// deploymenttheory/go-microsoft-dm) has of the CSPs that are simulated: places and
// version; D is ./Device/Vendor/MSFT, U ./User/Vendor/MSFT and V ./Vendor/MSFT. The
// version and the place of Update are those of a 1909.
const listed25H2 = `
ActiveSync UV 1.0
AppLocker V 1.0
AssignedAccess D 4.0
BitLocker D 5.0
CertificateStore V 1.0
ClientCertificateInstall DU 1.1
CloudDesktop DU 2.0
DMClient DUV 1.7
DeclaredConfiguration DUV 1.0
Defender V 1.3
DeviceManageability D 2.0
DevicePreparation D 1.0
DeviceStatus V 1.5
DiagnosticLog V 1.4
EMAIL2 UV 1.0
EnrollmentStatusTracking DU 1.0
EnterpriseDesktopAppManagement DU 1.0
EnterpriseModernAppManagement DUV 1.2
Firewall V 1.0
HealthAttestation V 1.3
LAPS D 1.1
LanguagePackManagement V 1.0
NetworkProxy V 1.0
NetworkQoSPolicy D 1.0
NodeCache UV 1.2
Office V 1.6
PDE U 5.0
PassportForWork DUV 1.6
Personalization V 2.0
Policy DU 11.0
PrinterProvisioning U 1.0
Reboot D 1.0
RemoteFind V 1.0
RemoteLock DV 1.1
RemoteWipe V 1.1
RootCATrustedCertificates DU 1.2
SUPL V 1.2
SecureAssessment V 1.1
SharedPC V 1.2
Update V 1.1
VPNv2 DUV 1.0
WiFi UV 1.0
WindowsDefenderApplicationGuard D 1.4
WindowsLicensing DV 1.4
eUICCs V 1.2`

var entries = regexp.MustCompile(`<CSP Node="([^"]+)" Version="([^"]+)"></CSP>`)

// TestCSPVersionsOf25H2: the list has what a real one has of the simulated CSPs, and
// nothing else.
func TestCSPVersionsOf25H2(t *testing.T) {
	want := []string{"./DevDetail 1.2", "./DevInfo 1.0", "./SyncML/DMAcc 1.1"}
	for _, line := range strings.Split(strings.TrimSpace(listed25H2), "\n") {
		f := strings.Fields(line)
		for place, prefix := range map[string]string{"D": "./Device", "U": "./User", "V": "."} {
			if strings.Contains(f[1], place) {
				want = append(want, prefix+"/Vendor/MSFT/"+f[0]+" "+f[2])
			}
		}
	}
	var got []string
	for _, e := range entries.FindAllStringSubmatch(versionsOf(t, csp.Platform{Build: 26200}), -1) {
		got = append(got, e[1]+" "+e[2])
	}
	slices.Sort(got)
	slices.Sort(want)
	// DeviceInstanceService is an old CSP that 25H2 does not list, and this device has.
	got = slices.DeleteFunc(got, func(s string) bool { return strings.Contains(s, "DeviceInstance") })
	if !slices.Equal(got, want) {
		t.Errorf("listed\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func versionsOf(t *testing.T, p csp.Platform) string {
	t.Helper()
	a := tree(t, csp.Options{Platform: p, Base: embedded(t)}).Do(t.Context(), syncml.Get, vendor+"DeviceManageability/Capabilities/CSPVersions", csp.Value{})
	if a.Code != 200 || a.Format != "xml" {
		t.Fatalf("%+v", a)
	}
	return a.Data
}

// TestListedCSPsAnswer: what a build lists answers, and what the DDF gives to later
// builds alone does not. DeclaredConfiguration answers 406 to a primary enrollment.
func TestListedCSPsAnswer(t *testing.T) {
	for _, build := range []int{18363, 19045, 22631, 26100, 26200} {
		p := csp.Platform{Build: build}
		tree := tree(t, csp.Options{Platform: p, Base: embedded(t)})
		list := entries.FindAllStringSubmatch(versionsOf(t, p), -1)
		for _, e := range list {
			if e[1] == "./User/Vendor/MSFT/DMClient" || e[1] == "./User/Vendor/MSFT/DeclaredConfiguration" {
				continue // nodes below answer; the DDF has no root there
			}
			if got := tree.Do(t.Context(), syncml.Get, e[1], csp.Value{}); got.Code != 200 && got.Code != 405 && (got.Code != 406 || !strings.HasSuffix(e[1], "/DeclaredConfiguration")) {
				t.Errorf("build %d lists %s, and answers %d", build, e[1], got.Code)
			}
		}
		if listed := strings.Contains(versionsOf(t, p), "/PDE"); listed != (build >= 22621) {
			t.Errorf("build %d lists PDE: %v; it came with 22621 (DDF)", build, listed)
		}
	}
}
