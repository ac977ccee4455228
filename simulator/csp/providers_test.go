package csp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestDescriptions: every description compiles on every platform, and every node is
// reachable as described.
func TestDescriptions(t *testing.T) {
	for _, p := range []Platform{{Build: 9651, Phone: true}, {Build: 9600}, {Build: 10586}, {Build: 19045}, {Build: 26200}} {
		s, err := NewSchema(Options{Platform: p}, All())
		if err != nil {
			t.Fatalf("%+v: %v", p, err)
		}
		if len(s.csps) < 10 {
			t.Errorf("%+v has %d CSPs only", p, len(s.csps))
		}
	}
	for _, c := range All() {
		nodes, err := c.Nodes()
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, n := range nodes {
			if seen[n.Path] {
				t.Errorf("%s: %s is described twice", c.Name, n.Path)
			}
			seen[n.Path] = true
			if n.Default != "" && n.Default[0] != '$' && (!n.Format.Accepts(n.Default) || !n.valid(n.Default)) {
				t.Errorf("%s: the default %q of %s is not allowed there", c.Name, n.Default, n.Path)
			}
			if n.Ops&Exec != 0 && c.on[relativeTo(nodes[0].Path, n.Path)].Run == nil && n.Path != "" {
				if c.Name != "EnterpriseDesktopAppManagement" || !strings.HasSuffix(n.Path, "DownloadInstall") {
					t.Errorf("%s: Exec of %s does nothing", c.Name, n.Path)
				}
			}
		}
	}
}

func TestDescriptionMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "no node",
		"A G":                         "needs a name, operations and a format",
		"A Z node":                    "unknown operation",
		"A G nod":                     "unknown format",
		"A G int [1..x]":              "invalid syntax",
		"A G int [1]":                 "not of the form",
		"A G int frob":                "unknown attribute",
		"A G node\n    B G chr":       "no node is above it",
		"A G node\n B G chr":          "no node is above it",
		"A G node\n  {B} G chr":       "must occur any number of times",
		"A G node\nB G node":          "no node is above it",
		"A G node\n  B G chr since=x": "invalid syntax",
	} {
		if _, err := parseTree(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	bad := CSP{Name: "X", tree: "devinfo.tree", on: map[string]Handler{"Nope": {}}}
	if _, err := NewSchema(Options{}, []CSP{bad}); err == nil {
		t.Error("a handler for a node that nobody described must be an error")
	}
}

func selfSigned(t *testing.T) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "someone"}, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<31, 0)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}

type step struct {
	verb syncml.Verb
	uri  string
	data string
	code int
	want string // the result of a Get
}

func run(t *testing.T, tree *Tree, steps []step) {
	t.Helper()
	for i, s := range steps {
		a := tree.Do(context.Background(), s.verb, s.uri, Value{Data: s.data})
		if a.Code != s.code || s.verb == syncml.Get && a.Data != s.want {
			t.Errorf("step %d: %s %s = %d %q, want %d %q", i+1, s.verb, s.uri, a.Code, a.Data, s.code, s.want)
		}
	}
}

func TestCertificates(t *testing.T) {
	key, cert := selfSigned(t)
	encoded := base64.StdEncoding.EncodeToString(cert.Raw)
	pfx, err := pkcs12.Modern.Encode(key, cert, nil, "secret")
	if err != nil {
		t.Fatal(err)
	}
	h := &fakeHost{code: 200}
	tree := newTree(t, h, desktop)
	hash := thumbprint(cert.Raw)
	const root, inst = "./Vendor/MSFT/RootCATrustedCertificates/Root/", "./Vendor/MSFT/ClientCertificateInstall/PFXCertInstall/one"
	run(t, tree, []step{
		{syncml.Add, root + hash + "/EncodedCertificate", "bm8=", 500, ""},
		{syncml.Add, root + hash + "/EncodedCertificate", "?", 415, ""},
		{syncml.Add, root + hash + "/EncodedCertificate", encoded, 200, ""},
		{syncml.Get, root + hash + "/IssuedTo", "", 200, "someone"},
		{syncml.Get, root + hash + "/ValidFrom", "", 200, "1970-01-01T00:00:00Z"},
		{syncml.Get, root[:len(root)-1], "", 200, hash},
		{syncml.Delete, root + hash, "", 200, ""},
		{syncml.Get, root + hash + "/IssuedTo", "", 404, ""},

		{syncml.Add, inst + "/PFXCertBlob", base64.StdEncoding.EncodeToString(pfx), 500, ""}, // KeyLocation is missing
		{syncml.Add, inst + "/KeyLocation", "3", 200, ""},
		{syncml.Add, inst + "/PFXCertPassword", "wrong", 200, ""},
		{syncml.Add, inst + "/PFXCertBlob", base64.StdEncoding.EncodeToString(pfx), 500, ""},
		{syncml.Get, inst + "/Status", "", 200, "86"},
		{syncml.Replace, inst + "/PFXCertPassword", "secret", 200, ""},
		{syncml.Add, inst + "/PFXCertBlob", "bm8=", 500, ""},
		{syncml.Get, inst + "/Status", "", 200, "13"},
		{syncml.Add, inst + "/PFXCertBlob", base64.StdEncoding.EncodeToString(pfx), 200, ""},
		{syncml.Get, inst + "/Status", "", 200, "0"},
		{syncml.Get, inst + "/Thumbprint", "", 200, hash},
	})
}

