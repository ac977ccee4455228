package load

import (
	"context"
	"net"
	"net/http"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// NewOptionError is an error about an option, for packages that make options from
// their own.
func NewOptionError(f Field, format string, args ...any) *OptionError {
	return optionError(f, format, args...)
}

// Check reports the first option that is wrong, as Start does, and starts nothing.
func Check(l *lab.Lab, given *Options) error { return given.withDefaults(l).check(l) }

// listen has the options told of the devices' connections and requests.
func (r *Run) listen() {
	o := r.opts
	if o.TraceHeaders {
		r.pool.header = r.header
	}
	if inner := r.pool.header; o.Asked != nil {
		r.pool.header = func(d *dmclient.Device, s *dmclient.Session, h http.Header) {
			o.Asked()
			if inner != nil {
				inner(d, s, h)
			}
		}
	}
}

// dial is a device's dialer; nil is the usual one.
func (o *Options) dial(given func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	if o.Dialed == nil {
		return given
	}
	if given == nil {
		given = (&net.Dialer{}).DialContext
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := given(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return o.Dialed(c), nil
	}
}
