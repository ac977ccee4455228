package dmclient_test

import (
	"context"
	"testing"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// TestPowerClosesTheConnection: battery saver and a lost network close the WNS
// connection (Learn, "Push notification support for device management"). What WNS kept
// meanwhile wakes the device as soon as the connection is back.
func TestPowerClosesTheConnection(t *testing.T) {
	for power, want := range map[dmclient.Power]fakewns.Connection{
		dmclient.PowerNormal: fakewns.Connected, dmclient.PowerLimited: fakewns.Connected,
		dmclient.PowerSaver: fakewns.Disconnected, dmclient.PowerOff: fakewns.Disconnected,
	} {
		r := newRig(t, nil)
		d := r.enrolled(nil)
		d.SetPower(power)
		list := r.wns.Channels(d.Identity().DeviceID)
		if len(list) != 1 || list[0].Connection != want {
			t.Errorf("%s: %+v, want %s", power, list, want)
		}
		d.SetPower(dmclient.PowerNormal)
		if list := r.wns.Channels(d.Identity().DeviceID); len(list) != 1 || list[0].Connection != fakewns.Connected {
			t.Errorf("after %s: %+v", power, list)
		}
	}
}

// TestPowerIsNamed: what cannot be done without a WNS connection says why there is none. A
// device that saves its battery is not offline.
func TestPowerIsNamed(t *testing.T) {
	for power, want := range map[dmclient.Power]string{
		dmclient.PowerSaver: "battery saver has closed the WNS connection", dmclient.PowerOff: "the WNS client is offline",
	} {
		d := newRig(t, nil).enrolled(nil)
		d.SetPower(power)
		if err := d.Reconnect(context.Background()); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %q", power, err, want)
		}
	}
}
