package console

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/devices"
)

// Devices are the lab's own devices: what the console reads of them and does to them.
// devices.Pool is one.
type Devices interface {
	List(f devices.Filter) []devices.Device
	Device(id string, reveal bool) (devices.Device, error)
	Sessions(id string, reveal bool) ([]devices.Session, error)
	Session(id string, number int, reveal bool) (devices.Session, error)
	Tree(id, locURI string, reveal bool) ([]devices.Node, error)
	Effects(id string, reveal bool) (devices.Effects, error)
	Mark() uint64 // the newest event

	Create(spec devices.Spec) (devices.Device, error)
	Enroll(ctx context.Context, id string, e devices.Enrollment) (devices.Device, error)
	Sync(ctx context.Context, id string, o devices.Sync) (devices.Session, error)
	Set(ctx context.Context, id string, c devices.Change) (devices.Device, error)
	Unenroll(ctx context.Context, id string) (devices.Session, error)
	Wipe(ctx context.Context, id string) (devices.Device, error)
	Remove(id string) error
}

// deviceRow is a device in a list: one of the lab, or one of another process that the
// fake WNS knows by its channels only.
type deviceRow struct {
	ID, Name, Link string
	Own            bool
	State          chip
	Connection     chip
	Channel        chip
	Last           *sessionRow
	Waits          []string
	Profile        string
	Namespace      string
	Problem        string
	CanPush        bool   // it has a channel that is open
	text           string // what is searched
}

// sessionRow is a session in a list.
type sessionRow struct {
	devices.Session
	Link, At string
	Result   chip
	Took     string
}

func sessionOf(device string, s devices.Session) sessionRow {
	r := sessionRow{Session: s, Link: devicePath(device) + "/sessions/" + strconv.Itoa(s.Number), At: moment(s.Started), Result: chip{"finished", "good"}}
	if !s.Ended.IsZero() {
		r.Took = s.Ended.Sub(s.Started).Round(1e6).String()
	}
	failed := 0
	for _, c := range s.Commands {
		if c.Code >= http.StatusBadRequest {
			failed++
		}
	}
	switch {
	case s.Error != "":
		r.Result = chip{"failed", "bad"}
	case failed == 1:
		r.Result = chip{"1 command failed", "warn"}
	case failed > 1:
		r.Result = chip{strconv.Itoa(failed) + " commands failed", "warn"}
	}
	return r
}

// channelOnly is the state of a device that is not the lab's own: another process runs it,
// and the fake WNS knows only its channels.
const channelOnly = "channel only"

// stateChip says whether a device is enrolled.
func stateChip(state string) chip {
	switch state {
	case "enrolled":
		return chip{state, "good"}
	case "unenrolled", "wiped":
		return chip{state, "warn"}
	}
	return chip{state, "dim"}
}

// powerChip says whether one of the lab's devices can be reached.
func powerChip(d *devices.Device) chip {
	switch {
	case d.Power == "off":
		return chip{"offline", "warn"}
	case d.Power != "normal":
		return chip{d.Power, "warn"}
	}
	return chip{"online", "good"}
}

// everyDevice lists the devices: first the lab's own in the order of their creation.
func (c *console) everyDevice() (out []deviceRow) {
	channels := map[string][]channelRow{}
	for _, ch := range c.channelRows(func(fakewns.Channel) bool { return true }) {
		channels[ch.Device] = append(channels[ch.Device], ch)
	}
	if c.Devices != nil {
		for _, d := range c.Devices.List(devices.Filter{}) {
			out = append(out, ownRow(&d, channels[d.ID]))
			delete(channels, d.ID)
		}
	}
	own := len(out)
	for id, list := range channels {
		r := deviceRow{ID: id, Name: id, Link: devicePath(id), State: chip{channelOnly, "dim"}, Connection: list[0].Connection}
		r.channels(list)
		r.text = strings.ToLower(id)
		out = append(out, r)
	}
	slices.SortFunc(out[own:], func(a, b deviceRow) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func ownRow(d *devices.Device, channels []channelRow) deviceRow {
	r := deviceRow{ID: d.ID, Name: d.Name, Link: devicePath(d.ID), Own: true, State: stateChip(d.State), Connection: powerChip(d), Profile: d.Profile, Namespace: d.Namespace, Problem: d.Problem}
	r.channels(channels)
	if d.Last != nil {
		last := sessionOf(d.ID, *d.Last)
		r.Last = &last
	}
	if d.Running {
		r.Waits = append(r.Waits, "a session is under way")
	}
	if d.Next != nil {
		r.Waits = append(r.Waits, d.Next.What+" at "+d.Next.At.Format("15:04:05"))
	}
	text := d.ID + "\n" + d.Name + "\n" + d.Namespace + "\n" + d.Profile + "\n" + d.Problem + "\n" + d.Username
	for k, v := range d.Labels {
		text += "\n" + k + "=" + v
	}
	r.text = strings.ToLower(text)
	return r
}

// channels takes the newest channel for the list.
func (r *deviceRow) channels(list []channelRow) {
	r.Channel = chip{"none", "dim"}
	for i, ch := range list {
		if i == 0 {
			r.Channel = ch.State
		}
		r.CanPush = r.CanPush || !ch.Ended
		if ch.Cached {
			r.Waits = append(r.Waits, "a notification waits")
		}
	}
}

// devices lists all devices.
func (c *console) devices(r *http.Request) (*view, error) {
	q, err := only(r.URL.Query(), "q", "state", "namespace", "after", "live")
	if err != nil {
		return nil, err
	}
	all := c.everyDevice()
	l := listed{Query: q.Get("q"), What: "devices", All: len(all), Own: c.Devices != nil}
	words, states, spaces := strings.Fields(strings.ToLower(l.Query)), map[string]int{}, map[string]int{}
	var match []deviceRow
	for _, d := range all {
		if slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(d.text, w) }) {
			continue
		}
		state, space := q.Get("state"), q.Get("namespace")
		inState, inSpace := state == "" || state == d.State.Word, space == "" || space == d.Namespace
		if inSpace {
			states[d.State.Word]++
		}
		if inState && d.Namespace != "" {
			spaces[d.Namespace]++
		}
		if inState && inSpace {
			match = append(match, d)
		}
	}
	l.Total, l.Chips = len(match), []choices{choicesOf("devices", "state", "State", q, states)}
	if len(spaces) > 1 || q.Get("namespace") != "" {
		l.Chips = append(l.Chips, choicesOf("devices", "namespace", "Namespace", q, spaces))
	}
	start := l.page(q, "devices", func(id string) int {
		return slices.IndexFunc(match, func(d deviceRow) bool { return d.ID == id })
	}, func(i int) string { return match[i].ID })
	var rows []row
	for _, d := range match[start:min(start+perPage, len(match))] {
		rows = append(rows, row{rowID("d", d.ID), struct {
			deviceRow
			Row string
		}{d, rowID("d", d.ID)}})
	}
	for _, name := range []string{"state", "namespace"} {
		if v := q.Get(name); v != "" {
			l.Hidden = append(l.Hidden, [2]string{name, v})
		}
	}
	return &view{Title: "Devices", Nav: "devices", body: "devices", Data: l, parts: []part{
		block("counts", "listed-counts", l), block("chips", "chips", l.Chips), table("rows", "device-row", rows), block("none", "devices-none", l),
	}}, nil
}

// rowID is the id of an element for any text.
func rowID(kind, text string) string { return fmt.Sprintf("%s%x", kind, text) }
