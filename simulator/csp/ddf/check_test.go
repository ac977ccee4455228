package ddf_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/csp/ddf"
)

const (
	policy = "./Device/Vendor/MSFT/Policy/Config/"
	vendor = "./Device/Vendor/MSFT/"
)

// TestCheck holds commands against the embedded table.
func TestCheck(t *testing.T) {
	for _, c := range []struct {
		command string // verb, LocURI, format, data, separated by a bar
		build   string
		want    string // level, rule and a part of the text; empty if nothing is wrong
	}{
		{"Replace|" + policy + "Camera/AllowCamera|int|1", "22631", ""},
		{"Replace|./Vendor/MSFT/policy/config/camera/allowcamera|int|1", "22631", ""},
		{"Replace|" + policy + "Camera/AllowCamera|int|2", "", `error value "2" is not allowed; allowed is one of 0, 1`},
		{"Replace|" + policy + "Camera/AllowCamera|chr|banana", "", `error format Format is chr; the node's format is int`},
		{"Replace|" + policy + "Camera/AllowCamera|chr|banana", "", `error value "banana" is not a value of format int`},
		{"Replace|" + policy + "Camera/AllowCamera||1", "", `warning format Meta has no Format`},
		{"Get|" + policy + "Camera/AllowCamera", "", ""},
		{"Get|./Vendor/MSFT/Policy/Result/Camera/AllowCamera", "", ""},
		{"Replace|./Vendor/MSFT/Policy/Result/Camera/AllowCamera|int|1", "", "error operation Replace is not allowed; the node takes Get"},
		{"Exec|" + policy + "Camera/AllowCamera", "", "error operation Exec is not allowed; the node takes Add, Delete, Get, Replace"},
		{"Replace|./User/Vendor/MSFT/Policy/Config/Camera/AllowCamera|int|1", "", "error scope the node is described for the device's part"},
		{"Replace|" + policy + "Camera/AllowCamra|int|1", "", "unknown unknown nothing describes this node under " + policy + "Camera"},
		{"Replace|" + policy + "NoSuchArea/NoSuchPolicy|int|1", "", "unknown unknown no DDF file has this policy"},
		{"Get|./Vendor/MSFT/NoSuchCSP/Node", "", "unknown unknown nothing describes the CSP NoSuchCSP"},
		{"Replace|" + policy + "WindowsAI/DisableAIDataAnalysis|int|1", "22631", "warning build build 22631 does not have the node; those that do: 26100"},
		{"Replace|" + policy + "WindowsAI/DisableAIDataAnalysis|int|1", "26200", ""},
		{"Replace|" + policy + "DeviceLock/MinDevicePasswordLength|int|99", "", `"99" is not allowed; allowed is a number in [4-16]`},
		{"Add|" + policy + "ADMX_Taskbar/NoPinningToTaskbar|chr|<enabled/>", "", "error scope"}, // for users only
		{"Add|./User/Vendor/MSFT/Policy/Config/ADMX_Taskbar/NoPinningToTaskbar|chr|<enabled/>", "22631", ""},
		{"Add|./User/Vendor/MSFT/Policy/Config/ADMX_Taskbar/NoPinningToTaskbar|chr|<Enabled/><Data id=\"a\" value=\"1\"/>", "", ""},
		{"Add|./User/Vendor/MSFT/Policy/Config/ADMX_Taskbar/NoPinningToTaskbar|chr|1", "", "error value the value of an ADMX-backed policy must be <enabled/> or <disabled/>, not text"},
		{"Add|./User/Vendor/MSFT/Policy/Config/ADMX_Taskbar/NoPinningToTaskbar|chr|", "", "the value is empty"},
		{"Add|./User/Vendor/MSFT/Policy/Config/ADMX_Taskbar/NoPinningToTaskbar|chr|<enabled/><disabled/>", "", "it takes one"},
		{"Add|./User/Vendor/MSFT/Policy/Config/ADMX_Taskbar/NoPinningToTaskbar|chr|<enabled><data id=\"x\"/></enabled>", "", "needs the attributes id and value"},
		{"Add|./User/Vendor/MSFT/Policy/Config/ADMX_Taskbar/NoPinningToTaskbar|chr|<data id=\"x\" value=\"1\"/>", "", "neither <enabled/> nor <disabled/>"},
		{"Add|./User/Vendor/MSFT/Policy/Config/ADMX_Taskbar/NoPinningToTaskbar|chr|<enabled", "", "it is not XML"},
		{"Add|" + policy + "Chrome~Policy~googlechrome/HomepageLocation|chr|<enabled/>", "", ""},
		{"Add|" + policy + "Chrome~Policy~googlechrome/HomepageLocation|chr|yes", "", "error value"},
		{"Add|" + vendor + "DMClient/Provider/My/Poll|int|1", "", "error format Format is int, but the node is an interior one"},
		{"Add|" + vendor + "DMClient/Provider/My/Poll|node|", "", ""},
		{"Replace|" + vendor + "DMClient/Provider/My/ForceAadToken|int|8", "", ""},
		{"Exec|./Vendor/MSFT/RemoteWipe/doWipe", "22631", ""},
		{"Exec|./Vendor/MSFT/RemoteLock/Lock", "", ""},
		{"Get|./DevInfo/DevId", "22631", ""},
		{"Get|./Vendor/MSFT/EnrollmentStatusTracking/DevicePreparation", "22631", ""}, // in no DDF file, seen on 25H2
		{"Replace|./Camera/AllowCamera|int|0", "", "error scope no part of the tree begins with ./Camera; the node is " + policy + "Camera/AllowCamera"},
		{"Get|./VPNv2/Work/AlwaysOn", "", "error scope no part of the tree begins with ./VPNv2; the node is " + vendor + "VPNv2/{ProfileName}/AlwaysOn"},
		{"Replace|./Contoso/Setting|int|0", "", "unknown unknown nothing describes this node"},
		{"Get|./cimv2/MDM_RemoteWipe/doWipe", "", "unknown unknown"},
		// Learn adds DownloadInstall without a value; a Windows 11 took its document as chr.
		{"Add|" + vendor + "EnterpriseDesktopAppManagement/MSI/%7B1%7D/DownloadInstall", "", "warning atomic"},
		{"Add|" + vendor + "EnterpriseDesktopAppManagement/MSI/%7B1%7D/DownloadInstall|chr|<MsiInstallJob/>", "", "warning format Format is chr; the DDF says xml, and the simulated device accepts both"},
		{"Add|" + vendor + "EnterpriseDesktopAppManagement/MSI/%7B1%7D/DownloadInstall|int|1", "", "error format"},
		// CSPs that Learn documents, and no DDF v2 file has.
		{"Add|./Vendor/MSFT/Update/ApprovedUpdates/%7Ba317dafe-baf4-453f-b232-a7075efae36e%7D", "19045", ""},
		{"Add|./Vendor/MSFT/Update/ApprovedUpdates/%7Ba317dafe-baf4-453f-b232-a7075efae36e%7D|chr|2027-01-01", "", "error format Format is chr, but the node is an interior one"},
		{"Get|" + vendor + "Update/InstallableUpdates", "26200", ""},
		{"Exec|" + vendor + "Update/Rollback/QualityUpdate", "16299", "warning build"},
		{"Add|" + vendor + "Accounts/Users/ann/LocalUserGroup|int|2", "22631", ""},
		{"Add|" + vendor + "Accounts/Users/ann/LocalUserGroup|int|3", "", `error value "3" is not allowed; allowed is one of 1, 2`},
		{"Replace|" + vendor + "Accounts/Domain/ComputerName|chr|PC-1", "", "error operation Replace is not allowed; the node takes Add"},
		// A description that differs from the DDF, with a document as its reason.
		{"Add|" + vendor + "VPNv2/Work/TrafficFilterList/3/LocalPortRanges|chr|10,20-50,100-200", "", "warning atomic"},
		{"Add|" + vendor + "VPNv2/Work/TrafficFilterList/3/LocalPortRanges|chr|http", "", `error value "http" is not allowed`},
		{"Add|" + vendor + "LAPS/Policies/BackupDirectory|int|1", "", "warning atomic commands for " + vendor + "LAPS/Policies need an Atomic"},
		{"Get|" + vendor + "LAPS/Policies/BackupDirectory", "", ""},
		{"Exec|" + vendor + "ClientCertificateInstall/SCEP/1/Install/Enroll", "", "error atomic commands for ./Device/Vendor/MSFT/ClientCertificateInstall/SCEP/{UniqueID} need an Atomic"},
		{"Get|" + vendor + "DMClient?list=Struct", "", ""},
		{"Get|.", "", ""},
		{"Get|/Vendor", "", "error locuri"},
		{"Get|", "", "error locuri the command has no Target/LocURI"},
		{"Copy|./DevInfo/DevId", "", `error operation "Copy" is not a command for a node`},
	} {
		t.Run(c.command+" "+c.build, func(t *testing.T) {
			parts := append(strings.Split(c.command, "|"), "", "")
			var build ddf.Build
			if c.build != "" {
				var err error
				if build, err = ddf.ParseBuild(c.build); err != nil {
					t.Fatal(err)
				}
			}
			found, err := ddf.Check(ddf.Command{Verb: parts[0], LocURI: parts[1], Format: parts[2], Data: parts[3]}, build)
			if err != nil {
				t.Fatal(err)
			}
			var said []string
			for _, f := range found {
				said = append(said, fmt.Sprintf("%s %s %s", f.Level, f.Rule, f.Text))
			}
			all := strings.Join(said, "\n")
			if c.want == "" && all != "" || !strings.Contains(all, c.want) {
				t.Errorf("found:\n%s\nwant %q", all, c.want)
			}
		})
	}
}

