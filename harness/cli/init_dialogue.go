package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/dmwake/dmwake/harness/redact"
)

// question asks for a value, which a flag may give.
type question struct {
	name  string // of the flag
	text  string
	to    *string
	check func(string) error // a *doubtError is told once; given again, the value is kept
	when  func() bool        // nil: always
}

// doubtError is a value that may be right all the same: a server that is not up yet.
type doubtError struct{ why string }

func (e *doubtError) Error() string { return e.why }

func doubt(format string, args ...any) error {
	return &doubtError{fmt.Sprintf(format, args...)}
}

// dialogue asks questions. Without anybody to answer them it only checks what flags
// gave.
type dialogue struct {
	out   io.Writer
	lines <-chan string // nil: nobody answers
	end   <-chan struct{}
}

// newDialogue reads answers from in, if it is not nil, until ctx ends: Ctrl-C ends a
// question, too.
func newDialogue(ctx context.Context, out io.Writer, in io.Reader) *dialogue {
	if in == nil {
		return &dialogue{out: out}
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(in); s.Scan(); {
			select {
			case lines <- s.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return &dialogue{out, lines, ctx.Done()}
}

// asks reports whether somebody answers.
func (d *dialogue) asks() bool { return d.lines != nil }

// answer is the next line.
func (d *dialogue) answer() (string, error) {
	select {
	case line, ok := <-d.lines:
		if ok {
			return strings.TrimSpace(line), nil
		}
	case <-d.end:
	}
	return "", errors.New("no answer; nothing was written")
}

// say prints a line below a question.
func (d *dialogue) say(text string) {
	fmt.Fprintf(d.out, "  %s\n", redact.Text(strings.ReplaceAll(text, "\n", "\n  ")))
}

// ask asks until the answer passes its check. Enter keeps the value in brackets.
func (d *dialogue) ask(q question) error {
	doubted, asked := "", false
	for {
		known := ""
		if *q.to != "" {
			known = " [" + redact.Text(*q.to) + "]"
		}
		say(d.out, "%s%s: ", q.text, known)
		value, err := d.answer()
		if err != nil {
			return err
		}
		if value == "" {
			value = *q.to
		}
		if asked && value == doubted {
			*q.to = value
			return nil
		}
		err = q.check(value)
		var may *doubtError
		switch {
		case err == nil:
			*q.to = value
			return nil
		case errors.As(err, &may):
			*q.to, doubted, asked = value, value, true
			d.say(may.why + "; Enter keeps it")
		default:
			d.say(err.Error())
		}
	}
}

// yes is a check for an answer of yes or no.
func yes(v string) error {
	switch strings.ToLower(v) {
	case "y", "yes", "n", "no":
		return nil
	}
	return fmt.Errorf("%q is neither yes nor no", v)
}
