package suite

import (
	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/faults"
)

// A scenario changes the fake WNS through T: the change applies to one device or
// channel, and is undone when the body ends. Only scenarios that have WNS to
// themselves may change it for all senders.

// Fault makes the fake WNS misbehave for one device, as described in the language
// of package fakewns/faults, until the body ends or remove is called.
func (t *T) Fault(line string, d *Device) (remove func()) {
	rule, err := faults.Parse(line)
	if err != nil {
		t.Error("a fault in the scenario: %v", err)
	}
	rule.Device = d.Identity().DeviceID
	return t.build(rule)
}

// FaultForAll is Fault for all senders: the token endpoint, TLS.
func (t *T) FaultForAll(line string) (remove func()) {
	t.needReach("makes WNS fail for all")
	rule, err := faults.Parse(line)
	if err != nil {
		t.Error("a fault in the scenario: %v", err)
	}
	return t.build(rule)
}

func (t *T) build(rule faults.Rule) (remove func()) {
	f, err := rule.Build()
	if err != nil {
		t.Error("a fault in the scenario: %v", err)
	}
	return t.inject(f)
}

// Inject is Fault for a fault that the language cannot express: f must name a
// device or a channel.
func (t *T) Inject(f fakewns.Fault) (remove func()) {
	if f.Device == "" && f.Channel == "" {
		t.needReach("makes WNS fail for all")
	}
	return t.inject(f)
}

func (t *T) inject(f fakewns.Fault) (remove func()) {
	remove = t.Lab.WNS.Inject(f)
	t.After(remove)
	return remove
}

// RevokeTokens invalidates every access token, as WNS may at any time.
func (t *T) RevokeTokens() {
	t.needReach("revokes all tokens")
	t.Lab.WNS.RevokeTokens()
}

// CutWNS closes all connections to WNS.
func (t *T) CutWNS() {
	t.needReach("closes all connections")
	t.Lab.CutWNS()
}

// CloseChannel makes WNS forget the device's channel: it answers 410 from now on.
func (t *T) CloseChannel(d *Device) { t.Lab.WNS.CloseChannel(d.ChannelURI()) }

// ExpireChannel lets the device's channel expire.
func (t *T) ExpireChannel(d *Device) { t.Lab.WNS.ExpireChannel(d.ChannelURI()) }

// needReach makes sure that a scenario which changes WNS for all has it to itself.
func (t *T) needReach(does string) {
	if t.s.Reach == Shared {
		t.Error("the scenario %s, but does not run alone, which is a bug in dmwake", does)
	}
}
