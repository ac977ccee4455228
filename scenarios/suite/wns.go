package suite

import (
	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/faults"
)

// What a scenario changes at the fake WNS goes through T: it is bound to one
// device or channel, and is undone when the body ends. What all senders would
// see is for scenarios that have WNS to themselves.

// Fault lets the fake WNS misbehave towards a device, in the words of package
// fakewns/faults, until the body ends or remove is called.
func (t *T) Fault(line string, d *Device) (remove func()) {
	rule, err := faults.Parse(line)
	if err != nil {
		t.Error("a fault of the scenario: %v", err)
	}
	rule.Device = d.Identity().DeviceID
	return t.build(rule)
}

// FaultForAll is Fault towards every sender: the token endpoint, TLS.
func (t *T) FaultForAll(line string) (remove func()) {
	t.needReach("makes WNS fail for all")
	rule, err := faults.Parse(line)
	if err != nil {
		t.Error("a fault of the scenario: %v", err)
	}
	return t.build(rule)
}

func (t *T) build(rule faults.Rule) (remove func()) {
	f, err := rule.Build()
	if err != nil {
		t.Error("a fault of the scenario: %v", err)
	}
	return t.inject(f)
}

// Inject is Fault for what has no words: f must name a device or a channel.
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

// RevokeTokens makes every access token invalid, as WNS may at any time.
func (t *T) RevokeTokens() {
	t.needReach("revokes the tokens of all")
	t.Lab.WNS.RevokeTokens()
}

// CutWNS closes all connections to WNS.
func (t *T) CutWNS() {
	t.needReach("closes the connections of all")
	t.Lab.CutWNS()
}

// CloseChannel makes WNS forget the device's channel: 410 from now on.
func (t *T) CloseChannel(d *Device) { t.Lab.WNS.CloseChannel(d.ChannelURI()) }

// ExpireChannel lets the device's channel expire.
func (t *T) ExpireChannel(d *Device) { t.Lab.WNS.ExpireChannel(d.ChannelURI()) }

// needReach makes sure that a scenario which changes what others see has it to
// itself.
func (t *T) needReach(does string) {
	if t.s.Reach == Shared {
		t.Error("the scenario %s, but does not run alone, which is a bug of dmwake", does)
	}
}
