package suite

import (
	"cmp"
	"crypto/tls"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// Impostor makes a caller that knows a device's name and management address, but
// none of its secrets: it presents this certificate, and answers challenges with an
// invented credential. It does not enroll, so it works for a target with a single
// device, too.
func (t *T) Impostor(of *Device, cert *tls.Certificate) *Device {
	dev, err := t.Lab.NewDevice(of.Profile(), func(c *dmclient.Config) {
		c.Identity, c.WNS = of.Identity(), nil
	})
	if err == nil {
		err = dev.AdoptTLS(of.Address(), cmp.Or(of.Provider(), "dmwake"), *cert)
	}
	if err != nil {
		t.Error("no impostor could be made: %v", err)
	}
	return t.with(dev)
}

// Copy makes a second device with everything an enrolled one has: name,
// certificate, credentials, settings.
func (t *T) Copy(of *Device) *Device {
	record, err := of.Pack(dmclient.Packing{})
	if err != nil {
		t.Error("the device could not be copied: %v", err)
	}
	cfg, err := t.Lab.DeviceConfig()
	if err != nil {
		t.Error("the device could not be copied: %v", err)
	}
	cfg.NoRetry = true
	dev, err := dmclient.Unpack(cfg, dmclient.Packing{}, record)
	if err != nil {
		t.Error("the device could not be copied: %v", err)
	}
	return t.with(dev)
}

// Twin is Copy for something that a device does twice at the same time. It ends the
// body if the target has a single device.
func (t *T) Twin(d *Device) *Device {
	t.OneDevice("it needs the device twice")
	return t.Copy(d)
}

// LinkedOf is the linked enrollment of a device, which has one.
func (t *T) LinkedOf(d *Device) *Device { return t.with(d.Linked()) }

// held are the devices that the body had, and their linked enrollments.
func (t *T) held() []*dmclient.Device {
	list := make([]*dmclient.Device, len(t.devices))
	for i, d := range t.devices {
		list[i] = d.Device
	}
	for _, d := range list {
		if child := d.Linked(); child != nil {
			list = append(list, child)
		}
	}
	return list
}

func (t *T) with(dev *dmclient.Device) *Device {
	d := &Device{Device: dev, T: t}
	t.devices = append(t.devices, d)
	return d
}
