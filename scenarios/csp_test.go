package scenarios

import (
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestLawfulCommands: what lawful servers send to nodes breaks no rule.
func TestLawfulCommands(t *testing.T) {
	t.Parallel()
	for _, v := range []*variants.Variant{variants.Probes, variants.Newer, variants.Ingests, variants.Spelled, variants.Unknown, variants.Features, variants.ProfileExec} {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			l, err := lab.Start(nil, lab.Options{Seed: 1, Keys: sharedKeys, Variants: []*variants.Variant{v}})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			var remarks []string
			for _, s := range everyCommand {
				r, err := suite.Run(t.Context(), l, &s)
				if err != nil || r.Outcome != report.Passed {
					t.Errorf("%s: %s %v; saw %s", s.ID, r.Outcome, err, r.Saw)
				}
				remarks = append(remarks, r.Evidence...)
			}
			if quiet := slices.Contains([]*variants.Variant{variants.ProfileExec}, v); len(remarks) == 0 && !quiet {
				t.Error("nothing is told of what is unknown or doubtful")
			}
			t.Log(remarks)
		})
	}
}

// TestCommandsAgainstDescription holds single commands against the rules, as a recorded
// session has them.
func TestCommandsAgainstDescription(t *testing.T) {
	const policy, user = "./Device/Vendor/MSFT/Policy/Config/", "./User/Vendor/MSFT/Policy/Config/"
	const scep = "./Device/Vendor/MSFT/ClientCertificateInstall/SCEP/1/Install/"
	replace := func(uri, format, data string) syncml.Command { return hook.Command(syncml.Replace, uri, format, data) }
	in := func(verb syncml.Verb, list ...syncml.Command) syncml.Command {
		return syncml.Command{Verb: verb, Commands: list}
	}
	items := func(list ...syncml.Command) syncml.Command {
		c := list[0]
		for _, more := range list[1:] {
			c.Items = append(c.Items, more.Items...)
		}
		return c
	}
	ofCommand := func(c syncml.Command) syncml.Command { // the format stands at the command, not at its Item
		c.Meta, c.Items[0].Meta = c.Items[0].Meta, nil
		return c
	}
	for _, x := range []struct {
		what string
		c    syncml.Command
		want []string
	}{
		{"a policy", replace(policy+"Camera/AllowCamera", "int", "0"), nil},
		{"a format at the command", ofCommand(replace(policy+"Camera/AllowCamera", "chr", "0")), []string{"CSP-03"}},
		{"no format", replace(policy+"Camera/AllowCamera", "", "0"), nil},
		{"int for bool", replace("./Vendor/MSFT/VPNv2/a/RememberCredentials", "int", "1"), []string{"CSP-03"}},
		{"a node with a slash at its end", replace("./Device/Vendor/MSFT/Policy/Config/Camera/AllowCamera/", "int", "2"), []string{"CSP-04"}},
		{"case and the same mistake twice", items(replace("./vendor/msft/policy/config/CAMERA/allowcamera", "int", "2"), replace(policy+"Camera/AllowCamera", "int", "3")), []string{"CSP-04", "CSP-04"}},
		{"inside a Sequence in an Atomic", in(syncml.Atomic, in(syncml.Sequence, replace(policy+"Camera/AllowCamera", "int", "2"))), []string{"CSP-04"}},
		{"a range", replace(policy+"DeviceLock/MinDevicePasswordLength", "int", "99"), []string{"CSP-04"}},
		{"ADMX: data without id", replace(policy+"AppVirtualization/AllowAppVClient", "chr", "<enabled/><data value='1'/>"), []string{"CSP-04"}},
		{"ADMX ingested: text", replace(policy+"Example~Policy~Agent/Updates", "chr", "on"), []string{"CSP-04"}},
		{"Exec of a policy", hook.Command(syncml.Exec, policy+"Camera/AllowCamera", "", ""), []string{"CSP-02"}},
		{"Add of a node of Windows", hook.Command(syncml.Add, "./DevDetail/SwV", "chr", "1"), []string{"CSP-02"}},
		{"Replace where there is only Add", replace("./Device/Vendor/MSFT/NodeCache/a/Nodes/1/NodeURI", "chr", "./DevInfo/Lang"), nil},
		{"Replace of a Result", replace("./Device/Vendor/MSFT/Policy/Result/Camera/AllowCamera", "int", "1"), []string{"CSP-02"}},
		{"Get of what can only be executed", hook.Command(syncml.Get, "./Vendor/MSFT/Reboot/RebootNow", "", ""), nil},
		{"a device's policy of a user", replace(user+"Camera/AllowCamera", "int", "1"), []string{"CSP-05"}},
		{"a user's policy of the device", replace(policy+"ADMX_Taskbar/NoPinningToTaskbar", "chr", "<enabled/>"), []string{"CSP-05"}},
		{"a user's policy of nobody", replace("./Vendor/MSFT/Policy/Config/ADMX_Taskbar/NoPinningToTaskbar", "chr", "<enabled/>"), nil},
		{"a certificate in an Atomic", in(syncml.Atomic, hook.Command(syncml.Add, scep+"KeyLength", "int", "2048"), hook.Command(syncml.Exec, scep+"Enroll", "", "")), nil},
		{"a certificate in a Sequence", in(syncml.Sequence, hook.Command(syncml.Add, scep+"KeyLength", "int", "2048"), hook.Command(syncml.Exec, scep+"Enroll", "", "")), []string{"CSP-06", "CSP-06"}},
		{"a certificate deleted", hook.Command(syncml.Delete, "./Device/Vendor/MSFT/ClientCertificateInstall/SCEP/1", "", ""), nil},
		{"LAPS without an Atomic", hook.Command(syncml.Add, "./Device/Vendor/MSFT/LAPS/Policies/BackupDirectory", "int", "1"), nil},
		{"an access control list", replace("./DevInfo/Lang?prop=ACL", "chr", "Get=*"), nil},
		{"not a LocURI", replace("DevInfo//Lang", "chr", "en"), nil}, // of MSG-10
		{"no LocURI", replace("", "chr", "en"), nil},
		// As servers in use send them: profiles of fleetdm/fleet, samples of Learn.
		{"an MSI without format and Atomic", hook.Command(syncml.Add, "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7B6F7CB29F-1319-4816-B345-0856916EB801%7D/DownloadInstall", "", ""), nil},
		{"an app's node without format", hook.Command(syncml.Add, "./User/Vendor/MSFT/EnterpriseModernAppManagement/AppInstallation/App_8wekyb3d8bbwe", "", ""), nil},
		{"a list", replace(policy+"UserRights/AccessFromNetwork", "chr", "*S-1-5-32-544\uf000*S-1-5-32-555"), nil},
		{"an empty list", replace(policy+"UserRights/CreateToken", "chr", ""), nil},
		{"JSON", replace(policy+"Start/ConfigureStartPins", "chr", `{"pinnedList":[{"packagedAppId":"Microsoft.WindowsTerminal_8wekyb3d8bbwe!App"}]}`), nil},
		{"an ADMX file with a declaration", hook.Command(syncml.Add, "./Device/Vendor/MSFT/Policy/ConfigOperations/ADMXInstall/Chrome/Policy/file", "chr", "\n <?xml version=\"1.0\"?>\n<policyDefinitions/>"), nil},
		{"the firewall", replace("./Vendor/MSFT/Firewall/MdmStore/DomainProfile/EnableFirewall", "bool", "true"), nil},
		{"int for chr", replace(policy+"Update/TargetReleaseVersion", "int", "1"), []string{"CSP-03"}},
		{"a number for an ADMX-backed node", replace("./Device/Vendor/MSFT/BitLocker/EncryptionMethodByDriveType", "int", "7"), []string{"CSP-03", "CSP-04"}},
		{"a policy in another area", replace(policy+"WindowsDefenderApplicationGuard/ClipboardSettings", "int", "0"), nil}, // unknown
		{"what nobody knows", replace("./Vendor/MSFT/NoSuchCSP/Node", "int", "1"), nil},
		// As servers of a field test sent them.
		{"a policy without what stands before its area", replace("./Camera/AllowCamera", "int", "0"), []string{"CSP-05"}},
		{"the same of a CSP with names", replace("./VPNv2/Work/AlwaysOn", "bool", "true"), []string{"CSP-05"}},
		{"the same, asked for", hook.Command(syncml.Get, "./Camera/AllowCamera", "", ""), nil},
		{"a tree of WMI", hook.Command(syncml.Exec, "./cimv2/MDM_RemoteWipe/doWipe", "", ""), nil},
		{"an MSI as chr", hook.Command(syncml.Add, "./Device/Vendor/MSFT/EnterpriseDesktopAppManagement/MSI/%7B6F7CB29F-1319-4816-B345-0856916EB801%7D/DownloadInstall", "chr", "<MsiInstallJob id='{1}'/>"), nil},
		{"a restart planned by Exec", hook.Command(syncml.Exec, "./Device/Vendor/MSFT/Reboot/Schedule/Single", "chr", "2027-01-01T02:00:00Z"), []string{"CSP-02"}},
		{"Delete of what is only read", hook.Command(syncml.Delete, "./DevDetail/SwV", "", ""), []string{"CSP-02"}},
		{"digits for a name", replace(policy+"LocalPoliciesSecurityOptions/Accounts_RenameAdministratorAccount", "int", "12345"), []string{"CSP-03"}},
		{"ports of a VPN's filter", in(syncml.Atomic, hook.Command(syncml.Add, "./Vendor/MSFT/VPNv2/a/TrafficFilterList/3/LocalPortRanges", "", "10,20-50,100-200")), nil},
		{"a direction in other letters", replace("./Vendor/MSFT/Firewall/MdmStore/FirewallRules/a/Direction", "chr", "Out"), nil},
		{"a server that ends its management", hook.Command(syncml.Exec, "./Device/Vendor/MSFT/DMClient/Unenroll", "chr", "Example MDM"), nil},
		{"not a command for nodes", in("Put"), nil},
	} {
		var seen []string
		for _, p := range suite.Judge(everyCommand, recorded(x.c)) {
			seen = append(seen, p.Scenario.ID)
			if p.Expected == "" || !strings.Contains(p.Saw, ": ") {
				t.Errorf("%s: expected %q, saw %q", x.what, p.Expected, p.Saw)
			}
		}
		if !slices.Equal(seen, x.want) {
			t.Errorf("%s: %v, want %v", x.what, seen, x.want)
		}
	}
}

