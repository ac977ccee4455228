package load

import (
	"reflect"
	"strings"

	"github.com/dmwake/dmwake/harness/target"
)

// roster are the devices of a run, as hooks name them. Of each it keeps only the variables
// that the target's hooks use: a load has many devices, and all variables of one take
// most of a kilobyte. The zero roster keeps the DeviceIDs alone.
type roster struct {
	used   []int    // fields of target.Vars besides DeviceID
	values []string // DeviceID and used, device by device
}

var varsType = reflect.TypeFor[target.Vars]()

// newRoster is for the hooks of a target; pushes tells whether dmwake itself pushes, to
// the channel URIs.
func newRoster(hooks *target.Hooks, pushes bool) (r roster) {
	for i := range varsType.NumField() {
		name := varsType.Field(i).Name
		if name != "DeviceID" && (hooks.UseVariable(name) || pushes && name == "ChannelURI") {
			r.used = append(r.used, i)
		}
	}
	return r
}

func (r *roster) width() int { return 1 + len(r.used) }

func (r *roster) len() int { return len(r.values) / r.width() }

// id is the DeviceID of a device.
func (r *roster) id(i int) string { return r.values[i*r.width()] }

// vars are the variables of a device that are kept.
func (r *roster) vars(i int) (v target.Vars) {
	row := r.values[i*r.width():][:r.width()]
	v.DeviceID = row[0]
	fields := reflect.ValueOf(&v).Elem()
	for k, field := range r.used {
		fields.Field(field).SetString(row[1+k])
	}
	return v
}

func (r *roster) add(v *target.Vars) {
	r.values = append(r.values, make([]string, r.width())...)
	r.set(r.len()-1, v)
}

// set puts a device in the place of another one. What it has in common with the device
// before is kept once.
func (r *roster) set(i int, v *target.Vars) {
	w := r.width()
	row, fields := r.values[i*w:][:w], reflect.ValueOf(v).Elem()
	row[0] = strings.Clone(v.DeviceID)
	for k, field := range r.used {
		value := fields.Field(field).String()
		if i > 0 && r.values[(i-1)*w+1+k] == value {
			row[1+k] = r.values[(i-1)*w+1+k]
			continue
		}
		row[1+k] = strings.Clone(value)
	}
}
