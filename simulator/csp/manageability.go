package csp

import "strings"

// manageability lists this device's CSPs (Learn, "DeviceManageability CSP").
func manageability() CSP {
	const own = "com.microsoft/1.1/MDM/DeviceManageability"
	return CSP{Name: "DeviceManageability", Version: "1.1", tree: "manageability.tree", on: map[string]Handler{
		"Capabilities/CSPVersions": {Read: func(c *Call) string {
			var b strings.Builder
			b.WriteString(`<?xml version="1.0" encoding="utf-8"?><DeviceManageability Version="` + own + `"><Capabilities><CSPVersions>`)
			for i := range c.tree.schema.csps {
				k := &c.tree.schema.csps[i]
				nodes, err := k.Nodes()
				if err != nil {
					continue
				}
				b.WriteString(`<CSP Node="./` + nodes[0].Path + `" Version="` + k.Version + `"/>`)
			}
			b.WriteString(`</CSPVersions></Capabilities></DeviceManageability>`)
			return b.String()
		}},
	}}
}
