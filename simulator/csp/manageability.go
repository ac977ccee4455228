package csp

import (
	"slices"
	"strings"
)

// Where CSPVersions lists a CSP. Places and versions are those of a Windows 10 1909
// that another project recorded (AADInternals, build 18363) [seen], newer versions
// those of the DDF of February 2025, and for build 26200 those of a 25H2 [seen:
// captures]. Where the DDF names another version for 18363 (VPNv2 1.3, WiFi 1.1,
// DeviceManageability 1.1, ClientCertificateInstall 1.0), the device decides.
var (
	deviceOnly = []string{"./Device/"}
	bothScopes = []string{"./Device/", "./User/"}
	everyScope = []string{"./Device/", "./User/", "./"}
	nowhere    = []string{} // a CSP that no recorded device lists
)

// manageability lists this device's CSPs (Learn, "DeviceManageability CSP"). A real
// device lists some 120; this one lists those of them that it answers for.
func manageability() CSP {
	return CSP{Name: "DeviceManageability", Version: "1.0", Newer: []Release{{Build: 17134, Version: "1.1"}, {Build: 18363, Version: "2.0"}}, lists: deviceOnly,
		tree: "manageability.tree", on: map[string]Handler{
			"Capabilities/CSPVersions": {Read: func(c *Call) string { return c.tree.schema.versions() }},
		}}
}

// versions is the value of CSPVersions: sorted, one line for each entry, as a 25H2
// writes it [seen].
func (s *Schema) versions() string {
	const own = "com.microsoft/1.1/MDM/DeviceManageability"
	var entries []string
	for i := range s.csps {
		c := &s.csps[i]
		lists := c.lists
		if lists == nil {
			lists = []string{"./"}
		}
		for _, prefix := range lists {
			entries = append(entries, entryOf(prefix+c.root, c.Version))
		}
	}
	entries = append(entries, s.baseVersions()...)
	slices.Sort(entries)
	return `<?xml version="1.0" encoding="utf-8"?>` + "\n" + `<DeviceManageability Version="` + own + `"><Capabilities><CSPVersions>` + "\n" +
		strings.Join(entries, "\n") + "\n</CSPVersions></Capabilities></DeviceManageability>"
}
