package suite

import "github.com/dmwake/dmwake/simulator/dmclient"

// Twin is the same device once more, with all it knows: for what a device does
// twice at the same time.
func (t *T) Twin(d *Device) *Device {
	t.OneDevice("it needs the device twice")
	record, err := d.Pack(dmclient.Packing{})
	if err != nil {
		t.Error("the device could not be doubled: %v", err)
	}
	cfg, err := t.Lab.DeviceConfig()
	if err != nil {
		t.Error("the device could not be doubled: %v", err)
	}
	cfg.NoRetry = true
	dev, err := dmclient.Unpack(cfg, dmclient.Packing{}, record)
	if err != nil {
		t.Error("the device could not be doubled: %v", err)
	}
	twin := &Device{Device: dev, T: t}
	t.devices = append(t.devices, twin)
	return twin
}
