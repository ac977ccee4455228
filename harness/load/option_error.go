package load

import (
	"errors"
	"fmt"
)

// Field names a field of Options, or Rate, Duration or Warmup of its Plan.
type Field string

// OptionError says which option is wrong and why. The message may mention other
// options. Callers know options by other names, such as --devices, and use Named.
type OptionError struct {
	Field  Field
	format string
	args   []any // a Field among them is written with the caller's name
}

func optionError(f Field, format string, args ...any) *OptionError {
	return &OptionError{f, format, args}
}

// Error names options as the fields are named.
func (e *OptionError) Error() string {
	return e.Named(func(f Field) string { return string(f) })
}

// Named is the message with the caller's names for options.
func (e *OptionError) Named(name func(Field) string) string {
	args := make([]any, len(e.args))
	for i, a := range e.args {
		if f, ok := a.(Field); ok {
			a = name(f)
		}
		args[i] = a
	}
	return name(e.Field) + ": " + fmt.Errorf(e.format, args...).Error()
}

// Unwrap returns the error in the message, if any.
func (e *OptionError) Unwrap() error { return errors.Unwrap(fmt.Errorf(e.format, e.args...)) }

// EnrollError says that not one device could be enrolled.
type EnrollError struct {
	Devices int
	Reason  string // the most frequent one
}

// Error implements error.
func (e *EnrollError) Error() string {
	return fmt.Sprintf("none of %d devices could be enrolled: %s; dmwake doctor tells more", e.Devices, e.Reason)
}