func TestSCEPFlow(t *testing.T) {
	h := &fakeHost{code: 200}
	tree := newTree(t, h, desktop)
	const at = "./Vendor/MSFT/ClientCertificateInstall/SCEP/id"
	run(t, tree, []step{
		{syncml.Add, at + "/Install/ServerURL", "http://scep.example/a;http://scep.example/b", 200, ""},
		{syncml.Exec, at + "/Install/Enroll", "", 500, ""},
		{syncml.Get, at + "/Status", "", 200, "16"},
		{syncml.Add, at + "/Install/Challenge", "abc", 200, ""},
		{syncml.Add, at + "/Install/EKUMapping", "1.3.6.1.5.5.7.3.2", 200, ""},
		{syncml.Add, at + "/Install/KeyUsage", "160", 200, ""},
		{syncml.Add, at + "/Install/KeyLength", "1000", 500, ""},
		{syncml.Add, at + "/Install/KeyLength", "2048", 200, ""},
		{syncml.Add, at + "/Install/SubjectName", "CN=x", 200, ""},
		{syncml.Add, at + "/Install/HashAlgorithm", "SHA-2", 200, ""},
		{syncml.Add, at + "/Install/CAThumbprint", "00", 200, ""},
		{syncml.Exec, at + "/Install/Enroll", "", 200, ""},
		{syncml.Get, at + "/Status", "", 200, "2"},
		{syncml.Get, at + "/Install/Challenge", "", 404, ""},
	})
	if len(h.jobs) != 1 {
		t.Fatalf("%d jobs were begun", len(h.jobs))
	}
	done, ok := tree.Finish(context.Background(), h.jobs[0])
	if !ok || done.Type != "" {
		t.Errorf("finished %v with %+v: \"The device will not notify MDM server\" (DDF)", ok, done)
	}
	run(t, tree, []step{
		{syncml.Get, at + "/Status", "", 200, "1"},
		{syncml.Get, at + "/RespondentServerUrl", "", 200, "http://scep.example/a"},
	})
	if thumb, _ := tree.Look(at + "/CertThumbprint"); len(thumb) != 40 {
		t.Errorf("thumbprint %q", thumb)
	}
}

