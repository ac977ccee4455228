package dmclient

import (
	"sync"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/csp/ddf"
)

// schemas are shared by all devices of a kind.
var schemas sync.Map // csp.Options -> *csp.Schema

// schema is the described tree of a device. Microsoft's DDF files begin with Windows
// 10, and describe no phones.
func (c *Config) schema() (*csp.Schema, error) {
	p := &c.Profile
	o := csp.Options{Platform: csp.Platform{Build: p.Build, Revision: p.Revision, Phone: p.Phone},
		CaseSensitive: p.Quirks.CaseSensitive, AcceptUnknown: c.AcceptUnknown,
		AnyPolicy: p.Quirks.AnyPolicy, AnyValue: p.Quirks.AnyValue, AtomicRequired: p.Quirks.AtomicRequired}
	if p.Build >= ddf.Oldest && !p.Phone {
		o.Base = c.DDF
		if o.Base == nil {
			b, err := ddf.Embedded()
			if err != nil {
				return nil, err
			}
			o.Base = b
		}
	}
	if s, ok := schemas.Load(o); ok {
		return s.(*csp.Schema), nil //nolint:forcetypeassert // stored below
	}
	s, err := csp.NewSchema(o, csp.All())
	if err != nil {
		return nil, err
	}
	got, _ := schemas.LoadOrStore(o, s)
	return got.(*csp.Schema), nil //nolint:forcetypeassert // as above
}
