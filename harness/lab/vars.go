package lab

import (
	"context"
	"crypto/sha1" //nolint:gosec // how Windows names certificates
	"fmt"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Vars are the template variables of the target's hooks for a device. If a hook
// uses ServerID, the lookup hook runs first, once for each enrollment; its failure
// is a *target.HookError.
func (l *Lab) Vars(ctx context.Context, d *dmclient.Device) (target.Vars, error) {
	v := l.known(d)
	if !l.Config.Target.Hooks.UseVariable("ServerID") {
		return v, nil
	}
	var err error
	v.ServerID, err = l.serverID(ctx, d, v)
	return v, err
}

// varsFor are the variables for one hook.
func (l *Lab) varsFor(ctx context.Context, d *dmclient.Device, h *target.Hook) (target.Vars, error) {
	v := l.known(d)
	if !h.Uses("ServerID") {
		return v, nil
	}
	var err error
	v.ServerID, err = l.serverID(ctx, d, v)
	return v, err
}

// known is what the device knows by itself, or knew when it was enrolled last.
func (l *Lab) known(d *dmclient.Device) target.Vars {
	return l.serverIDs.recall(knownTo(&l.Config.Target, d), &l.Config.Target.Hooks)
}

func knownTo(t *target.Target, d *dmclient.Device) target.Vars {
	id, p, provider := d.Identity(), d.Profile(), d.Provider()
	if !slices.Contains(p.Context, "HWDevID") {
		id.HWDevID = "" // the server was never told
	}
	v := target.Vars{
		DeviceID: id.DeviceID, UDID: id.DeviceID, DeviceName: id.Name, HWDevID: id.HWDevID, EnrollmentID: id.GUID, OSVersion: p.OSVersion, Profile: p.Name,
		ProviderID: provider, Username: t.Username, ChannelURI: toldURI(d),
	}
	v.SerialNumber, _ = d.Tree().Look("./DevDetail/Ext/Microsoft/SMBIOSSerialNumber")
	if provider != "" {
		v.ManagementURL = d.Address()
		v.EntDMID, _ = d.Tree().Look(dmclient.ProviderURI(provider) + "/EntDMID")
	}
	hooks := &t.Hooks
	if c := d.Certificate(); c != nil && (hooks.UseVariable("CertCN") || hooks.UseVariable("CertSerial") || hooks.UseVariable("CertThumbprint")) {
		der := c.Certificate[0]
		v.CertThumbprint = fmt.Sprintf("%X", sha1.Sum(der)) //nolint:gosec // as above
		if cert, err := enroll.ReadCert(der); err == nil {
			v.CertCN, v.CertSerial = cert.CommonName(), strings.TrimPrefix(cert.SerialNumber, "00")
		}
	}
	return v
}

// toldURI is the channel URI that the device told its server last. Until then it is its
// own: the server may have learnt it in a session before this run.
func toldURI(d *dmclient.Device) string {
	for _, s := range slices.Backward(d.Sessions()) {
		for _, m := range slices.Backward(s.Sent) {
			for _, c := range m.Body {
				if c.Verb != syncml.Results {
					continue
				}
				for _, it := range c.Items {
					if strings.HasSuffix(strings.ToLower(it.Source.LocURI), "/push/channeluri") {
						return it.Data
					}
				}
			}
		}
	}
	return d.ChannelURI()
}
