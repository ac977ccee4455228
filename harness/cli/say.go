package cli

import (
	"fmt"
	"io"
	"os"
	"reflect"

	"github.com/dmwake/dmwake/harness/live"
	"github.com/dmwake/dmwake/harness/printable"
	"github.com/dmwake/dmwake/harness/redact"
)

// say prints a line or several. What it is given for them stays in its line and has no
// secrets: names, nodes, values and errors may be a server's own words.
func say(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, format, safe(args, shown)...)
}

// put is say for texts whose secrets are hidden, or are to be shown.
func put(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, format, safe(args, printable.Line)...)
}

// shown is a text as it may be shown, in one line.
func shown(s string) string { return printable.Line(redact.Text(s)) }

// safe applies f to the texts among the arguments.
func safe(args []any, f func(string) string) []any {
	out := make([]any, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case string:
			out[i] = f(v)
		case error:
			out[i] = f(v.Error())
		default:
			out[i] = a
			if r := reflect.ValueOf(a); r.Kind() == reflect.String {
				out[i] = f(r.String())
			}
		}
	}
	return out
}

// guarded is a stream to a person or to a log: see package printable.
func guarded(w io.Writer) io.Writer { return printable.NewWriter(w, screenOf(w) != nil) }

// onScreens puts what goes to a terminal on its screen. Two streams to one terminal have
// one screen.
func onScreens(out, errs io.Writer) (_, _ io.Writer) {
	if s := live.Open(out, file(out)); s != nil {
		out = onScreen{s, out}
	}
	switch s := screenOf(out); {
	case s != nil && sameFile(file(out), file(errs)):
		errs = onScreen{s, errs}
	default:
		if s := live.Open(errs, file(errs)); s != nil {
			errs = onScreen{s, errs}
		}
	}
	return out, errs
}

// onScreen is a stream to a terminal.
type onScreen struct {
	*live.Screen
	w io.Writer
}

// Unwrap returns the stream itself.
func (o onScreen) Unwrap() io.Writer { return o.w }

// screenOf is the terminal that a stream goes to; nil if it goes elsewhere.
func screenOf(w io.Writer) *live.Screen {
	for w != nil {
		if s, ok := w.(onScreen); ok {
			return s.Screen
		}
		w = behind(w)
	}
	return nil
}

func sameFile(a, b *os.File) bool {
	if a == nil || b == nil {
		return false
	}
	x, err := a.Stat()
	y, failed := b.Stat()
	return err == nil && failed == nil && os.SameFile(x, y)
}

// behind is the stream behind one; nil if it is the last.
func behind(w io.Writer) io.Writer {
	if u, ok := w.(interface{ Unwrap() io.Writer }); ok {
		return u.Unwrap()
	}
	return nil
}

// raw is the stream behind a guarded one, for what is no text for people: commands to a
// CI system that are dmwake's own, a file's own bytes.
func raw(w io.Writer) io.Writer {
	if b := behind(w); b != nil {
		return b
	}
	return w
}

// plain is what dmwake was given, for the output of another program.
func plain(w io.Writer) io.Writer {
	for b := behind(w); b != nil; b = behind(w) {
		w = b
	}
	return w
}

// file is the file that a stream writes to; nil if it is none.
func file(w io.Writer) *os.File {
	f, _ := plain(w).(*os.File)
	return f
}

// shown is a text without secrets, or the whole with --reveal.
func (b *bench) shown(s string) string {
	if b.f.reveal {
		return s
	}
	return redact.Text(s)
}

// value is shown for the value of a node.
func (b *bench) value(locURI, v string) string {
	if b.f.reveal {
		return v
	}
	return redact.Value(locURI, v)
}
