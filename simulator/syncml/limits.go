package syncml

import "errors"

// Limits bound what Read takes from the network. A zero field means its
// default.
type Limits struct {
	Bytes    int // of the whole message, default 1 MiB
	Depth    int // of nested elements, default 32
	Commands int // in the whole message, nested ones included, default 2,000
}

// The defaults: a real session message has under 10 KB, 8 levels and 100
// commands.
const (
	DefaultBytes    = 1 << 20
	DefaultDepth    = 32
	DefaultCommands = 2000
)

// What Read refuses, one error per limit and kind of damage.
var (
	ErrTooLarge        = errors.New("message too large")
	ErrTooDeep         = errors.New("elements nested too deep")
	ErrTooManyCommands = errors.New("too many commands")
	ErrDTD             = errors.New("a document type declaration is not allowed")
	ErrEmpty           = errors.New("empty message")
	ErrNotXML          = errors.New("not well-formed XML")
	ErrNotSyncML       = errors.New("not a SyncML message")
)

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = DefaultBytes
	}
	if l.Depth <= 0 {
		l.Depth = DefaultDepth
	}
	if l.Commands <= 0 {
		l.Commands = DefaultCommands
	}
	return l
}
