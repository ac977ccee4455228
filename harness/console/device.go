package console

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/devices"
)

// devicePage is one device.
type devicePage struct {
	deviceRow
	Device  *devices.Device // of the lab; nil: of another process
	Offline bool
	Facts   []header
	Effects []effects
	Latest  []devices.Effect
}

// effects are those of one kind.
type effects struct {
	Kind string
	List []string
	More int
}

// gone turns the error of a device that is not there into a page.
func gone(err error) error {
	var e *devices.Error
	if errors.As(err, &e) && e.Cause == devices.Unknown {
		return missing{sentence(e.Text)}
	}
	return err
}

// oneDevice finds a device of the lab or of another process.
func (c *console) oneDevice(id string) (d devicePage, channels []channelRow, err error) {
	channels = c.channelRows(func(ch fakewns.Channel) bool { return ch.Device == id })
	if c.Devices != nil {
		own, err := c.Devices.Device(id, false)
		switch {
		case err == nil:
			d.deviceRow, d.Device = ownRow(&own, channels), &own
			d.Offline = own.Power == "off"
		case !errors.As(gone(err), new(missing)):
			return d, nil, err
		}
	}
	if d.Device == nil {
		if len(channels) == 0 {
			return d, nil, missing{"There is no device " + id + ". It may have been removed."}
		}
		d.deviceRow = deviceRow{ID: id, Name: id, Link: devicePath(id), State: chip{channelOnly, "dim"}, Connection: channels[0].Connection}
		d.channels(channels)
		d.Offline = channels[0].Channel.Connection != fakewns.Connected
	}
	return d, channels, nil
}

// device shows one device.
func (c *console) device(r *http.Request) (*view, error) {
	if _, err := only(r.URL.Query(), "live"); err != nil {
		return nil, err
	}
	d, channels, err := c.oneDevice(r.PathValue("device"))
	if err != nil {
		return nil, err
	}
	var sessions, lines []row
	if d.Device != nil {
		d.Facts = facts(d.Device)
		list, err := c.Devices.Sessions(d.ID, false)
		if err != nil {
			return nil, gone(err)
		}
		for _, s := range slices.Backward(list) {
			sessions = append(sessions, row{"s" + strconv.Itoa(s.Number), sessionOf(d.ID, s)})
		}
		e, err := c.Devices.Effects(d.ID, false)
		if err != nil {
			return nil, gone(err)
		}
		d.effects(&e)
	}
	for _, ch := range channels[:min(len(channels), perPage)] {
		lines = append(lines, row{"c" + ch.ID, ch})
	}
	all := c.WNS.Journal().Since(0, func(e *fakewns.Entry) bool { return e.Device == d.ID })
	var last []*fakewns.Entry
	for i := len(all) - 1; i >= 0 && len(last) < 10; i-- {
		last = append(last, all[i])
	}
	return &view{Title: d.Name, Nav: "devices", body: "device", Data: d, parts: []part{
		block("head", "device-head", d), block("facts", "device-facts", d), table("channels", "channel", lines), block("channels-none", "device-channels-none", len(lines)),
		table("sessions", "session-row", sessions), block("sessions-none", "device-sessions-none", d.sessionsNone(len(sessions))),
		table("rows", "entry", c.entryRows(last)), block("rows-none", "device-rows-none", struct {
			ID string
			N  int
		}{d.ID, len(all)}), block("effects", "device-effects", d),
	}}, nil
}

func (d *devicePage) sessionsNone(n int) string {
	switch {
	case n > 0:
		return ""
	case d.Device == nil:
		return "The lab does not run this device, so it has no sessions of it: only its channels and notifications."
	case d.Device.State == "enrolled":
		return "No session yet. Push to the device, or let it sync now."
	}
	return "No session yet. Enroll the device first."
}

