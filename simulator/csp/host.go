package csp

import (
	"context"
	"strings"
	"time"
)

// Host is the device as its providers see it. Its methods are called while an
// operation of the tree runs and must not call the tree.
type Host interface {
	Pusher
	// Fact gives what the description calls "$name"; empty if unknown.
	Fact(name string) string
	// Now is the device's clock.
	Now() time.Time
	// UserSession tells whether the enrolled user is logged in: without one,
	// the user's part of the tree answers 405.
	UserSession() bool
	// Effect is told what a command did to the device beside the tree: what is
	// destructive happens after the session.
	Effect(Effect)
	// Decrypt opens a CMS envelope that was made for the device's client
	// certificate.
	Decrypt(cms []byte) ([]byte, error)
	// Begin starts work that ends later; the device calls Tree.Finish then.
	Begin(Job)
	// Save notes the host's own state and returns what restores it: the
	// roll-back of an Atomic.
	Save() (restore func())
}

// Pusher is the push side of the device as the DMClient CSP needs it: it
// registers a PFN with the WNS client and knows the channel that came of it.
type Pusher interface {
	// SetPFN registers pfn for the provider and gives the status of the
	// command that wrote it.
	SetPFN(c *Call, provider, pfn string) int
	// Channel gives the channel URI, empty while there is none, and the value
	// of Push/Status.
	Channel(provider string) (uri string, status int)
	// RemovePush ends push-initiated sessions of the provider.
	RemovePush(provider string)
}

// EffectKind names what a command did.
type EffectKind string

// The effects of the CSPs here.
const (
	EffectWipe     EffectKind = "wipe"      // Detail: the RemoteWipe node
	EffectLock     EffectKind = "lock"      // the screen is locked
	EffectNewPIN   EffectKind = "new PIN"   // Detail: the PIN
	EffectReboot   EffectKind = "reboot"    // after the session
	EffectUnenroll EffectKind = "unenroll"  // Detail: the provider
	EffectLocate   EffectKind = "locate"    // RemoteFind was asked
	EffectRenew    EffectKind = "renew"     // the client certificate, after the session
	EffectRemoved  EffectKind = "app gone"  // Detail: the package
	EffectRecover  EffectKind = "recover"   // DMClient/Recovery was asked
	EffectInstall  EffectKind = "installed" // Detail: an app, a profile or a certificate
)

// Effect is one of them.
type Effect struct {
	Kind   EffectKind
	Detail string
	At     time.Time
}

// Job is work a command started that ends after it: an installation, a
// certificate enrollment. It can be stored.
type Job struct {
	CSP    string // the provider that finishes it
	LocURI string // of the command that started it
	Data   string
	Due    time.Time
}

// Done is how a job ended, for the Alert 1226 that reports it (Learn,
// "Enterprise app management").
type Done struct {
	LocURI string
	Type   string // of the alert; empty for none
	Format Format
	Mark   string
	Data   string
}

// Call is what a node's handler is told about the operation, and its access to
// the tree.
type Call struct {
	context.Context //nolint:containedctx // lives as long as one operation

	Host Host
	// Names are the dynamic segments of the address, from the root down: the
	// ProviderID for ".../Provider/{ProviderID}/Push". All devices share them.
	Names []string
	// Verb is the one operation being done.
	Verb Ops
	// Exists and ParentExists tell what was there before the operation.
	Exists, ParentExists bool
	// LocURI is the address as the server wrote it.
	LocURI string
	// Format is what the server said of the value; empty if nothing.
	Format Format

	tree  *Tree
	scope Scope
	names []string // the whole address
	key   string   // what the node is stored under
}

// Value gives the value of the node rel below the node's parent: "Install" for
// a sibling, "../Status" one level up. Empty if it is not there.
func (c *Call) Value(rel string) string {
	return c.tree.read(c.Context, c.at(rel)).Data
}

// Put stores a value there, whatever operations that node allows; a node that
// takes any format gets that of the value being written.
func (c *Call) Put(rel, value string) { c.tree.put(c.scope, c.relative(rel), value, c.Format) }

// Drop removes the node there and all below it.
func (c *Call) Drop(rel string) { c.tree.drop(c.scope, c.relative(rel)) }

// List gives the names of the dynamic nodes below the node at rel.
func (c *Call) List(rel string) []string { return c.tree.list(c.scope, c.relative(rel)) }

// at is the node rel below the node's parent.
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

// Segment makes a name usable in a rel of Value and Put: it may hold a slash.
func Segment(name string) string { return strings.ReplaceAll(name, "/", "\x01") }

// Handler is what a node does beside keeping its value. A nil function leaves
// the ordinary behaviour.
type Handler struct {
	// Read answers Get in place of the stored value.
	Read func(c *Call) string
	// Write is asked before a value is stored; a status other than 2xx refuses
	// it, 202 stores it and says that work goes on.
	Write func(c *Call, value string) int
	// Run does an Exec and gives its status.
	Run func(c *Call, data string) int
	// Removed is told before the node and all below it are gone.
	Removed func(c *Call)
}
