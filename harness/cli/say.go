package cli

import (
	"fmt"
	"io"
	"os"
	"reflect"

	"golang.org/x/term"

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
func guarded(w io.Writer) io.Writer {
	return printable.NewWriter(w, file(w) != nil && term.IsTerminal(int(file(w).Fd())))
}

// raw is the stream behind a guarded one, for what is no text for people: commands to a
// CI system that are dmwake's own, the output of another program, a file's own bytes.
func raw(w io.Writer) io.Writer {
	if g, ok := w.(interface{ Unwrap() io.Writer }); ok {
		return g.Unwrap()
	}
	return w
}

// file is the file that a stream writes to; nil if it is none.
func file(w io.Writer) *os.File {
	f, _ := raw(w).(*os.File)
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
