package variants

import (
	"strings"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

const (
	config = "/Vendor/MSFT/Policy/Config/"
	admx   = "./Device/Vendor/MSFT/Policy/ConfigOperations/ADMXInstall/Example/Policy/example"
)

// Variants of nodes, formats and values, which a suite may take for mistakes.
var (
	Probes = &Variant{Name: "csp-probes", Does: "finds out by Get what a device has, also what its build, its part of the tree or the operations of a node do not have, and tidies up in both parts", Seen: "OMA DM RepPro 1.2.1 section 10, 404 and 405: a device says so", Vary: toNew(
		hook.Command(syncml.Get, "./Device"+config+"WindowsAI/DisableAIDataAnalysis", "", ""),
		hook.Command(syncml.Get, "./Device"+config+"ADMX_Taskbar/NoPinningToTaskbar", "", ""),
		hook.Command(syncml.Get, "./Device"+config+"Camera/AllowKamera", "", ""),
		hook.Command(syncml.Get, "./Device/Vendor/MSFT/RemoteWipe/doWipe", "", ""),
		hook.Command(syncml.Get, "./Vendor/MSFT/Firewall/MdmStore/DomainProfile/EnableFirewall", "", ""),
		hook.Command(syncml.Delete, "./Device"+config+"ADMX_Taskbar/NoPinningToTaskbar", "", ""),
	)}
	Newer = &Variant{Name: "csp-newer", Does: "sets policies and nodes that Microsoft described after February 2025", Seen: "the DDF files are of February 2025; Windows gets new policies every month", Vary: toNew(
		hook.Command(syncml.Replace, "./Device"+config+"WindowsAI/PolicyOfTomorrow", "int", "7"),
		hook.Command(syncml.Replace, "./Device"+config+"AreaOfTomorrow/Policy", "chr", "on"),
		hook.Command(syncml.Add, "./Device/Vendor/MSFT/CSPOfTomorrow/Rules/1", "node", ""),
		hook.Command(syncml.Exec, "./Device/Vendor/MSFT/BitLocker/NodeOfTomorrow", "", ""),
	)}
	Ingests = &Variant{Name: "csp-ingests", Does: "ingests an ADMX file, by Replace where DDF lists Add alone, and sets its policy", Seen: "Learn, \"Win32 and Desktop Bridge app ADMX policy ingestion\"; devices take a Replace (simulator/csp/trees)", Vary: toNew(
		hook.Command(syncml.Replace, admx, "chr", `<policyDefinitions revision="1.0" schemaVersion="1.0"/>`),
		hook.Command(syncml.Replace, "./Device"+config+"Example~Policy~Agent/Updates", "chr", `<enabled/><data id="Interval" value="5"/>`),
		hook.Command(syncml.Replace, "./User"+config+"Example~Policy~Agent~More/Sounds", "chr", "<disabled/>"),
	)}
	Spelled = &Variant{Name: "csp-spelled", Does: "writes LocURIs without ./Device, in other case and with encoded names, formats in their other forms, and values with blanks around them", Seen: "Learn, \"OMA DM protocol support\"; OMA DM Tree and Description 1.2.1: chr is the default format", Vary: toNew(
		hook.Command(syncml.Replace, "./vendor/msft/POLICY/config/camera/allowcamera", "int", " 1 "),
		hook.Command(syncml.Replace, "./Vendor/MSFT/VPNv2/Our%20office%20%28east%29/RememberCredentials", "bool", "1"),
		hook.Command(syncml.Replace, "./Vendor/MSFT/VPNv2/Our%20office%20%28east%29/ProfileXML", "xml", "<VPNProfile/>"),
		hook.Command(syncml.Replace, "./Device"+config+"AppVirtualization/AllowAppVClient", "", "<Enabled/>"),
		hook.Command(syncml.Replace, "./Vendor/MSFT/Policy/Config/ADMX_Taskbar/NoPinningToTaskbar", "chr", "<enabled></enabled>"),
	)}
)

var nodes = []*Variant{Probes, Newer, Ingests, Spelled}

// toNew sends commands in the first session of each device, and those for a user to no
// joined device that shows no user's token (Learn, "Microsoft Entra integration with
// MDM", Multiple user management).
func toNew(list ...syncml.Command) func(*mdmserver.Config) {
	return func(c *mdmserver.Config) {
		everySession(c, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			if v.Device.Sessions > 1 {
				return
			}
			userless := v.Device.EnrollmentType == "Device" && v.Device.Directory != "" && v.Device.User == ""
			for _, k := range list {
				if userless && strings.HasPrefix(k.Items[0].Target.LocURI, "./User/") {
					continue
				}
				r.Plan = append(r.Plan, mdmserver.Planned{Command: k, Sent: &mdmserver.Sent{Purpose: mdmserver.ForPush}})
			}
		})
	}
}
