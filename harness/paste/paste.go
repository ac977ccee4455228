// Package paste reads what people paste of a session: a Windows event log, a trace of
// SyncML Viewer, lines of a server's log, however they are encoded, escaped, prefixed,
// wrapped or cut.
package paste

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// MaxBytes bounds a log.
const MaxBytes = 64 << 20

// Log is what was found in a text.
type Log struct {
	Messages  []*Message
	Envelopes []*Envelope
	Events    []Event
	Report    []Field // of an MDMDiagReport
	Codes     []Code
	Cuts      []Cut
	// Notes say what else a reader must know, one sentence each.
	Notes []string
}

// Message is one SyncML message.
type Message struct {
	*syncml.Message
	// Raw is its XML, as it was sent, if the log kept the white space.
	Raw      []byte
	ByDevice bool
	// Line and End are its first and last line in the log, from 1.
	Line, End int
	// Cut says that its end is not in the log: it has what was there.
	Cut bool
}

// Field is a name and its value.
type Field struct {
	Name, Value string
	Line        int
}

// Code is a code in the text around the messages, as Windows writes it: 0x80180008.
type Code struct {
	Code string
	Line int
}

// Cut is a place where a message is not whole.
type Cut struct {
	Line int
	What string
}

// Load reads a file; "-" is in.
func Load(path string, in io.Reader) ([]byte, error) {
	name := path
	if path == "-" {
		name = "standard input"
	} else {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return nil, fmt.Errorf("%s is a folder; name a file in it", path)
		}
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, MaxBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case len(b) > MaxBytes:
		return nil, fmt.Errorf("%s has more than %d MiB; cut out the sessions that matter", name, MaxBytes>>20)
	}
	return b, nil
}

// Read reads a log. What it cannot read is noted; an error says that the text is no
// log at all.
func Read(b []byte) (*Log, error) {
	t, err := decode(b)
	if err != nil {
		return nil, err
	}
	l := &Log{}
	places := l.documents(t.text)
	rest := without(t.text, places)
	l.events(rest)
	l.report(rest)
	l.codes(rest)
	l.order()
	return l, nil
}

// Empty reports whether nothing was found.
func (l *Log) Empty() bool {
	return len(l.Messages) == 0 && len(l.Envelopes) == 0 && len(l.Events) == 0 && len(l.Report) == 0 && len(l.Codes) == 0 && len(l.Cuts) == 0
}

func (l *Log) order() {
	slices.SortStableFunc(l.Events, func(a, b Event) int { return a.Line - b.Line })
	slices.SortStableFunc(l.Codes, func(a, b Code) int { return a.Line - b.Line })
	slices.SortStableFunc(l.Cuts, func(a, b Cut) int { return a.Line - b.Line })
}

func (l *Log) note(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(l.Notes, s) && len(l.Notes) < 100 {
		l.Notes = append(l.Notes, s)
	}
}
