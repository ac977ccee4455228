package load

import (
	"fmt"
	"testing"

	"github.com/dmwake/dmwake/harness/target"
)

// TestRoster: what hooks use of a device is kept, and nothing else.
func TestRoster(t *testing.T) {
	push := &target.Hook{Exec: []string{"push", "{{.DeviceName}}", "{{.OSVersion}}"}}
	for _, pushes := range []bool{false, true} {
		r := newRoster(&target.Hooks{Push: push}, pushes)
		device := func(i int) *target.Vars {
			return &target.Vars{DeviceID: fmt.Sprint("D", i), DeviceName: fmt.Sprint("N", i), OSVersion: "10.0", ChannelURI: fmt.Sprint("https://w/", i), Username: "u"}
		}
		for i := range 3 {
			r.add(device(i))
		}
		r.set(1, device(7))
		for i, n := range []int{0, 7, 2} {
			want := target.Vars{DeviceID: fmt.Sprint("D", n), DeviceName: fmt.Sprint("N", n), OSVersion: "10.0"}
			if pushes {
				want.ChannelURI = fmt.Sprint("https://w/", n)
			}
			if got := r.vars(i); got != want || r.id(i) != want.DeviceID {
				t.Errorf("%d: %+v, want %+v", i, got, want)
			}
		}
		if r.len() != 3 {
			t.Errorf("%d devices", r.len())
		}
	}
	var ids roster
	ids.add(&target.Vars{DeviceID: "A", Username: "u"})
	if got := ids.vars(0); got != (target.Vars{DeviceID: "A"}) || ids.len() != 1 {
		t.Errorf("%+v", got)
	}
}
