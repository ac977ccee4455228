package dmclient

import (
	"strings"
	"sync/atomic"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// Fault makes a device misbehave while it executes commands.
type Fault interface {
	// Answer gives the status of a command in place of executing it; ok is
	// false where the fault does not apply.
	Answer(verb syncml.Verb, locURI string) (code int, ok bool)
}

// AnswerWith answers a status for one kind of command on one node, as a device
// with a bug or a policy would.
type AnswerWith struct {
	Verb   syncml.Verb // empty: any
	Suffix string      // of the LocURI, case ignored
	Code   int
	// Times bounds how often it applies; 0 means always.
	Times int64

	used atomic.Int64
}

// Answer implements Fault.
func (f *AnswerWith) Answer(verb syncml.Verb, locURI string) (int, bool) {
	if f.Verb != "" && f.Verb != verb || !hasSuffixFold(locURI, f.Suffix) {
		return 0, false
	}
	if f.Times > 0 && f.used.Add(1) > f.Times {
		return 0, false
	}
	return f.Code, true
}

func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}
