package csp

import (
	"context"
	"encoding/xml"
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestCSPVersions: the list's form, and what a 25H2 (build 26200.9278, captures) and
// a Windows 10 1909 (AADInternals) were seen to say in it.
func TestCSPVersions(t *testing.T) {
	const uri = "./Device/Vendor/MSFT/DeviceManageability/Capabilities/CSPVersions"
	for build, want := range map[int][]string{
		26200: {
			`<CSP Node="./Device/Vendor/MSFT/DMClient" Version="1.7"></CSP>`,
			`<CSP Node="./Device/Vendor/MSFT/Policy" Version="11.0"></CSP>`,
			`<CSP Node="./Device/Vendor/MSFT/RemoteLock" Version="1.1"></CSP>`,
			`<CSP Node="./Vendor/MSFT/RemoteLock" Version="1.1"></CSP>`,
			`<CSP Node="./Device/Vendor/MSFT/EnrollmentStatusTracking" Version="1.0"></CSP>`,
		},
		18363: {
			`<CSP Node="./DevDetail" Version="1.1"></CSP>`,
			`<CSP Node="./SyncML/DMAcc" Version="1.0"></CSP>`,
			`<CSP Node="./Device/Vendor/MSFT/DeviceManageability" Version="2.0"></CSP>`,
			`<CSP Node="./User/Vendor/MSFT/DMClient" Version="1.5"></CSP>`,
			`<CSP Node="./Vendor/MSFT/DeviceStatus" Version="1.5"></CSP>`,
			`<CSP Node="./Vendor/MSFT/CertificateStore" Version="1.0"></CSP>`,
			`<CSP Node="./Vendor/MSFT/VPNv2" Version="1.0"></CSP>`,
			`<CSP Node="./Vendor/MSFT/WiFi" Version="1.0"></CSP>`,
		},
	} {
		tree := newTree(t, &fakeHost{}, Options{Platform: Platform{Build: build}})
		a := tree.Do(context.Background(), syncml.Get, uri, Value{})
		if a.Code != 200 || a.Format != "xml" {
			t.Fatalf("build %d: %d, format %q", build, a.Code, a.Format)
		}
		if err := xml.Unmarshal([]byte(a.Data), new(struct{})); err != nil {
			t.Errorf("build %d: %v", build, err)
		}
		lines := strings.Split(a.Data, "\n")
		for _, w := range want {
			if !slices.Contains(lines, w) {
				t.Errorf("build %d: the list has no line %s:\n%s", build, w, a.Data)
			}
		}
		for _, l := range lines[2 : len(lines)-1] {
			node, _, _ := strings.Cut(strings.TrimPrefix(l, `<CSP Node="`), `"`)
			if strings.HasPrefix(node, "./User/") || strings.HasSuffix(node, "/"+DeclaredConfiguration) { // 406: only for a linked enrollment
				continue
			}
			if got := tree.Do(context.Background(), syncml.Get, node, Value{}); got.Code != 200 {
				t.Errorf("build %d lists %s, but answers %d for it", build, node, got.Code)
			}
		}
	}
	if tree := newTree(t, &fakeHost{}, Options{Platform: Platform{Build: 9600}}); tree.Has(uri) {
		t.Error("Windows 8.1 has DeviceManageability, which came with 14393 (DDF)")
	}
}

// TestRemoteLockOnDesktops: desktops have it from 10586 on (DDF of February 2025;
// 25H2 lists it in CSPVersions).
func TestRemoteLockOnDesktops(t *testing.T) {
	for build, want := range map[int]int{9600: 404, 10586: 200, 26200: 200} {
		h := &fakeHost{}
		tree := newTree(t, h, Options{Platform: Platform{Build: build}})
		for _, uri := range []string{"./Vendor/MSFT/RemoteLock/Lock", "./Device/Vendor/MSFT/RemoteLock/Lock"} {
			if a := tree.Do(context.Background(), syncml.Exec, uri, Value{}); a.Code != want {
				t.Errorf("build %d: Exec of %s answers %d, want %d", build, uri, a.Code, want)
			}
		}
		if want == 200 && len(h.effects) != 2 {
			t.Errorf("build %d: %v", build, h.effects)
		}
	}
	run(t, newTree(t, &fakeHost{}, desktop), []step{{syncml.Exec, "./Vendor/MSFT/RemoteLock/LockAndResetPIN", "", 500, ""}})
}
