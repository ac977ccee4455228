// Package csp is the management tree of a simulated Windows device: rules that
// say which operations, format and scope a node has, and one file for each
// configuration service provider (CSP).
//
// Where Microsoft publishes a node's rules they come from its CSP page and
// DDF; what is our own assumption is marked as a model where it stands.
package csp

import (
	"context"
	"strconv"
	"strings"
)

// Ops is a set of operations a node allows.
type Ops uint8

// The operations of a DDF's AccessType.
const (
	Add Ops = 1 << iota
	Delete
	Exec
	Get
	Replace
)

// Format is the format of a node's value, by its name in Meta/Format.
type Format string

// The formats of OMA DM 1.2 that CSPs use.
const (
	Chr      Format = "chr"
	Int      Format = "int"
	Bool     Format = "bool"
	B64      Format = "b64"
	Null     Format = "null"
	Interior Format = "node"
)

// accepts tells whether value can be stored in a node of format f.
func (f Format) accepts(value string) bool {
	switch f {
	case Int:
		_, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		return err == nil
	case Bool:
		switch strings.ToLower(strings.TrimSpace(value)) {
		case "true", "false", "0", "1":
			return true
		}
		return false
	}
	return true
}

// Call is what a node's handler is told about the operation.
type Call struct {
	context.Context //nolint:containedctx // lives as long as one operation
	// Names are the dynamic segments of the address, from the root down: the
	// ProviderID for ".../Provider/{ProviderID}/Push".
	Names []string
	// Verb is the one operation being done.
	Verb Ops
	// Exists and ParentExists tell what was there before the operation.
	Exists, ParentExists bool
}

// Node declares one node, or one kind of node where a segment of Path is
// dynamic ("{ProviderID}"). A node whose Ops hold Add is absent until it is
// added or provisioned; any other exists as soon as its parent does.
type Node struct {
	Path   string // from the root, without "./"
	Ops    Ops
	Format Format // Interior for an interior node
	User   bool   // lives under ./User; a device session answers 405
	Value  string // what Get answers until something else is stored
	// Upsert makes Replace of an absent node create it. MS-MDM 3.1.5.1.7 asks
	// for 404; many CSPs create [seen].
	Upsert bool

	// Read answers Get in place of the stored value.
	Read func(Call) string
	// Write is asked before a value is stored; a status other than 2xx refuses
	// it, 202 stores it and says that work goes on.
	Write func(c Call, value string) int
	// Run does an Exec and gives its status.
	Run func(c Call, data string) int
	// Removed is told after the node and all below it are gone.
	Removed func(Call)
}

// CSP is one provider: its nodes and what it keeps outside the tree.
type CSP struct {
	Name  string
	Nodes []Node
	// Save, where not nil, notes the provider's own state and returns a
	// function that restores it: the roll-back of an Atomic.
	Save func() (restore func())
}
