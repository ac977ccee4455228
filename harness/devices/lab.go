package devices

import (
	"context"
	"fmt"
	"slices"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/entra"
)

// ForLab is the configuration of the devices of a lab: its target's server, credentials,
// CA, quirks, pace and hooks are the defaults, its fake WNS gives them channels.
func ForLab(l *lab.Lab) Config {
	t := &l.Config.Target
	c := Config{
		Base:        l.DeviceConfig,
		Default:     Spec{Quirks: t.Quirks},
		Image:       t.Image.Apply,
		AfterEnroll: l.AfterEnrollment, AfterSession: l.AfterSession,
		Release: func(deviceID string) {
			for _, ch := range l.WNS.ChannelsOf(func(c fakewns.Channel) bool { return c.Device == deviceID }) { // closed ones, too
				l.WNS.ForgetChannel(ch.URI)
			}
			l.WNS.SetConnected(deviceID, true) // no longer offline
		},
		Attach: func(uri string, wake func([]byte)) bool { return l.WNS.Attach(uri, receiver(wake)) },
		Seed:   l.Seed,
	}
	if t.ChoseProfiles() {
		c.Default.Profile = t.Profiles[len(t.Profiles)-1]
	}
	if l.Directory != nil {
		c.Tokens = func(kind, user string) (func(context.Context, dmclient.TokenRequest) (string, error), error) {
			known := append([]entra.Kind{entra.Good}, entra.BadKinds()...)
			if !slices.Contains(known, entra.Kind(kind)) {
				return nil, fmt.Errorf("unknown kind %q; known kinds: %v", kind, known)
			}
			return lab.DirectoryTokens(l.Directory, entra.Kind(kind), user), nil
		}
	}
	return c
}

// receiver is a device whose power the push service is told by SetConnected.
type receiver func(payload []byte)

// Connection implements fakewns.Receiver.
func (receiver) Connection() fakewns.Connection { return fakewns.Connected }

// Wake implements fakewns.Receiver.
func (r receiver) Wake(payload []byte) { r(payload) }