func TestAllowed(t *testing.T) {
	list := func(kind ddf.Kind, delimiter string, values ...string) *ddf.Allowed {
		return &ddf.Allowed{Kind: kind, Values: values, Delimiter: delimiter}
	}
	for _, c := range []struct {
		a         *ddf.Allowed
		format    csp.Format
		good, bad []string
	}{
		{nil, csp.Chr, []string{"", "x"}, nil},
		{list(ddf.None, ""), csp.Chr, []string{"", "x"}, nil},
		{list(ddf.Enum, "", "0", "1"), csp.Int, []string{"0", " 1 ", "01"}, []string{"2", "", "true"}},
		{list(ddf.Enum, "", "true", "false"), csp.Bool, []string{"True", "0"}, []string{"2"}},
		{list(ddf.Enum, "", "0", "1"), csp.Bool, []string{"true"}, []string{"yes"}},
		{list(ddf.Enum, ";", "a", "b"), csp.Chr, []string{"a", "A;b", "a;"}, []string{"a;c"}},
		{list(ddf.Flag, "", "0x0", "0x1", "0x4"), csp.Int, []string{"0", "1", "5", "0x5"}, []string{"2", "6", "x", "-1"}},
		{list(ddf.Flag, "", "0x1", "0xffffffff"), csp.Int, []string{"-1", "4294967295"}, []string{"4294967296"}},
		{list(ddf.Range, "", "[0-100]"), csp.Int, []string{"0", "100"}, []string{"-1", "101", "x", ""}},
		{list(ddf.Range, "", "[(-1)-2147483647]"), csp.Int, []string{"-1", "2147483647"}, []string{"-2"}},
		{list(ddf.Range, "", "[5]"), csp.Int, []string{"5"}, []string{"4"}},
		{list(ddf.Range, "", "[0-1],[5-6]"), csp.Int, []string{"0", "6"}, []string{"3"}},
		{list(ddf.Range, "", "odd numbers"), csp.Int, []string{"2"}, nil},
		{list(ddf.RegEx, "", "^[0-9,-]+$"), csp.Chr, []string{"1-2,3"}, []string{"a"}},
		{list(ddf.RegEx, ",", "^[0-9-]+$"), csp.Chr, []string{"1-2,3"}, []string{"1,a"}},
		{list(ddf.RegEx, "", "(?=x)"), csp.Chr, []string{"anything"}, nil},
		{list(ddf.XSD, "", "<schema/>"), csp.Chr, []string{"<a/>", `<?xml version="1.0" encoding="utf-16"?><a/>`}, []string{"", "x", "<a>"}},
		{list(ddf.JSON, ""), csp.Chr, []string{"{}"}, []string{"", "{"}},
	} {
		for _, v := range c.good {
			if err := c.a.Check(v, c.format); err != nil {
				t.Errorf("%v does not allow %q: %v", c.a, v, err)
			}
		}
		for _, v := range c.bad {
			if err := c.a.Check(v, c.format); err == nil {
				t.Errorf("%v allows %q", c.a, v)
			}
		}
	}
}

