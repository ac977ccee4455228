package live

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/charmbracelet/x/vt"
)

// terminal is a Screen on an emulated terminal.
type terminal struct {
	*vt.Emulator
	*Screen
	columns, rows int
}

func newTerminal(columns, rows int) *terminal {
	t := &terminal{Emulator: vt.NewEmulator(columns, rows), columns: columns, rows: rows}
	t.Screen = New(newlines{t.Emulator}, func() (int, int) { return t.columns, t.rows })
	return t
}

// newlines does what a terminal's driver does: a line break also returns the carriage.
type newlines struct{ io.Writer }

func (n newlines) Write(p []byte) (int, error) {
	_, err := io.WriteString(n.Writer, strings.ReplaceAll(string(p), "\n", "\r\n"))
	return len(p), err
}

func (t *terminal) write(s string) { io.WriteString(t.Screen, s) }

// seen is what stands on the terminal, without what is empty at the end.
func (t *terminal) seen() string {
	var lines []string
	for line := range strings.Lines(t.String()) {
		lines = append(lines, strings.TrimRight(line, " \r\n"))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

func (t *terminal) want(tb testing.TB, what, want string) {
	tb.Helper()
	if got := t.seen(); got != want {
		tb.Errorf("%s:\n%s\nwant:\n%s", what, got, want)
	}
}

// TestScreen: text scrolls above the lines that are drawn again, and nothing of them is
// left at the end.
func TestScreen(t *testing.T) {
	term := newTerminal(30, 8)
	term.write("one\n")
	term.Show("status 1", "more")
	term.want(t, "a block", "one\nstatus 1\nmore")
	term.write("two\nthree\n")
	term.want(t, "text above it", "one\ntwo\nthree\nstatus 1\nmore")
	term.Show("status 2, which is longer than the terminal is wide")
	term.want(t, "cut, not wrapped", "one\ntwo\nthree\nstatus 2, which is longer th…")
	term.write("password? ")
	term.want(t, "a question", "one\ntwo\nthree\npassword?")
	term.Show("status 3")
	term.want(t, "nothing hides the answer", "one\ntwo\nthree\npassword?")
	term.write("yes\n")
	term.want(t, "the answer's line ended", "one\ntwo\nthree\npassword? yes\nstatus 3")
	for i := range 6 {
		term.write(fmt.Sprintf("line %d\n", i))
	}
	term.want(t, "scrolled", "password? yes\nline 0\nline 1\nline 2\nline 3\nline 4\nline 5\nstatus 3")
	term.Show("1", "2", "3", "4", "5", "6", "7", "8", "9", "10")
	term.want(t, "no more lines than fit", "line 5\n1\n2\n3\n4\n5\n6\n7")
	term.Show("status 4")
	term.want(t, "fewer lines", "line 5\nstatus 4")
	term.End()
	term.Show("too late")
	term.want(t, "the end", "line 5")
	term.write("last\n")
	term.want(t, "text after the end", "line 5\nlast")
}

// TestResize: a terminal that became narrower has wrapped the lines; all of them go.
func TestResize(t *testing.T) {
	var b strings.Builder
	columns := 40
	s := New(&b, func() (int, int) { return columns, 24 })
	s.Show(strings.Repeat("x", 35), "short")
	columns = 10
	b.Reset()
	s.Show("new")
	if got := b.String(); strings.Count(got, "\x1b[A") != 4 || !strings.HasPrefix(got, "\r\x1b[A") || !strings.Contains(got, "\x1b[J") {
		t.Errorf("35 characters are 4 rows of 10: %q", got)
	}
}

// TestSequencesOfOthers: a line of the block moves no cursor.
func TestSequencesOfOthers(t *testing.T) {
	term := newTerminal(60, 5)
	term.write("text\n")
	term.Show("name \x1b[2J\x1b[A\r \x1b[31mred\x1b[0m", "two\nlines")
	term.want(t, "escaped", "text\nname \\u001b[2J\\u001b[A\\u000d red\ntwo lines")
}

// TestNoScreen: without a terminal nothing is shown, and there is a size.
func TestNoScreen(t *testing.T) {
	s := Open(io.Discard, nil)
	s.Show("x")
	s.End()
	if columns, rows := s.Size(); s != nil || columns != 80 || rows != 24 {
		t.Errorf("%v of %d by %d", s, columns, rows)
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct{ what, in, want string }{
		{"short", "a b", "a b"},
		{"words", "one two three four five six seven", "one two three four five six\nseven"},
		{"the text behind a label", "    source  MS-MDM 2.2.6.1 and more", "    source  MS-MDM 2.2.6.1\n            and more"},
		{"the last label", "  FAIL  ID-1  the title of a scenario", "  FAIL  ID-1  the title of a\n              scenario"},
		{"a list", "  - one two three four five six", "  - one two three four five\n    six"},
		{"an indented line", "      one two three four five", "      one two three four\n      five"},
		{"a comment", "# one two three four five six seven", "# one two three four five\n# six seven"},
		{"a long word", "see https://example.test/a/long/path now", "see\nhttps://example.test/a/long/path\nnow"},
		{"two spaces far behind", "one two three four  five six seven", "one two three four  five six\nseven"},
		{"wide characters", "日本語日本語日本 日本語日本語日", "日本語日本語日本\n日本語日本語日"},
		{"colours", "\x1b[31mred red red red red\x1b[0m one two", "\x1b[31mred red red red red\x1b[0m one two"},
	} {
		if got := Wrap(c.in, 28); got != c.want {
			t.Errorf("%s:\n%q, want\n%q", c.what, got, c.want)
		}
	}
}

// TestCopied: what is to be copied into a shell stays one line.
func TestCopied(t *testing.T) {
	const long = " aaaa bbbb cccc dddd eeee ffff"
	for _, line := range []string{"export A=1", "curl -sS", "    again     dmwake test", "  $ docker run", "A=b dmwake mdm", "curl \\\n  -H" + long} {
		var b strings.Builder
		(&wrapper{}).write(&b, line+long+"\n", 20)
		if strings.Count(b.String(), "\n") != strings.Count(line, "\n")+1 {
			t.Errorf("%q was wrapped: %q", line, b.String())
		}
	}
	var b strings.Builder
	(&wrapper{}).write(&b, "dmwakes"+long+"\n", 20)
	if strings.Count(b.String(), "\n") < 2 {
		t.Errorf("prose was not wrapped: %q", b.String())
	}
}

func TestPad(t *testing.T) {
	if got := Pad("日本", 5) + "|" + Pad("abcdef", 4) + "|" + Pad("\x1b[31mab\x1b[0m", 3) + "|"; got != "日本 |abc…|\x1b[31mab\x1b[0m |" {
		t.Errorf("%q", got)
	}
}
