package ddf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// unknownField begins the error for a field that a command does not have; encoding/json
// has no type for it.
const unknownField = "json: unknown field "

// jsonCommands reads a list of commands, or one.
func jsonCommands(b []byte) (out []Command, err error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var here Position
	var read int64
	place := func() Position { // of the next object
		for offset := dec.InputOffset(); read < int64(len(b)) && (read < offset || strings.IndexByte(" \t\r\n,[", b[read]) >= 0); read++ {
			if here.Column++; b[read] == '\n' {
				here.Line, here.Column = here.Line+1, 0
			}
		}
		return Position{here.Line + 1, here.Column + 1}
	}
	// fail tells the place of the command, or where the JSON ends to be such.
	fail := func(err error, p Position) error {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			p = place()
		}
		var kind *json.UnmarshalTypeError
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), syntax != nil && strings.HasPrefix(syntax.Error(), "unexpected end"):
			err = errors.New("the JSON ends too early")
		case syntax != nil:
			err = fmt.Errorf("this is not JSON: %w", syntax)
		case strings.HasPrefix(err.Error(), unknownField):
			err = fmt.Errorf("unknown field %s", strings.TrimPrefix(err.Error(), unknownField))
		case errors.As(err, &kind) && kind.Field == "":
			err = fmt.Errorf("a %s is not a command", kind.Value)
		case errors.As(err, &kind):
			err = fmt.Errorf("%s cannot be of type %s", strings.ToLower(kind.Field[:1])+kind.Field[1:], kind.Value)
		}
		return fmt.Errorf("line %d, column %d: %w; a command is {\"verb\": \"Replace\", \"locURI\": \"./...\", \"format\": \"int\", \"data\": \"1\"}", p.Line, p.Column, err)
	}
	list := bytes.TrimSpace(b)[0] == '['
	if list {
		if _, err := dec.Token(); err != nil {
			return nil, fail(err, place())
		}
	}
	for dec.More() && len(out) <= maxCommands {
		var c struct {
			Verb, LocURI, Format, Type string
			Data                       scalar
			Atomic                     bool
		}
		at := place()
		if err := dec.Decode(&c); err != nil {
			return nil, fail(err, at)
		}
		out = append(out, Command{Verb: c.Verb, LocURI: c.LocURI, Format: c.Format, Data: string(c.Data), Atomic: c.Atomic, At: at})
	}
	if list && len(out) <= maxCommands {
		if _, err := dec.Token(); err != nil {
			return nil, fail(err, place())
		}
		if _, err := dec.Token(); !errors.Is(err, io.EOF) {
			return nil, fail(errors.New("there is more after the list"), place())
		}
	}
	return out, nil
}

// scalar is a value as a command sends it: a number and a bool are texts, too.
type scalar string

func (s *scalar) UnmarshalJSON(b []byte) error {
	switch b[0] {
	case '{', '[':
		return errors.New("data must be a text, a number or a bool")
	case '"':
		return json.Unmarshal(b, (*string)(s))
	case 'n': // null
		return nil
	}
	*s = scalar(b)
	return nil
}