func TestBuilds(t *testing.T) {
	backported := "10.0.22000, 10.0.20348.143, 10.0.19041.906, 10.0.18362.1474"
	for _, c := range []struct {
		said, build string
		want        ddf.Presence
	}{
		{"10.0.17763", "17763", ddf.Has},
		{"10.0.17763", "17134", ddf.Lacks},
		{"10.0.17763", "22631", ddf.Has},
		{backported, "22000", ddf.Has},
		{backported, "22631.1", ddf.Has},
		{backported, "19041.905", ddf.Lacks},
		{backported, "19041.906", ddf.Has},
		{backported, "19045.3000", ddf.Has}, // the sibling of 19041
		{backported, "19045.100", ddf.Lacks},
		{backported, "19045", ddf.Has}, // with all updates
		{backported, "18363.1474", ddf.Has},
		{backported, "20000", ddf.Unsaid},
		{backported, "17763", ddf.Lacks},
		{"10.0.22621.3374", "26100", ddf.Has},
		{"10.0.22621.3374", "22631.3373", ddf.Lacks},
		{"99.9.99999", "26100", ddf.Unsaid},
		{"99.9.99999, 10.0.22621.2361", "22621", ddf.Has},
		{"88.8.88888", "26100", ddf.Unsaid},
	} {
		var n ddf.Node
		for _, s := range strings.Split(c.said, ", ") {
			b, err := ddf.ParseBuild(s)
			if err != nil {
				t.Fatal(err)
			}
			n.Builds = append(n.Builds, b)
		}
		b, err := ddf.ParseBuild(c.build)
		if err != nil {
			t.Fatal(err)
		}
		if got := n.On(b); got != c.want {
			t.Errorf("%s on %s: %d, want %d", c.said, c.build, got, c.want)
		}
	}
	for _, s := range []string{"", "x", "10.0", "10.0.1.2.3", "10.0.-1", "22631.x", "11.0.22000.1"} {
		if b, err := ddf.ParseBuild(s); err == nil && s != "10.0" {
			t.Errorf("%q is %v", s, b)
		}
	}
}

