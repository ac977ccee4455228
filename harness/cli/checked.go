package cli

import (
	"errors"
	"io"
	"sync/atomic"
	"syscall"
)

// checked is standard output. It remembers the first error, which most of the code that
// prints does not look at.
type checked struct {
	w   io.Writer
	err atomic.Pointer[error]
}

func (c *checked) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	if err != nil {
		c.err.CompareAndSwap(nil, &err)
	}
	return n, err
}

// failure is the first error, unless the reader left on purpose, as head does.
func (c *checked) failure() error {
	err := c.err.Load()
	if err == nil || errors.Is(*err, syscall.EPIPE) {
		return nil
	}
	return *err
}

// Unwrap returns the stream itself.
func (c *checked) Unwrap() io.Writer { return c.w }