// TestChunksAreOneValue: a value in chunks is judged when it is complete, with the format
// of the first; what is left of one that breaks off is forgotten.
func TestChunksAreOneValue(t *testing.T) {
	const uri = "./Vendor/MSFT/VPNv2/a/ProfileXML"
	chunk := func(format, data string, more bool) syncml.Command {
		c := hook.Command(syncml.Add, uri, format, data)
		c.Items[0].MoreData = more
		return c
	}
	for _, x := range []struct {
		what string
		list []syncml.Command
		want int
	}{
		{"whole", []syncml.Command{chunk("xml", "<VPNProfile>", true), chunk("", "a", true), chunk("", "</VPNProfile>", false)}, 0},
		{"not XML", []syncml.Command{chunk("xml", "<VPNProfile>", true), chunk("", "</Profile>", false)}, 1},
		{"the wrong format", []syncml.Command{chunk("int", "<VPNProfile>", true), chunk("", "</VPNProfile>", false)}, 1},
		{"broken off", []syncml.Command{chunk("xml", "<VPNProfile>", true), hook.Command(syncml.Get, "./DevInfo/Lang", "", ""), chunk("xml", "<VPNProfile/>", false)}, 0},
	} {
		if got := suite.Judge(everyCommand, recorded(x.list...)); len(got) != x.want {
			t.Errorf("%s: %+v", x.what, got)
		}
	}
}

// recorded is a session in which each command comes in a message of its own.
func recorded(list ...syncml.Command) *suite.Recorded {
	r := &suite.Recorded{DeviceID: "device", ID: "1", Whole: true}
	for i := range list {
		r.Pairs = append(r.Pairs, suite.Pair{Got: &syncml.Message{Body: []syncml.Command{list[i]}, Final: true}, Ex: &dmclient.Exchange{}})
	}
	return r
}
