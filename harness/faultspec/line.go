package faultspec

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Line is a fault and the words after it, as they are written.
type Line struct {
	Fault string
	Words []Word
}

// Word is one word of a line, key=value.
type Word struct {
	Key   string
	Value Value
	// Bare says that it has no "=".
	Bare bool
}

// maxLine bounds a line.
const maxLine = 64 << 10

// Read splits a line at its blanks, quoted ones excepted.
func Read(line string) (Line, error) {
	if len(line) > maxLine {
		return Line{}, fmt.Errorf("the fault has %d characters, more than %d", len(line), maxLine)
	}
	fields, err := split(line)
	if err != nil {
		return Line{}, err
	}
	if len(fields) == 0 || fields[0] == `""` {
		return Line{}, errors.New("name a fault; its form is NAME or NAME=ARGUMENT")
	}
	l := Line{Fault: fields[0]}
	// A shell's quotes that came with the line: "status=503,Retry-After=5" times=3.
	if l.Fault[0] == '"' {
		inner, err := split(Value(l.Fault).Text())
		if err != nil {
			return Line{}, err
		}
		if len(inner) != 1 {
			return Line{}, fmt.Errorf("the quotes of %s hold more than the fault; quote only a value", l.Fault)
		}
		l.Fault = inner[0]
	}
	for _, f := range fields[1:] {
		key, value, has := strings.Cut(f, "=")
		l.Words = append(l.Words, Word{key, Value(value), !has})
	}
	return l, nil
}

// Unknown is the error for a word that a line may not have. known are the keys that
// it may have, faults the names of faults.
func (l *Line) Unknown(w Word, known, faults []string) error {
	if w.Bare && slices.Contains(known, w.Key) {
		return fmt.Errorf("%s needs a value after its =", w.Key)
	}
	if slices.Contains(faults, w.Key) {
		return fmt.Errorf("%q names two faults, %s and %s; a line has one fault", l.String(), name(l.Fault), w.Key)
	}
	hint := ""
	if strings.Contains(l.Fault, "=") {
		hint = "; put a value with spaces in quotes: " + name(l.Fault) + "=\"...\""
	}
	if len(known) == 0 {
		return fmt.Errorf("unknown word %q: a device's fault takes no further words%s", w, hint)
	}
	return fmt.Errorf("unknown word %q; known words: %s%s", w, strings.Join(known, ", "), hint)
}

func name(fault string) string {
	n, _, _ := strings.Cut(fault, "=")
	return n
}

// String is the word as it is written.
func (w Word) String() string {
	if w.Bare {
		return w.Key
	}
	return w.Key + "=" + string(w.Value)
}

// String is the line with single blanks.
func (l *Line) String() string {
	s := l.Fault
	for _, w := range l.Words {
		s += " " + w.String()
	}
	return s
}

// Value is what stands after "=", with its quotes.
type Value string

// Text is the value without its quotes.
func (v Value) Text() string {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted && i+1 < len(v):
			i++
			b.WriteByte(v[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// List is the value's parts between commas, quoted ones excepted.
func (v Value) List() (parts []Value) {
	quoted, from := false, 0
	for i := 0; i < len(v); i++ {
		switch {
		case v[i] == '"':
			quoted = !quoted
		case v[i] == '\\' && quoted:
			i++
		case v[i] == ',' && !quoted:
			parts = append(parts, v[from:i])
			from = i + 1
		}
	}
	return append(parts, v[from:])
}

// Quote writes a text as a value: in quotes if it has to be.
func Quote(text string) string {
	if !strings.ContainsAny(text, " \t\",\\") {
		return text
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// split splits a line at its blanks, and checks its quotes. Errors count characters
// from 1.
func split(line string) (fields []string, err error) {
	from, open := -1, -1 // where the field and the quote begin
	for i := 0; i < len(line); i++ {
		c := line[i]
		blank := c == ' ' || c == '\t'
		switch {
		case c < ' ' && c != '\t' || c == 0x7f:
			return nil, fmt.Errorf("character %d is a control character", i+1)
		case open >= 0 && c == '\\':
			if i++; i == len(line) || line[i] != '"' && line[i] != '\\' {
				return nil, fmt.Errorf("%q in quotes: only \\\" and \\\\ have a meaning", line[i-1:min(i+1, len(line))])
			}
		case open >= 0 && c == '"':
			if i+1 < len(line) && !strings.ContainsRune(" \t,", rune(line[i+1])) {
				return nil, fmt.Errorf("character %d stands right after the quote that closes; put a blank or a comma there", i+2)
			}
			open = -1
		case open >= 0:
		case c == '"':
			if from >= 0 && !strings.ContainsRune("=,:", rune(line[i-1])) {
				return nil, fmt.Errorf("character %d is a quote in the middle of a word; quote the whole value", i+1)
			}
			open = i
			if from < 0 {
				from = i
			}
		case blank && from >= 0:
			fields = append(fields, line[from:i])
			from = -1
		case !blank && from < 0:
			from = i
		}
	}
	if open >= 0 {
		return nil, fmt.Errorf("the quote at character %d is not closed", open+1)
	}
	if from >= 0 {
		fields = append(fields, line[from:])
	}
	return fields, nil
}
