// Package live writes to a terminal: text that scrolls, wrapped between words, and below
// it a few lines that are drawn again, such as a status or a table. It needs no raw mode
// and no other screen. What it leaves behind is the text.
package live

import (
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"github.com/dmwake/dmwake/harness/printable"
)

// Screen is a terminal. Its methods may be called from several goroutines; all methods
// of a nil Screen do nothing.
type Screen struct {
	w    io.Writer
	size func() (columns, rows int)

	mu    sync.Mutex
	wrap  wrapper
	below []string // the lines to show
	drawn []string // the lines on the terminal
	ended bool
}

// Open returns the terminal behind f, written through w; nil if f is no terminal, or one
// that cannot move its cursor.
func Open(w io.Writer, f *os.File) *Screen {
	if f == nil || os.Getenv("TERM") == "dumb" || !term.IsTerminal(int(f.Fd())) || !obeys(f) {
		return nil
	}
	return New(w, func() (columns, rows int) {
		columns, rows, err := term.GetSize(int(f.Fd()))
		if err != nil || columns <= 0 || rows <= 0 {
			return 80, 24
		}
		return columns, rows
	})
}

// New returns a terminal of that size, which is asked for again at each output.
func New(w io.Writer, size func() (columns, rows int)) *Screen {
	return &Screen{w: w, size: size}
}

// Size is the terminal's size in characters; 80 by 24 without one.
func (s *Screen) Size() (columns, rows int) {
	if s == nil {
		return 80, 24
	}
	return s.size()
}

// Write writes text above the lines of Show. Its lines are wrapped at the terminal's
// width. A line without an end yet, such as a question, hides the lines of Show.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	columns, _ := s.size()
	var b strings.Builder
	s.erase(&b, columns)
	s.wrap.write(&b, string(p), columns)
	s.draw(&b, columns)
	if _, err := io.WriteString(s.w, b.String()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Show replaces the lines below the text. Each is cut at the terminal's width, and the
// last ones at its height. Without lines, nothing is below the text.
func (s *Screen) Show(lines ...string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	columns, _ := s.size()
	var b strings.Builder
	s.erase(&b, columns)
	s.below = make([]string, len(lines))
	for i, l := range lines {
		s.below[i] = clean(l)
	}
	s.draw(&b, columns)
	io.WriteString(s.w, b.String()) //nolint:errcheck // the text that follows fails, too
}

// End removes the lines of Show for good.
func (s *Screen) End() {
	s.Show()
	if s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ended = true
	}
}

// erase removes the lines that are drawn. A terminal that became narrower has wrapped
// them again.
func (s *Screen) erase(b *strings.Builder, columns int) {
	if len(s.drawn) == 0 {
		return
	}
	b.WriteString("\r")
	for i, l := range s.drawn {
		rows := max(1, (Width(l)+columns-1)/columns)
		if i == len(s.drawn)-1 {
			rows-- // the cursor is in the last one
		}
		b.WriteString(strings.Repeat("\x1b[A", rows))
	}
	b.WriteString("\x1b[J")
	s.drawn = nil
}

// draw draws the lines, unless a line of the text has no end yet. Without automatic
// wrapping nothing can move to the next row.
func (s *Screen) draw(b *strings.Builder, columns int) {
	if s.wrap.inLine || len(s.below) == 0 {
		return
	}
	_, rows := s.size()
	for _, l := range s.below[:min(len(s.below), max(rows-1, 1))] {
		s.drawn = append(s.drawn, Fit(l, columns-1))
	}
	b.WriteString("\x1b[?7l" + strings.Join(s.drawn, "\r\n") + "\x1b[?7h")
}

// clean is a line with no other sequences than colours.
func clean(line string) string {
	var b strings.Builder
	io.WriteString(printable.NewWriter(&b, true), strings.ReplaceAll(line, "\n", " ")) //nolint:errcheck // in memory
	return b.String()
}