// TestEveryNodeIsFound: each node of the table is found under its own path, and takes
// what its description allows.
func TestEveryNodeIsFound(t *testing.T) {
	set, err := ddf.Facts()
	if err != nil {
		t.Fatal(err)
	}
	checker, err := ddf.NewChecker(set, ddf.Build{})
	if err != nil {
		t.Fatal(err)
	}
	nodes := set.Nodes()
	for i := range nodes {
		n := &nodes[i]
		m, err := set.Find(n.Path)
		if err != nil || m.Node != n && !strings.Contains(n.Path, "/Policy/Config/{") && !strings.Contains(n.Path, "/Policy/Result/{") {
			t.Fatalf("%s: %v, %v", n.Path, m.Node, err)
		}
		if n.Ops&csp.Get != 0 && m.Node == n {
			for _, f := range checker.Command(ddf.Command{Verb: "Get", LocURI: n.Path}) {
				if f.Rule != "name" && f.Rule != "deprecated" {
					t.Errorf("Get %s: %s", n.Path, f.Text)
				}
			}
		}
		if n.Ops&csp.Replace != 0 && n.Allowed != nil && (n.Allowed.Kind == ddf.Enum || n.Allowed.Kind == ddf.Flag) && m.Node == n {
			for _, v := range n.Allowed.Values {
				if n.Allowed.Kind == ddf.Flag && n.Format == csp.Int {
					continue // hexadecimal in the files
				}
				for _, f := range checker.Command(ddf.Command{Verb: "Replace", LocURI: n.Path, Format: string(n.Format), Data: v}) {
					if f.Rule == "value" || f.Rule == "format" || f.Rule == "operation" {
						t.Errorf("Replace %s with %q: %s", n.Path, v, f.Text)
					}
				}
			}
		}
		if n.Default != nil && *n.Default != "" && n.Ops&csp.Replace != 0 && m.Node == n && n.Allowed != nil && n.Allowed.Kind == ddf.Range {
			if err := n.Allowed.Check(*n.Default, n.Format); err != nil {
				t.Logf("the default %q of %s is not allowed by its own file: %v", *n.Default, n.Path, err)
			}
		}
	}
}

func TestNear(t *testing.T) {
	set, err := ddf.Facts()
	if err != nil {
		t.Fatal(err)
	}
	for uri, want := range map[string]string{
		"./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamra": policy + "Camera/AllowCamera",
		"./User/Vendor/MSFT/Policy/Config/Camera/AlowCamera":   policy + "Camera/AllowCamera",
		policy + "Storage/RemovableDiskDenyReadAccess":         policy + "Storage/RemovableDiskDenyWriteAccess",
		policy + "Camra/AllowCamra":                            policy + "Camera/AllowCamera",
		"./Vendor/MSFT/RequireDeviceEncryption":                vendor + "BitLocker/RequireDeviceEncryption",
		"./Vendor/MSFT/BitLocker/RequireDeviceEncrytion":       vendor + "BitLocker/RequireDeviceEncryption",
	} {
		if near := set.Near(uri); len(near) == 0 || near[0] != want {
			t.Errorf("%s: %q, want %s", uri, near, want)
		}
	}
	for _, uri := range []string{
		"./Vendor/MSFT/Xqzzyplugh",
		vendor + "Registry/HKLM/SOFTWARE/Contoso/A",   // not CertificateStore/CA
		vendor + "Accounts/Domain/ComputerNam",        // not Defender/Health/ComputerState
		vendor + "VPNv2/Work/Lockdwn",                 // not Policy/Config/LockDown
		vendor + "NoSuch/InstalledUpdates/Installing", // similar names elsewhere
	} {
		if near := set.Near(uri); near != nil {
			t.Errorf("%s: %q is near to nonsense", uri, near)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	set, err := ddf.Facts()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if m, err := set.Find("./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera"); err != nil || m.Node == nil {
			b.Fatal(err)
		}
	}
}
