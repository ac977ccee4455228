package devices

import "fmt"

// Cause is why a Pool refuses or fails; it decides the status of an HTTP reply.
type Cause int

// The causes.
const (
	Invalid  Cause = iota + 1 // the caller asks for what cannot be
	Unknown                   // no such device, session or node
	Conflict                  // not in the device's present state
	Full                      // a bound is reached
	Refused                   // the MDM server did not answer, or refused
	Late                      // what was awaited did not come in time
	Closed                    // the lab ends
)

// Error is a sentence for the user: the cause, and what to do.
type Error struct {
	Cause Cause
	Text  string
	// Code is the error that Windows shows, such as 0x80180002; empty without one.
	Code string
	// Came is what came instead, of an error that is Late.
	Came []Event
	// Mark is the last event that the answer took into account, of an error that is Late.
	Mark uint64
}

func (e *Error) Error() string { return e.Text }

func fail(c Cause, format string, args ...any) error {
	return &Error{Cause: c, Text: fmt.Sprintf(format, args...)}
}
