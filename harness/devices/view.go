package devices

import (
	"maps"
	"time"

	"github.com/dmwake/dmwake/harness/redact"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// view is a device as it is now.
func (p *Pool) view(s *slot, reveal bool) Device {
	d := s.dev
	id, profile, state := d.Identity(), d.Profile(), d.State()
	now := s.clock.Now()
	out := Device{ID: id.DeviceID, Name: id.Name, Namespace: s.spec.Namespace, IDs: idsOf(id), Profile: profile.Name, Quirks: list(profile.Quirks.Active()), State: state.String(),
		Created: s.created, Discovery: redact.Text(s.spec.Server.Discovery), Username: s.spec.Enroll.Username, Provider: d.Provider(), Login: string(d.LoggedIn()),
		Power: d.Condition().Power.String(), Clock: Clock{now, s.clock.ahead().String()}, Sessions: d.SessionCount(), Mark: p.events.mark()}
	if state == dmclient.Enrolled {
		out.Server = redact.Text(d.Address())
		uri := d.ChannelURI()
		if !reveal {
			uri = redact.Text(uri)
		}
		out.Push = Push{PFN: d.PFN(), URI: uri}
		out.Push.Status, _ = d.Tree().Look(d.PushURI() + "/Status")
	}
	if next, ok := d.Next(); ok {
		out.Next = &Next{next.What, next.At.Add(-s.clock.ahead())}
	}
	if all := d.Sessions(); len(all) > 0 {
		last := viewSession(out.Sessions, all[len(all)-1], reveal, false)
		out.Last = &last
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out.Labels, out.Faults, out.Problem, out.Running, out.Woken = maps.Clone(s.labels), list(s.faults), redact.Text(s.problem), s.current != nil, s.woken
	return out
}

func idsOf(id dmclient.Identity) IDs {
	return IDs{DeviceID: id.DeviceID, GUID: id.GUID, HWDevID: id.HWDevID, Name: id.Name, Serial: id.SerialNumber(), Manufacturer: id.Manufacturer, Model: id.Model,
		Locale: id.Locale, MACs: id.MACs}
}

// list is s, never nil: JSON has lists, not null.
func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return append([]string{}, s...)
}

// Effects are what servers did to a device.
type Effects struct {
	VPN          []string `json:"vpn"`
	WiFi         []string `json:"wifi"`
	Certificates []string `json:"certificates"` // thumbprints, under their stores' LocURIs
	Apps         []string `json:"apps"`         // package or product, and version
	Policies     []string `json:"policies"`     // area/name=value
	Work         []string `json:"work"`         // installations and certificate requests that are under way or failed
	Locks        int      `json:"locks"`
	Reboots      int      `json:"reboots"`
	Finds        int      `json:"finds"`
	PIN          string   `json:"pin,omitempty"`
	Wiped        string   `json:"wiped,omitempty"`    // the node of the wipe, or "by the user"
	NotWiped     string   `json:"notWiped,omitempty"` // the node of a wipe that was rolled back
	// Latest are the last effects, oldest first.
	Latest []Effect `json:"latest"`
}

// Effect is an effect of a command.
type Effect struct {
	Kind   string    `json:"kind"`
	Detail string    `json:"detail,omitempty"`
	At     time.Time `json:"at"` // on the device's clock
}

// Effects gives what servers did to a device; reveal shows secrets.
func (p *Pool) Effects(id string, reveal bool) (Effects, error) {
	s, err := p.find(id)
	if err != nil {
		return Effects{}, err
	}
	inv := s.dev.Inventory()
	hide := func(in []string) []string {
		out := list(in)
		for i := range out {
			out[i] = shown(out[i], reveal)
		}
		return out
	}
	out := Effects{VPN: hide(inv.VPNs), WiFi: hide(inv.WiFi), Certificates: hide(inv.Certificates), Apps: hide(inv.Apps), Policies: hide(inv.Policies), Work: hide(inv.Work),
		Locks: inv.Life.Locks, Reboots: inv.Life.Reboots, Finds: inv.Life.Finds, Wiped: inv.Life.Wiped, NotWiped: inv.Life.NotWiped, Latest: []Effect{}}
	if out.PIN = inv.Life.PIN; out.PIN != "" && !reveal {
		out.PIN = redact.Hidden
	}
	for _, e := range inv.Life.Effects {
		out.Latest = append(out.Latest, viewEffect(e, reveal))
	}
	return out, nil
}
