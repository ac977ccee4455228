// Package ddf knows every configuration service provider (CSP) that Microsoft
// describes in its device description framework files, DDF v2 (Learn, "Configuration
// service provider DDF files"): Read reads such files, Facts is an embedded table of
// what they say, and Set.Check holds a server's command against it.
package ddf

import (
	"strings"

	"github.com/dmwake/dmwake/simulator/csp"
)

// Node is one node of a DDF file, or one kind of node if its name is dynamic.
type Node struct {
	// Path is the address as published, "./Device/Vendor/MSFT/BitLocker"; a dynamic
	// name is in braces, "{ProviderID}", or "{}" if the file names it nowhere.
	Path   string     `json:"path"`
	Scope  csp.Scope  `json:"-"`
	Ops    csp.Ops    `json:"-"`
	Format csp.Format `json:"format"`
	// Occurs is OMA's occurrence: One, ZeroOrOne, ZeroOrMore, OneOrMore, ZeroOrN or
	// OneOrN. It does not say whether a node is there from the start.
	Occurs string `json:"occurs,omitempty"`
	// Permanent is the DDF's Scope: the node is part of Windows, nobody adds it.
	Permanent bool   `json:"permanent,omitempty"`
	Type      string `json:"type,omitempty"` // MIME type, or "DDFName" for an interior node with a description of its own
	// Naming says who names a dynamic node: "UniqueName" (the server),
	// "ServerGeneratedUniqueIdentifier" or "ClientInventory" (the device).
	Naming      string     `json:"naming,omitempty"`
	Default     *string    `json:"default,omitempty"`
	Allowed     *Allowed   `json:"allowed,omitempty"`
	Atomic      bool       `json:"atomicRequired,omitempty"` // only inside an Atomic
	Builds      csp.Builds `json:"builds,omitempty"`         // Applicability/OsBuildVersion, its own or its parent's
	CSPVersion  string     `json:"cspVersion,omitempty"`
	Editions    string     `json:"editions,omitempty"` // numbers of GetProductInfo, "0x4;0x1B;"
	Deprecated  bool       `json:"deprecated,omitempty"`
	DeprecatedB Build      `json:"deprecatedBuild,omitzero"` // the build that deprecates it, if named
	Conflict    string     `json:"conflict,omitempty"`       // which of two sources' values wins: "LastWrite"
	Reboot      string     `json:"reboot,omitempty"`         // Automatic, ServerInitiated
	Replace     string     `json:"replace,omitempty"`        // ReplaceBehavior; in the schema, used by no file of 2025-02
	CaseSense   string     `json:"caseSense,omitempty"`      // CS or CIS
	Depends     []Group    `json:"depends,omitempty"`
	// Title, Description and GroupPolicy are texts. The embedded table has none of
	// them, except for the titles that name dynamic nodes.
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	GroupPolicy string `json:"groupPolicy,omitempty"`
	// File is the DDF file, or the description under simulator/csp/trees.
	File string `json:"file,omitempty"`
	// Also is a second format that Windows was seen to take, by the simulated device's
	// description.
	Also csp.Format `json:"-"`
	// Own is set for a node of the simulated device that no DDF file describes.
	Own bool `json:"own,omitempty"`
}

// Group is a DependencyGroup: while every Dependency holds, the node has an effect,
// and the values of Changed, if any, are the allowed ones.
type Group struct {
	On      []Dependency `json:"on"`
	Changed *Allowed     `json:"changed,omitempty"`
}

// Dependency is a condition on another node. Not negates it.
type Dependency struct {
	URI     string   `json:"uri"`
	Not     bool     `json:"not,omitempty"`
	Allowed *Allowed `json:"allowed,omitempty"`
}

// Name is the last name of the path.
func (n *Node) Name() string { return n.Path[strings.LastIndexByte(n.Path, '/')+1:] }

// Dynamic reports whether the server or the device chooses the node's name.
func (n *Node) Dynamic() bool { return strings.HasSuffix(n.Path, "}") }

// Interior reports whether the node has children and no value.
func (n *Node) Interior() bool { return n.Format == csp.Interior }

// names are the names from the root down, without the scope, and the scope.
func names(path string) ([]string, csp.Scope) {
	parts := strings.Split(strings.TrimPrefix(path, "./"), "/")
	if len(parts) > 1 {
		switch {
		case strings.EqualFold(parts[0], "Device"):
			return parts[1:], csp.DeviceScope
		case strings.EqualFold(parts[0], "User"):
			return parts[1:], csp.UserScope
		}
	}
	return parts, csp.DeviceScope
}

// ScopeOf is the scope of a published path: "./Device/..." and "./Vendor/..." are the
// device's.
func ScopeOf(path string) csp.Scope {
	_, s := names(path)
	return s
}

// Area is what the node belongs to: "BitLocker", or "Policy/Camera" for a policy.
func (n *Node) Area() string {
	list, _ := names(n.Path)
	if len(list) > 2 && strings.EqualFold(list[0], "Vendor") {
		list = list[2:]
	}
	if len(list) > 2 && strings.EqualFold(list[0], "Policy") && strings.EqualFold(list[1], "Config") && !strings.HasPrefix(list[2], "{") {
		return "Policy/" + list[2]
	}
	return list[0]
}