func TestApps(t *testing.T) {
	h := &fakeHost{code: 200}
	tree := newTree(t, h, desktop)
	const (
		pfn  = "Contoso.App_8wekyb3d8bbwe"
		base = "./Device/Vendor/MSFT/EnterpriseModernAppManagement/"
		inst = base + "AppInstallation/" + pfn + "/HostedInstall"
		msi  = "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7BAF9257BA-6BBD-4624-AA9B-0182D50292C3%7D"
	)
	finish := func(want string) {
		t.Helper()
		done, ok := tree.Finish(context.Background(), h.jobs[len(h.jobs)-1])
		if !ok || done.Data != want {
			t.Errorf("finished %v with %+v, want %s", ok, done, want)
		}
	}
	run(t, tree, []step{
		{syncml.Add, inst, "", 200, ""},
		{syncml.Exec, inst, "nothing", 500, ""},
		{syncml.Get, base + "AppInstallation/" + pfn + "/Status", "", 200, "2"},
		{syncml.Exec, inst, `<Application PackageUri="https://x/App_1.2.0.0_x64.appx"/>`, 202, ""},
		{syncml.Get, base + "AppInstallation/" + pfn + "/Status", "", 200, "1"},
	})
	finish("0")
	run(t, tree, []step{
		{syncml.Get, base + "AppManagement/nonStore/" + pfn + "/Contoso.App_1.2.0.0_x64__8wekyb3d8bbwe/Version", "", 200, "1.2.0.0"},
		{syncml.Get, base + "AppInstallation/" + pfn, "", 404, ""}, // "the node is cleaned up and no longer present" (Learn)
		{syncml.Exec, inst, `<Application PackageUri="https://x/App_2.0.0.0_x64.appx"/>`, 404, ""},
		{syncml.Add, base + "AppInstallation/" + pfn, "", 200, ""},
		{syncml.Get, base + "AppInstallation/" + pfn + "/Status", "", 200, "0"},
		{syncml.Exec, inst, `<Application PackageUri="https://x/App_2.0.0.0_x64.appx"/>`, 202, ""},
	})
	finish("0")
	if apps := tree.Children(base + "AppManagement/nonStore/" + pfn); !slices.Equal(apps, []string{"Contoso.App_2.0.0.0_x64__8wekyb3d8bbwe"}) {
		t.Errorf("after the update there is %v", apps)
	}
	h.facts["InstallError"] = "-2147009287"
	run(t, tree, []step{
		{syncml.Add, base + "AppInstallation/" + pfn, "", 200, ""},
		{syncml.Exec, inst, `<Application PackageUri="https://x/App_3.0.0.0_x64.appx"/>`, 202, ""},
	})
	finish("-2147009287")
	run(t, tree, []step{
		{syncml.Get, base + "AppInstallation/" + pfn + "/Status", "", 200, "2"},
		{syncml.Get, base + "AppInstallation/" + pfn + "/LastError", "", 200, "-2147009287"},
		{syncml.Get, base + "AppInstallation/" + pfn + "/LastErrorDesc", "", 200, "The installation failed."},
		{syncml.Exec, base + "AppManagement/RemovePackage", `<Package Name="Contoso.App_2.0.0.0_x64__8wekyb3d8bbwe"/>`, 200, ""},
		{syncml.Exec, base + "AppManagement/RemovePackage", `<Package Name="Contoso.App_2.0.0.0_x64__8wekyb3d8bbwe"/>`, 404, ""},
		{syncml.Add, msi + "/DownloadInstall", "", 200, ""},
		{syncml.Exec, msi + "/DownloadInstall", "<MsiInstallJob/>", 500, ""},
	})
	delete(h.facts, "InstallError")
	run(t, tree, []step{
		{syncml.Exec, msi + "/DownloadInstall", `<MsiInstallJob><Product Version="1.4"><Download><ContentURLList><ContentURL>x</ContentURL></ContentURLList></Download></Product></MsiInstallJob>`, 202, ""},
		{syncml.Get, msi + "/Status", "", 200, "50"},
	})
	finish("0")
	run(t, tree, []step{
		{syncml.Get, msi + "/Status", "", 200, "70"},
		{syncml.Get, msi + "/Version", "", 200, "1.4"},
		{syncml.Delete, msi, "", 200, ""},
		{syncml.Get, msi + "/Version", "", 404, ""},
	})
}

func TestPhone(t *testing.T) {
	h := &fakeHost{code: 200}
	tree := newTree(t, h, Options{Platform: Platform{Build: 9651, Phone: true}})
	const ent = "./Vendor/MSFT/EnterpriseAppManagement/4000000001"
	const app = ent + "/EnterpriseApps/Download/%7BB316008A-141D-4A79-810F-8B764C4CFDFB%7D"
	run(t, tree, []step{
		{syncml.Exec, "./Vendor/MSFT/RemoteLock/LockAndResetPIN", "", 200, ""},
		{syncml.Get, "./Vendor/MSFT/RemoteLock/NewPINValue", "", 200, "100001"},
		{syncml.Get, "./Vendor/MSFT/RemoteLock/Lock", "", 200, ""},
		{syncml.Get, "./Vendor/MSFT/Policy/Config", "", 404, ""},
		{syncml.Add, "./Vendor/MSFT/PolicyManager/My/WiFi/AllowWiFi", "0", 200, ""},
		{syncml.Get, "./Vendor/MSFT/PolicyManager/Device/WiFi/AllowWiFi", "", 200, "0"},
		{syncml.Delete, "./Vendor/MSFT/PolicyManager/My/WiFi", "", 200, ""},
		{syncml.Get, "./Vendor/MSFT/PolicyManager/Device/WiFi/AllowWiFi", "", 404, ""},
		{syncml.Add, "./Vendor/MSFT/DeviceLock/Provider/x/MinDevicePasswordLength", "3", 500, ""},
		{syncml.Add, "./Vendor/MSFT/DeviceLock/Provider/x/MinDevicePasswordLength", "8", 200, ""},
		{syncml.Get, "./Vendor/MSFT/DeviceLock/DeviceValue/MinDevicePasswordLength", "", 200, "8"},
		{syncml.Add, ent + "/EnrollmentToken", "t", 200, ""},
		{syncml.Exec, app + "/DownloadInstall", "", 404, ""},
		{syncml.Add, app + "/Version", "2.0.0.0", 200, ""},
		{syncml.Exec, app + "/DownloadInstall", "", 500, ""},
		{syncml.Add, app + "/URL", "https://x/app.xap", 200, ""},
		{syncml.Exec, app + "/DownloadInstall", "", 202, ""},
	})
	if done, ok := tree.Finish(context.Background(), h.jobs[0]); !ok || done.Type != "" {
		t.Errorf("%v %+v: a phone sends no alert", ok, done)
	}
	run(t, tree, []step{
		{syncml.Get, app + "/Status", "", 200, "5"},
		{syncml.Get, ent + "/EnterpriseApps/Inventory/%7BB316008A-141D-4A79-810F-8B764C4CFDFB%7D/Version", "", 200, "2.0.0.0"},
	})
	a := tree.Do(context.Background(), syncml.Get, ent+"/EnterpriseApps/Inventory?list=StructData", Value{})
	if a.Code != 200 || len(a.List) != 6 {
		t.Errorf("StructData gave %d %+v", a.Code, a.List)
	}
}

