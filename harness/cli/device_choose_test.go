package cli

import (
	"strings"
	"testing"
)

// TestFind: how a user names a device. A number never means the beginning of a
// DeviceID.
func TestFind(t *testing.T) {
	t.Parallel()
	rows := []row{
		{number: 1, id: "AB00", name: "PC-1"}, {number: 3, id: "2B01", name: "PC-2"}, {number: 4, id: "AC02", name: "CLONE"},
		{number: 5, id: "AD03", name: "CLONE"}, {number: 6, id: "1234567890", name: "3"},
	}
	for name, want := range map[string]string{
		"AB00": "AB00", "ab": "AB00", "1": "AB00", "pc-2": "2B01", "4": "AC02", "2B": "2B01", "12345678": "1234567890", "6": "1234567890",
		"2": "no device", "7": "no device", "12": "no device", "x": "no device", "A": "3 devices begin", "CLONE": "2 devices have the name",
		"3": "the number of one device and the name of another", "04": "no device",
	} {
		got, err := find(rows, name)
		if err == nil && got.id != want || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q finds %q, %v; want %s", name, got.id, err, want)
		}
	}
	b := &bench{rows: rows, f: &deviceFlags{}}
	if got, err := b.choose([]string{"1", "AB00", "pc-1"}); err != nil || len(got) != 1 {
		t.Errorf("one device, named three times: %v, %v", got, err)
	}
}
