package dmclient_test

import (
	"testing"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestROBOSupportOfFederated: a device that enrolled with AuthPolicy Federated renews by
// ROBO alone: false and Delete answer 405 (DDF of CertificateStore). It still does after
// a restart.
func TestROBOSupportOfFederated(t *testing.T) {
	const robo = "./Device/Vendor/MSFT/CertificateStore/MY/WSTEP/Renew/ROBOSupport"
	r, f := entraRig(t, func(*mdmserver.Config) {})
	var cfg dmclient.Config
	d := r.enrolled(func(c *dmclient.Config) {
		f.config(c)
		join(c)
		cfg = *c
	})
	record, err := d.Pack(dmclient.Packing{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := dmclient.Unpack(cfg, dmclient.Packing{}, record)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Close)
	for _, device := range []*dmclient.Device{d, again} {
		r.expect(device, "405", syncml.Replace, robo, "bool", "false")
		r.expect(device, "405", syncml.Delete, robo, "", "")
		r.expect(device, "200", syncml.Replace, robo, "bool", "true")
	}
	premise := newRig(t, nil)
	other := premise.enrolled(nil)
	premise.expect(other, "200", syncml.Replace, robo, "bool", "false")
	premise.expect(other, "200", syncml.Delete, robo, "", "")
}
