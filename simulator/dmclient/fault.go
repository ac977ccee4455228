package dmclient

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// Fault makes a device misbehave. It implements one or more of the interfaces
// below. Package faults has misbehaviour seen on real devices, and some that
// servers must survive.
type Fault interface {
	// Fault describes it in a few words.
	Fault() string
}

// Answerer answers a command with a status instead of executing it; ok is false
// if the fault does not apply.
type Answerer interface {
	Answer(verb syncml.Verb, locURI string) (code int, ok bool)
}

// Rewriter changes a message on its way out. n counts the session's messages
// from 1.
type Rewriter interface {
	Rewrite(m *syncml.Message, n int)
}

// Scrambler changes the bytes of a message on its way out.
type Scrambler interface {
	Scramble(body []byte, n int) []byte
}

// Gate is called before each message is sent. An error ends the session:
// ErrStop like a power loss, ErrAbort by Alert 1223.
type Gate interface {
	Gate(ctx context.Context, c Clock, n int) error
}

// Impostor changes the options of every session.
type Impostor interface {
	Impersonate(o *SyncOptions)
}

// Factual changes facts of the device; see csp.Host.
type Factual interface {
	Fact(name string) (value string, ok bool)
}

// Noncer changes the nonce a digest is made with.
type Noncer interface {
	Nonce(nonce []byte) []byte
}

// RollbackFailer makes an Atomic's roll-back fail with 516.
type RollbackFailer interface {
	RollbackFails() bool
}

// How a Gate ends a session.
var (
	ErrStop  = errors.New("the device stopped in the middle of the session")
	ErrAbort = errors.New("the device aborted the session (Alert 1223)")
)

// AnswerWith answers one kind of command on one node with a fixed status, like
// a device with a bug or a policy.
type AnswerWith struct {
	Verb   syncml.Verb // empty: any
	Suffix string      // of the LocURI, case ignored
	Code   int
	// Times bounds how often it applies; 0 means always.
	Times int64

	used atomic.Int64
}

// Fault implements Fault.
func (f *AnswerWith) Fault() string { return "answers a command with a given status" }

// Answer implements Answerer.
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

// each calls f for every fault that is a T.
func each[T any](d *Device, f func(T)) {
	for _, k := range d.faults() {
		if t, ok := k.(T); ok {
			f(t)
		}
	}
}

// AddFault makes the device misbehave from now on.
func (d *Device) AddFault(f Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cfg.Faults = append(slices.Clone(d.cfg.Faults), f)
}

// ClearFaults removes all faults.
func (d *Device) ClearFaults() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cfg.Faults = nil
}

func (d *Device) faults() []Fault {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cfg.Faults // replaced, never changed
}
