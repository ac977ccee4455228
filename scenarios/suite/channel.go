package suite

import (
	"slices"
	"strings"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// WithChannel returns an enrolled device on which the server set a PFN and asked
// for the channel URI. It holds a second session if the first did not bring both. If
// the server has no push, it returns an enrolled device, which gets its work by
// polling.
func (t *T) WithChannel() *Device {
	if polls(t.target()) {
		return t.Enrolled()
	}
	return t.Enrolled().Ready()
}

// Ready holds a second session if the first did not bring what a push needs. On a
// shared device it always does: the server may have dropped its channel.
func (d *Device) Ready() *Device {
	shared := d.T.target().Shared()
	if d.ChannelURI() == "" || !d.Told() || shared {
		d.Sync(dmclient.SyncOptions{})
	}
	if d.ChannelURI() != "" && !d.Told() {
		// The PFN came in the second session: the server may ask in the one after it.
		d.Sync(dmclient.SyncOptions{})
	}
	d.NeedChannel()
	if shared {
		d.calm()
	}
	return d
}

// calm waits until the server stops repeating notifications that earlier scenarios
// caused.
func (d *Device) calm() {
	for range 10 {
		m := d.Mark()
		d.T.Quiet()
		if len(d.Pushes(m)) == 0 {
			return
		}
	}
	d.T.Blocked(By(Pushes, "WER"), "the server still sends notifications that an earlier scenario caused")
}

// NeedChannel ends the body as blocked unless the server set a PFN that led to a
// channel and asked for its URI.
func (d *Device) NeedChannel() {
	uri, sent := d.ChannelURI(), d.PFNWrites()
	switch {
	case uri != "" && d.Told():
	case len(sent) == 0:
		d.T.Blocked(By(SetsPFN), "the server set no PFN within two sessions")
	case uri == "" && d.Foreign(sent[0].Data):
		d.T.Skip("the server set the PFN %s, but the fake WNS knows %s: set wns.app to the server's app identity", sent[0].Data, d.T.Lab.Config.WNS.App.PFN)
	case uri == "":
		d.T.Blocked(By(GoodPFN), "the server's PFN yielded no channel")
	default:
		d.T.Blocked(By(AsksURI, AsksURIs), "the server did not ask for the channel URI")
	}
}

// Foreign reports whether a PFN is well-formed, but not the one the fake WNS knows.
func (d *Device) Foreign(pfn string) bool {
	return dmclient.CheckPFN(pfn) == nil && !strings.EqualFold(pfn, d.T.Lab.Config.WNS.App.PFN)
}

// Told reports whether the server read the current channel URI.
func (d *Device) Told() bool {
	uri := d.ChannelURI()
	return uri != "" && slices.ContainsFunc(d.Sessions(), func(s *dmclient.Session) bool {
		return slices.ContainsFunc(s.Find(syncml.Get, "/Push/ChannelURI"), func(c dmclient.Executed) bool { return c.Result == uri })
	})
}

// Writes returns the commands of a session that set a PFN.
func Writes(s *dmclient.Session) []dmclient.Executed {
	return append(s.Find(syncml.Add, "/Push/PFN"), s.Find(syncml.Replace, "/Push/PFN")...)
}

// PFNWrites returns the commands of all sessions that set a PFN.
func (d *Device) PFNWrites() (out []dmclient.Executed) {
	for _, s := range d.Sessions() {
		out = append(out, Writes(s)...)
	}
	return out
}
