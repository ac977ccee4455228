package printable

import (
	"io"
	"sync"
	"unicode/utf8"
)

// Writer escapes everything that is written through it, as Text does; so no text of
// others gets around it. Its methods may be called from several goroutines.
type Writer struct {
	w io.Writer

	mu   sync.Mutex
	edge edge
	rest []byte // the beginning of a character, whose other bytes are to come
	out  []byte
}

// NewWriter returns a Writer for a log or a file, also of JSON. For a terminal, the
// colours of dmwake itself pass.
func NewWriter(w io.Writer, terminal bool) *Writer {
	return &Writer{w: w, edge: edge{terminal: terminal}}
}

// Unwrap returns the writer behind it.
func (w *Writer) Unwrap() io.Writer { return w.w }

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := string(w.rest) + string(p)
	cut := len(s)
	for i := len(s) - 1; i >= 0 && i > len(s)-utf8.UTFMax; i-- {
		if utf8.RuneStart(s[i]) {
			if !utf8.FullRuneInString(s[i:]) {
				cut = i
			}
			break
		}
	}
	w.rest = append(w.rest[:0], s[cut:]...)
	w.out = w.edge.put(w.out[:0], s[:cut])
	if len(w.out) == 0 {
		return len(p), nil
	}
	if _, err := w.w.Write(w.out); err != nil {
		return 0, err
	}
	return len(p), nil
}
