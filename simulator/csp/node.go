// Package csp is the management tree of a simulated Windows device. A file under
// trees describes each configuration service provider (CSP), node by node:
// operations, format, occurrence, scope, default and allowed values. A small Go file
// has everything a provider does besides storing values.
//
// A node's rules come from its CSP page and DDF if Microsoft publishes them; our own
// assumptions are marked as a model.
package csp

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// Ops is a set of operations.
type Ops uint8

// The operations of a DDF's AccessType.
const (
	Add Ops = 1 << iota
	Delete
	Exec
	Get
	Replace
)

func (o Ops) String() string {
	var names []string
	for i, n := range []string{"Add", "Delete", "Exec", "Get", "Replace"} {
		if o&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return strings.Join(names, ", ")
}

// Format is the format of a node's value, as in Meta/Format.
type Format string

// The formats of OMA DM 1.2 that CSPs use; no CSP has float yet. Any accepts every format and keeps the
// server's.
const (
	Chr      Format = "chr"
	Int      Format = "int"
	Bool     Format = "bool"
	B64      Format = "b64"
	Bin      Format = "bin"
	XML      Format = "xml"
	Float    Format = "float"
	Time     Format = "time"
	Null     Format = "null"
	Interior Format = "node"
	Any      Format = "any"
)

// Takes reports whether a server may send another format for a node of format f:
// documents and base64 come as chr, or in their own format.
func (f Format) Takes(sent Format) bool {
	switch {
	case sent == f, f == Any && sent != Interior:
		return true
	case f == Chr:
		return sent == XML || sent == B64
	case f == B64, f == Bin:
		return sent == Chr || sent == B64 || sent == Bin
	}
	return false
}

// Accepts reports whether value can be stored in a node of format f.
func (f Format) Accepts(value string) bool {
	switch f {
	case Int:
		_, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		return err == nil
	case Float:
		_, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		return err == nil
	case Bool:
		switch strings.ToLower(strings.TrimSpace(value)) {
		case "true", "false", "0", "1":
			return true
		}
		return false
	case B64, Bin:
		_, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(value), ""))
		return err == nil
	}
	return true
}

// Occurrence says how often a node occurs under its parent.
type Occurrence int

// The occurrences of a DDF. One exists whenever its parent does, the others once they
// are added or provisioned.
const (
	One Occurrence = iota
	ZeroOrOne
	ZeroOrMore
)

// Scope says which part of the tree a node belongs to.
type Scope int

// The scopes of a node and of a LocURI: "./Device/..." and "./Vendor/..." are
// the device's, "./User/..." is the user's (Learn, "OMA DM protocol support").
const (
	DeviceScope Scope = iota
	UserScope
	BothScopes
)

// Naming is who names a dynamic node (DDF v2, DynamicNodeNaming).
type Naming string

// The namings. A description that says nothing leaves it open.
const (
	ByServer    Naming = "UniqueName"
	ByDevice    Naming = "ServerGeneratedUniqueIdentifier"
	ByInventory Naming = "ClientInventory"
)

// Values checks a value where a list or a range is not enough: a combination of flags,
// an expression, a list with a delimiter, a document. The error says what is allowed.
type Values interface {
	Check(value string, f Format) error
}

// Node is one node of a description, or one kind of node if its name is dynamic
// ("{ProviderID}").
type Node struct {
	Path       string // from the root, without "./"
	Ops        Ops
	Format     Format
	Occurs     Occurrence
	Scope      Scope
	Default    string // "$Name" is a fact of the device
	Allowed    []string
	Min, Max   int64 // of an int, if Ranged
	Ranged     bool
	Values     Values // what else is checked of a value, or of the name if the node is dynamic
	Naming     Naming // of a dynamic node
	Atomic     bool   // the DDF requires an Atomic around commands for it and what is below
	Present    bool   // exists in the device's part from the start, whatever Occurs says
	Also       Format // a second format that servers may send
	Implied    bool   // exists by its default, and can be added while nothing is stored
	Upsert     bool   // Replace of an absent node creates it [seen]; MS-MDM 3.1.5.1.7 requires 404
	Since      int    // the first Windows build with the node
	Builds     Builds // the builds with the node and their backports; in place of Since if set
	Phone      bool   // phones only
	Desktop    bool   // desktops only
	OnDesktop  int    // the first Windows build with the node on desktops, if phones had it earlier
	User       *Node  // the node of the user's part, if it is described otherwise there
	handler    Handler
	gate       func(*Call) int // of its CSP
	registered string          // the CSP it belongs to
}

// Dynamic reports whether the server or device chooses the node's name.
func (n *Node) Dynamic() bool { return strings.HasSuffix(n.Path, "}") }

// On reports whether a platform has the node.
func (n *Node) On(p Platform) bool {
	if len(n.Builds) > 0 && n.Builds.On(Build{p.Build, p.Revision}) != Has {
		return false
	}
	return n.Since <= p.Build && (!n.Phone || p.Phone) && (!n.Desktop || !p.Phone) && (n.OnDesktop <= p.Build || p.Phone)
}

// in is the node as a scope sees it.
func (n *Node) in(s Scope) *Node {
	if n != nil && s == UserScope && n.User != nil {
		return n.User
	}
	return n
}

// valid reports whether the description allows value.
func (n *Node) valid(value string) bool {
	if n.Values != nil && n.Values.Check(value, n.Format) != nil {
		return false
	}
	if n.Ranged {
		v, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		return err == nil && v >= n.Min && v <= n.Max
	}
	if len(n.Allowed) == 0 {
		return true
	}
	for _, a := range n.Allowed {
		if strings.EqualFold(a, strings.TrimSpace(value)) {
			return true
		}
	}
	return false
}