func TestScopesAndUnknown(t *testing.T) {
	h := &fakeHost{code: 200, user: true}
	tree := newTree(t, h, desktop)
	run(t, tree, []step{
		{syncml.Add, "./User/Vendor/MSFT/VPNv2/Home/NativeProfile/Servers", "vpn.example", 200, ""},
		{syncml.Get, "./User/Vendor/MSFT/VPNv2", "", 200, "Home"},
		{syncml.Get, "./Vendor/MSFT/VPNv2", "", 200, ""},
		{syncml.Get, "./User/Vendor/MSFT/RemoteWipe", "", 404, ""},
		{syncml.Replace, "./Vendor/MSFT/WiFi/Profile/net/WlanXml", "<WLANProfile>", 500, ""},
		{syncml.Replace, "./Vendor/MSFT/WiFi/Profile/net/WlanXml", "<WLANProfile/>", 200, ""},
		{syncml.Replace, "./Vendor/MSFT/VPNv2/Work/ProfileXML", "<VPNProfile><NativeProfile><Servers>a.example</Servers></NativeProfile></VPNProfile>", 200, ""},
		{syncml.Get, "./Vendor/MSFT/VPNv2/Work/NativeProfile/Servers", "", 200, "a.example"},
		{syncml.Replace, "./Vendor/MSFT/Nothing/Here", "1", 404, ""},
		{syncml.Exec, "./Vendor/MSFT/DMClient/Unenroll", "Nobody", 500, ""},
		{syncml.Exec, "./Vendor/MSFT/DMClient/Unenroll", "MS DM Server", 200, ""},
	})
	opts := desktop
	opts.AcceptUnknown = true
	run(t, newTree(t, h, opts), []step{
		{syncml.Get, "./Vendor/MSFT/Nothing/Here", "", 404, ""},
		{syncml.Replace, "./Vendor/MSFT/Nothing/Here", "1", 200, ""},
		{syncml.Get, "./Vendor/MSFT/Nothing/Here", "", 200, "1"},
		{syncml.Get, "./Vendor/MSFT/Nothing", "", 200, "Here"},
		{syncml.Exec, "./Vendor/MSFT/Nothing/Here", "", 200, ""},
		{syncml.Delete, "./Vendor/MSFT/Nothing", "", 200, ""},
		{syncml.Get, "./Vendor/MSFT/Nothing/Here", "", 404, ""},
		{syncml.Get, "./DevInfo/Nope", "", 404, ""},
	})
}

// addresses generates LocURIs, most of which exist in the descriptions.
func addresses(s *Schema) []string {
	var out []string
	for i := range s.csps {
		nodes, err := s.csps[i].Nodes()
		if err != nil {
			continue
		}
		for _, n := range nodes {
			p := n.Path
			for strings.Contains(p, "{") {
				a, b := strings.IndexByte(p, '{'), strings.IndexByte(p, '}')
				p = p[:a] + "x" + p[b+1:]
			}
			out = append(out, "./"+p, "./User/"+p)
		}
	}
	return append(out, "./Nope", "/DevInfo", "./DevInfo/*", ".", "./Vendor")
}
