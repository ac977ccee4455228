package csp

import (
	"strings"

	"github.com/beevik/etree"
)

// document checks that v is a single well-formed XML element called root.
func document(v, root string) *etree.Element {
	doc := etree.NewDocument()
	if err := doc.ReadFromString(v); err != nil || doc.Root() == nil || !strings.EqualFold(doc.Root().Tag, root) {
		return nil
	}
	return doc.Root()
}

// vpn stores VPN profiles. An invalid ProfileXML fails the command [model].
func vpn() CSP {
	kindOf := func(id string) string {
		switch {
		case id == "":
			return ""
		case strings.ContainsAny(id, `\/:`):
			return "FilePath"
		}
		return "PackageFamilyName"
	}
	app := Handler{Read: func(c *Call) string { return kindOf(c.Value("Id")) }}
	return CSP{Name: "VPNv2", Version: "1.0", lists: everyScope, tree: "vpnv2.tree", on: map[string]Handler{
		"{ProfileName}/ProfileXML": {Write: func(c *Call, v string) int {
			root := document(v, "VPNProfile")
			if root == nil {
				return 500
			}
			if servers := root.FindElement("NativeProfile/Servers"); servers != nil {
				c.Put("NativeProfile/Servers", strings.TrimSpace(servers.Text()))
			}
			return 200
		}},
		"{ProfileName}/AppTriggerList/{appTriggerRowId}/App/Type":    app,
		"{ProfileName}/TrafficFilterList/{trafficFilterId}/App/Type": app,
		"{ProfileName}/DomainNameInformationList/{dniRowId}/DomainNameType": {Read: func(c *Call) string {
			switch name := c.Value("DomainName"); {
			case name == "":
				return ""
			case name[0] == '.':
				return "Suffix"
			}
			return "FQDN"
		}},
	}}
}

// wifi stores wireless networks. An invalid WlanXml fails the command [model].
func wifi() CSP {
	return CSP{Name: "WiFi", Version: "1.0", lists: []string{"./User/", "./"}, tree: "wifi.tree", on: map[string]Handler{
		"Profile/{SSID}/WlanXml": {Write: func(_ *Call, v string) int {
			if document(v, "WLANProfile") == nil {
				return 500
			}
			return 200
		}},
	}}
}
