package syncml

import (
	"bytes"
	"errors"
	"fmt"
)

// Limits bound what Read accepts from the network. A zero field means its
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

// Errors of Read, one per limit and kind of damage.
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

// scan checks size, depth and the absence of a DTD before a document is built.
// A hostile message then costs one pass over its bytes and no memory. The
// parser checks well-formedness.
func (l Limits) scan(b []byte) error {
	depth := 0
	for {
		i := bytes.IndexByte(b, '<')
		if i < 0 || i+1 >= len(b) {
			return nil
		}
		b = b[i+1:]
		switch b[0] {
		case '/':
			depth--
		case '?':
			b = after(b, "?>")
			continue
		case '!':
			switch {
			case bytes.HasPrefix(b, []byte("!--")):
				b = after(b, "-->")
			case bytes.HasPrefix(b, []byte("![CDATA[")):
				b = after(b, "]]>")
			default:
				return ErrDTD
			}
			continue
		default:
			end := tagEnd(b)
			if end < 0 {
				return nil // truncated: the parser says so
			}
			if b[end-1] != '/' {
				if depth++; depth > l.Depth {
					return fmt.Errorf("%w: more than %d levels", ErrTooDeep, l.Depth)
				}
			}
			b = b[end:]
		}
	}
}

func after(b []byte, mark string) []byte {
	if i := bytes.Index(b, []byte(mark)); i >= 0 {
		return b[i+len(mark):]
	}
	return nil
}

// tagEnd is the index of the '>' that closes the tag at the start of b, outside
// attribute values; -1 if the tag is not closed.
func tagEnd(b []byte) int {
	var quote byte
	for i := 1; i < len(b); i++ {
		switch c := b[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i
		}
	}
	return -1
}
