package api

import (
	"net/http"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/devices"
)

// Removed is what a reset removed.
type Removed struct {
	Namespace string `json:"namespace,omitempty"` // empty: of the whole lab
	Devices   int    `json:"devices"`
	Channels  int    `json:"channels"` // of these devices
	Faults    int    `json:"faults"`   // of the push service, added since the lab started
	Journal   int    `json:"journal"`  // entries
	// Clock is how far the push service's clock was ahead, which it no longer is.
	Clock string `json:"clock,omitempty"`
}

func (a *api) namespaces(*http.Request) (any, error) { return a.pool.Namespaces(), nil }

// reset takes a namespace, or the whole lab, back to where it started.
func (a *api) reset(r *http.Request) (any, error) {
	if err := parameters(r); err != nil {
		return nil, err
	}
	space := variable(r, "namespace")
	if space != "" && !devices.IsNamespace(space) {
		return nil, invalid("namespace %q is not 1 to 64 letters, digits, dots, hyphens or underscores", space)
	}
	within := func(namespace, device string) bool {
		return space == "" || namespace == space || a.wns.Namespace(device) == space
	}
	out := Removed{Namespace: space}
	for _, f := range a.wns.Faults() {
		if !a.first[f.ID] && within(f.Namespace, f.Device) && a.wns.RemoveFault(f.ID) {
			out.Faults++
		}
	}
	before := len(a.wns.ChannelsOf(func(fakewns.Channel) bool { return true }))
	out.Devices = a.pool.RemoveAll(space)
	out.Channels = max(before-len(a.wns.ChannelsOf(func(fakewns.Channel) bool { return true })), 0)
	n, err := a.wns.Journal().Remove(func(e *fakewns.Entry) bool { return within("", e.Device) })
	if err != nil {
		return nil, &devices.Error{Cause: devices.Full, Text: "the journal in the state file is not cleared: " + err.Error()}
	}
	out.Journal = n
	a.pool.Forget(space)
	if ahead := a.wns.Settings().Offset; space == "" && ahead != 0 {
		if err := a.wns.Advance(-ahead); err != nil {
			return nil, err
		}
		out.Clock = ahead.String()
	}
	return out, nil
}
