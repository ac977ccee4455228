package csp

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// Host is the device as its providers see it. Its methods are called during an
// operation of the tree, and must not call the tree.
type Host interface {
	Pusher
	// Fact returns the value of "$name" in a description; empty if unknown.
	Fact(name string) string
	// Now returns the device's time.
	Now() time.Time
	// UserSession reports whether the enrolled user is logged in. If not, the user's
	// part of the tree answers 405.
	UserSession() bool
	// Effect receives effects of a command outside the tree; destructive ones happen
	// after the session.
	Effect(Effect)
	// Decrypt opens a CMS envelope made for the device's client certificate.
	Decrypt(cms []byte) ([]byte, error)
	// Begin starts work that ends later, when the device calls Tree.Finish.
	Begin(Job)
	// Save saves the host's own state and returns a function that restores it, for the
	// rollback of an Atomic.
	Save() (restore func())
}

// Pusher is the push side of the device for the DMClient CSP: it registers a PFN with
// the WNS client and knows the resulting channel.
type Pusher interface {
	// SetPFN registers pfn for the provider and returns the status for the command that
	// wrote it.
	SetPFN(c *Call, provider, pfn string) int
	// Channel returns the channel URI, empty if there is none, and the value of
	// Push/Status.
	Channel(provider string) (uri string, status int)
	// RemovePush ends push-initiated sessions of the provider.
	RemovePush(provider string)
}

// EffectKind names an effect of a command.
type EffectKind string

// The effects of these CSPs.
const (
	EffectWipe     EffectKind = "wipe"      // Detail: the RemoteWipe node
	EffectNotWiped EffectKind = "not wiped" // Detail: the RemoteWipe node of a wipe that was rolled back
	EffectLock     EffectKind = "lock"      // the screen is locked
	EffectNewPIN   EffectKind = "new PIN"   // Detail: the PIN
	EffectReboot   EffectKind = "reboot"    // after the session
	EffectUnenroll EffectKind = "unenroll"  // Detail: the provider
	EffectLocate   EffectKind = "locate"    // by RemoteFind
	EffectRenew    EffectKind = "renew"     // the client certificate, after the session
	EffectRemoved  EffectKind = "app gone"  // Detail: the package
	EffectRecover  EffectKind = "recover"   // by DMClient/Recovery
	EffectInstall  EffectKind = "installed" // Detail: an app, a profile or a certificate
	EffectLink     EffectKind = "link"      // Detail: the discovery endpoint of the linked enrollment
	EffectUnlink   EffectKind = "unlink"    // the end of the linked enrollment
)

// Effect is one effect of a command.
type Effect struct {
	Kind   EffectKind
	Detail string
	At     time.Time
}

// Job is work that a command started and that continues after it: an installation, a
// certificate enrollment. It can be stored.
type Job struct {
	CSP    string // the provider that finishes it
	LocURI string // of the command that started it
	Data   string
	Due    time.Time
}

// Done is the result of a job, for the Alert 1226 that reports it (Learn, "Enterprise
// app management").
type Done struct {
	LocURI string
	Type   string // of the alert; empty for none
	Format Format
	Mark   string
	Data   string
}

// Call describes an operation to a node's handler, and gives it access to the tree.
type Call struct {
	context.Context //nolint:containedctx // lives as long as one operation

	Host Host
	// Names are the dynamic segments of the address, from the root down: the
	// ProviderID for ".../Provider/{ProviderID}/Push". All devices share them.
	Names []string
	// Verb is the operation.
	Verb Ops
	// Exists and ParentExists describe the tree before the operation.
	Exists, ParentExists bool
	// LocURI is the address as the server wrote it.
	LocURI string
	// Format is the server's format of the value; empty if it sent none.
	Format Format
	// Err is the HRESULT behind a refusal, if a handler knows it.
	Err string

	tree  *Tree
	scope Scope
	names []string // the whole address
	key   string   // under which the node is stored
}

// Value returns the value of the node at rel, relative to the node's parent:
// "Install" for a sibling, "../Status" one level up. It is empty if the node does not
// exist.
func (c *Call) Value(rel string) string {
	return c.tree.read(c.Context, c.at(rel)).Data
}

// number returns the stored int at rel, or the fallback if there is none.
func (c *Call) number(rel string, fallback int) int {
	if n, err := strconv.Atoi(strings.TrimSpace(c.stored(rel))); err == nil {
		return n
	}
	return fallback
}

// Put stores a value at rel, whatever operations that node allows. A node of any
// format gets the format of the value being written.
func (c *Call) Put(rel, value string) { c.tree.put(c.scope, c.relative(rel), value, c.Format) }

// Drop removes the node at rel and everything below it.
func (c *Call) Drop(rel string) { c.tree.drop(c.scope, c.relative(rel)) }

// List returns the names of the dynamic nodes below the node at rel.
func (c *Call) List(rel string) []string { return c.tree.list(c.scope, c.relative(rel)) }

// at returns the node at rel, relative to the node's parent.
func (c *Call) at(rel string) *address { return c.tree.schema.locate(Path{c.scope, c.relative(rel)}) }

func (c *Call) relative(rel string) []string {
	at := append([]string(nil), c.names[:len(c.names)-1]...)
	for _, s := range strings.Split(rel, "/") {
		switch s {
		case "..":
			at = at[:len(at)-1]
		case ".", "":
		default:
			at = append(at, strings.ReplaceAll(s, "\x01", "/"))
		}
	}
	return at
}

// Segment escapes a name, which may contain a slash, for use in rel.
func Segment(name string) string { return strings.ReplaceAll(name, "/", "\x01") }

// Handler is what a node does besides storing its value. A nil function keeps the
// default behaviour.
type Handler struct {
	// Known reports whether the device knows a node whose name the description leaves
	// open; without it every operation answers 404.
	Known func(c *Call) bool
	// Read answers Get instead of the stored value.
	Read func(c *Call) string
	// Write is called before a value is stored. A status other than 2xx rejects the
	// value; 202 stores it and says that work continues.
	Write func(c *Call, value string) int
	// Locked reports that a server may not change the node now: 405.
	Locked func(c *Call) bool
	// Run performs an Exec and returns its status.
	Run func(c *Call, data string) int
	// Removed is called before the node and everything below it are removed.
	Removed func(c *Call)
}
