package live

import (
	"regexp"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Width is how many columns a text takes on a terminal, which is not the number of its
// characters: colours take none, and an ideograph takes two.
func Width(s string) int { return ansi.StringWidth(s) }

// Fit cuts a line that is longer than so many columns.
func Fit(s string, columns int) string { return ansi.Truncate(s, max(columns, 1), "…") }

// Pad is Fit that also fills a shorter line with spaces.
func Pad(s string, columns int) string {
	s = Fit(s, columns)
	return s + strings.Repeat(" ", max(0, columns-Width(s)))
}

// wrapper wraps text that comes in pieces.
type wrapper struct {
	inLine    bool // the last line has no end yet
	continues bool // it ended with a backslash: the next one belongs to its command
}

// write wraps the lines of a text. What belongs to a line that had no end is not wrapped.
func (w *wrapper) write(b *strings.Builder, text string, columns int) {
	for line := range strings.Lines(text) {
		body, ended := strings.CutSuffix(line, "\n")
		switch {
		case w.inLine || !ended || w.continues || copied(body):
			b.WriteString(body)
		default:
			b.WriteString(Wrap(body, columns))
		}
		if ended {
			b.WriteByte('\n')
			w.continues = strings.HasSuffix(body, `\`)
		}
		w.inLine = !ended
	}
}

// command is a line to copy into a shell, also behind a label.
var command = regexp.MustCompile(`^( *|.*  )(\$ )?(export|curl|dmwake|docker|set|sudo|[A-Z_]+=\S+) `)

// copied reports whether a line is for copying. Such a line stays whole, because only a
// line that the terminal wraps itself is copied as one.
func copied(line string) bool { return command.MatchString(ansi.Strip(line)) }

// Wrap breaks a line between words, so that it fits into so many columns. The lines that
// follow are indented to the column in which the text after a label begins, which is a
// word behind two spaces; a comment of a shell goes on as a comment. A word that does not
// fit, such as a URL, stays whole.
func Wrap(line string, columns int) string {
	if Width(line) <= columns {
		return line
	}
	indent := hanging(ansi.Strip(line), columns/2)
	lead := strings.Repeat(" ", indent)
	if strings.HasPrefix(line, "# ") {
		lead, indent = "# ", 2
	}
	var b strings.Builder
	at, room := 0, false // the column, and whether a word stands in the row
	for i, word := range strings.Split(line, " ") {
		width := Width(word)
		switch {
		case i == 0:
		case room && at+1+width > columns && at > indent:
			b.WriteString("\n" + lead)
			at = indent
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += width
		room = room || width > 0
	}
	return b.String()
}

// hanging is the column in which the text of a line begins, up to the limit.
func hanging(line string, limit int) int {
	text := len(line) - len(strings.TrimLeft(line, " "))
	for at := text; ; {
		gap := strings.Index(line[at:], "  ")
		if gap < 0 {
			break
		}
		at += gap
		at += len(line[at:]) - len(strings.TrimLeft(line[at:], " "))
		if Width(line[:at]) > limit {
			break
		}
		text = at
	}
	indent := Width(line[:text])
	if strings.HasPrefix(line[text:], "- ") {
		indent += 2
	}
	return min(indent, limit)
}