// facts are what a device is and has.
func facts(d *devices.Device) (out []header) {
	add := func(name, value string) {
		if value != "" {
			out = append(out, header{Name: name, Value: value})
		}
	}
	add("Profile", d.Profile)
	add("Namespace", d.Namespace)
	labels := []string{}
	for k, v := range d.Labels {
		labels = append(labels, k+"="+v)
	}
	slices.Sort(labels)
	add("Labels", strings.Join(labels, ", "))
	add("Server", d.Server)
	add("Provider", d.Provider)
	add("User", d.Username)
	add("PFN", d.Push.PFN)
	add("Push/Status", d.Push.Status)
	add("Signed in", d.Login)
	if d.Clock.Offset != "" && d.Clock.Offset != "0s" {
		add("Its clock", moment(d.Clock.Now)+", "+d.Clock.Offset+" ahead")
	}
	add("Pushes", strconv.Itoa(d.Woken))
	add("Quirks", strings.Join(d.Quirks, ", "))
	add("Faults", strings.Join(d.Faults, ", "))
	return out
}

// mostEffects is how many effects of one kind are shown.
const mostEffects = 50

func (d *devicePage) effects(e *devices.Effects) {
	for _, k := range []effects{{Kind: "VPN", List: e.VPN}, {Kind: "Wi-Fi", List: e.WiFi}, {Kind: "Certificates", List: e.Certificates}, {Kind: "Apps", List: e.Apps},
		{Kind: "Policies", List: e.Policies}, {Kind: "Under way or failed", List: e.Work}} {
		if n := len(k.List); n > mostEffects {
			k.List, k.More = k.List[:mostEffects], n-mostEffects
		}
		if len(k.List) > 0 {
			d.Effects = append(d.Effects, k)
		}
	}
	var other []string
	for _, n := range []struct {
		what string
		n    int
	}{{"locked", e.Locks}, {"rebooted", e.Reboots}, {"located", e.Finds}} {
		if n.n > 0 {
			other = append(other, n.what+" "+strconv.Itoa(n.n)+" times")
		}
	}
	if e.Wiped != "" {
		other = append(other, "wiped: "+e.Wiped)
	}
	if e.NotWiped != "" {
		other = append(other, "a wipe was rolled back: "+e.NotWiped)
	}
	if len(other) > 0 {
		d.Effects = append(d.Effects, effects{Kind: "Device", List: other})
	}
	for _, x := range slices.Backward(e.Latest[max(0, len(e.Latest)-10):]) {
		d.Latest = append(d.Latest, x)
	}
}

// mostNodes is how many nodes of a tree are shown at once.
const mostNodes = 200

// treePage are nodes of a device's tree.
type treePage struct {
	Name, Link, At, Query string
	List                  []devices.Node
	Total                 int
	Hidden                [][2]string
	Up                    string
}

// tree shows a device's management tree.
func (c *console) tree(r *http.Request) (*view, error) {
	q, err := only(r.URL.Query(), "q", "at", "live")
	if err != nil {
		return nil, err
	}
	d, _, err := c.oneDevice(r.PathValue("device"))
	if err != nil {
		return nil, err
	}
	if d.Device == nil {
		return nil, missing{"The lab does not run the device " + d.ID + ", so it has no tree of it."}
	}
	t := treePage{Name: d.Name, Link: d.Link, At: q.Get("at"), Query: q.Get("q")}
	if t.At == "" {
		t.At = "."
	} else {
		t.Hidden = [][2]string{{"at", t.At}}
	}
	if i := strings.LastIndexByte(t.At, '/'); i > 0 {
		t.Up = t.At[:i]
	}
	list, err := c.Devices.Tree(d.ID, t.At, false)
	if err != nil {
		return nil, gone(err)
	}
	words := strings.Fields(strings.ToLower(t.Query))
	for _, n := range list {
		text := strings.ToLower(n.LocURI + " " + n.Data)
		if slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) }) {
			continue
		}
		if t.Total++; len(t.List) < mostNodes {
			t.List = append(t.List, n)
		}
	}
	return &view{Title: "Tree of " + d.Name, Nav: "devices", body: "tree", Data: t}, nil
}
