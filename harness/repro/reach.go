package repro

import (
	"errors"
	"strings"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Reach is what the server has to do before a symptom can show.
type Reach struct {
	Needs string // what it has to send
	How   string // how to make it
	Met   func(*Seen) bool
}

// The places where symptoms show.
var (
	atEnrollment = Reach{"an answer to the device's enrollment", "check the address of discovery (target.discovery) and the network: dmwake doctor shows each step",
		func(s *Seen) bool { return s.Enrolled != nil || s.Device.Provisioning() != nil }}
	atSession = Reach{"an answer to the device's first message", "check the address of the session in the provisioning document: dmwake doctor shows it",
		sessions(func(x *dmclient.Session) bool {
			return len(x.Exchanges) > 0 && x.Exchanges[0].Status != 0
		})}
	atPFN = Reach{"an Add or Replace of .../Push/PFN", "give your server its WNS app (PFN, Package SID, secret), and start it before the device enrolls; dmwake test --only PFN-01 --config F says what it sends instead",
		sent(func(c *dmclient.Executed) bool {
			return (c.Verb == syncml.Add || c.Verb == syncml.Replace) && strings.HasSuffix(strings.ToLower(c.LocURI), "/push/pfn")
		})}
	atPush = Reach{"a notification to the device's channel", "set target.hooks.push, or make your server push to the device; it needs the PFN, a Get of .../Push/ChannelURI and the way to the fake WNS (dmwake test --print-env)",
		journal(func(e *fakewns.Entry) bool { return e.Kind == fakewns.Notification })}
	atToken = Reach{"a request for an access token", "make your server push (target.hooks.push), with the way to the fake WNS that dmwake test --print-env prints",
		journal(func(e *fakewns.Entry) bool { return e.Kind == fakewns.Token })}
	atUser = Reach{"a command for ./User", "queue one for the device, such as a Get of ./User/Vendor/MSFT/Policy/Config/Experience/AllowWindowsSpotlight",
		sent(func(c *dmclient.Executed) bool { return strings.HasPrefix(strings.ToLower(c.LocURI), "./user/") })}
	atWipe = Reach{"an Exec of ./Vendor/MSFT/RemoteWipe/doWipe", "set target.hooks.wipe or target.hooks.queue, or wipe the device in your server",
		sent(func(c *dmclient.Executed) bool {
			return c.Verb == syncml.Exec && strings.Contains(strings.ToLower(c.LocURI), "/remotewipe/")
		})}
	atCertificate = Reach{"an Exec of .../ClientCertificateInstall/SCEP/{id}/Install/Enroll", "set target.hooks.queue, or give the device a SCEP profile in your server",
		sent(func(c *dmclient.Executed) bool {
			return c.Verb == syncml.Exec && strings.HasSuffix(strings.ToLower(c.LocURI), "/install/enroll")
		})}
	atAtomic = Reach{"an Atomic", "give the device a profile that your server sends as an Atomic",
		received(func(c *syncml.Command) bool { return c.Verb == syncml.Atomic })}
)

// sent checks the commands that reached the device.
func sent(want func(*dmclient.Executed) bool) func(*Seen) bool {
	return sessions(func(x *dmclient.Session) bool {
		for i := range x.Commands {
			if want(&x.Commands[i]) {
				return true
			}
		}
		return false
	})
}

// received checks the commands of the server's messages, those that the device did not
// execute included.
func received(want func(*syncml.Command) bool) func(*Seen) bool {
	return sessions(func(x *dmclient.Session) bool {
		for _, m := range x.Received {
			for i := range m.Body {
				if want(&m.Body[i]) {
					return true
				}
			}
		}
		return false
	})
}

// enrollError finds the error of an enrollment.
func enrollError(err error) (*enroll.Error, bool) {
	var e *enroll.Error
	ok := errors.As(err, &e)
	return e, ok
}
