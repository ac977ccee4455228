package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// choose finds the devices named by the arguments, each once; without arguments, all.
func (b *bench) choose(args []string) ([]row, error) {
	if len(b.rows) == 0 {
		return nil, usage(fmt.Errorf("%s has no devices; enroll some with dmwake device enroll", b.f.state))
	}
	if len(args) == 0 {
		return b.rows, nil
	}
	var out []row
	for _, a := range args {
		found, err := find(b.rows, a)
		if err != nil {
			return nil, usage(err)
		}
		if !slices.ContainsFunc(out, func(r row) bool { return r.id == found.id }) {
			out = append(out, found)
		}
	}
	return out, nil
}

// idDigits is how many digits alone may be the beginning of a DeviceID. Fewer are a
// number and nothing else: "wipe 2" must not reset a device whose DeviceID begins with
// 2 because device 2 is no longer there.
const idDigits = 8

// find is the device that a user means.
func find(rows []row, name string) (row, error) {
	var same, named, numbered, beginning []row
	number, err := strconv.Atoi(name)
	isNumber := err == nil && strconv.Itoa(number) == name
	for _, r := range rows {
		if strings.EqualFold(r.id, name) {
			same = append(same, r)
		}
		if strings.EqualFold(r.name, name) {
			named = append(named, r)
		}
		if isNumber && r.number == number {
			numbered = append(numbered, r)
		}
		if strings.HasPrefix(strings.ToUpper(r.id), strings.ToUpper(name)) && (!isNumber || len(name) >= idDigits) {
			beginning = append(beginning, r)
		}
	}
	switch {
	case len(same) == 1:
		return same[0], nil
	case len(named) > 1:
		return row{}, fmt.Errorf("%d devices have the name %s; give the DeviceID", len(named), name)
	case len(named) == 1 && len(numbered) == 1 && named[0].id != numbered[0].id:
		return row{}, fmt.Errorf("%s is the number of one device and the name of another; give the DeviceID", name)
	case len(named) == 1:
		return named[0], nil
	case len(numbered) == 1:
		return numbered[0], nil
	case len(beginning) == 1:
		return beginning[0], nil
	case len(beginning) > 1:
		return row{}, fmt.Errorf("%d devices begin with %q; give more of the DeviceID", len(beginning), name)
	}
	return row{}, fmt.Errorf("no device %q; dmwake device list shows them all", name)
}

// indexes are the devices' places in the fleet.
func indexes(rows []row) (out []int) {
	for _, r := range rows {
		out = append(out, r.i)
	}
	return out
}
