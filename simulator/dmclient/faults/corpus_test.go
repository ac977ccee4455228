package faults

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestWritten: every line of the corpus is a fault of a device, or the error that it
// says.
func TestWritten(t *testing.T) {
	raw, err := os.ReadFile("../../../harness/faultspec/testdata/faults.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Device []struct{ Line, Error string }
	}
	if err := json.Unmarshal(raw, &all); err != nil || len(all.Device) == 0 {
		t.Fatal(len(all.Device), err)
	}
	for _, w := range all.Device {
		f, err := New(w.Line)
		switch {
		case w.Error == "" && (err != nil || f == nil):
			t.Errorf("%q: %v", w.Line, err)
		case w.Error != "" && (err == nil || !strings.Contains(err.Error(), w.Error)):
			t.Errorf("%q: %v, want %q", w.Line, err, w.Error)
		}
	}
}

// TestUnmet: a fault that waits for a command tells what a session lacked.
func TestUnmet(t *testing.T) {
	for name := range meetings {
		if _, err := New(name); err != nil && !strings.Contains(err.Error(), "needs an argument") {
			t.Errorf("%s: %v", name, err)
		}
	}
	none := &dmclient.Session{}
	s := &dmclient.Session{Commands: []dmclient.Executed{
		{Verb: syncml.Replace, LocURI: "./Vendor/MSFT/DMClient/Provider/x/Push/PFN"},
		{Verb: syncml.Exec, LocURI: "./Vendor/MSFT/RemoteLock/Lock"},
	}}
	for spec, want := range map[string]string{
		"pfn-418-500": "", "wipe-fails": "RemoteWipe", "channel-uri=https://x/": "ChannelURI", "answer=Add:/Push/PFN:418": "Add of .../Push/PFN",
		"answer=*:/Push/PFN:415": "", "session-id=0": "", "double-status": "", "": "",
	} {
		if got := Unmet(spec, s); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s lacks %q, want %q", spec, got, want)
		}
	}
	if got := Unmet("pfn-418-500", none); got != "an Add or Replace of .../Push/PFN" {
		t.Errorf("%q", got)
	}
	if Unmet("double-status", none) == "" {
		t.Error("double-status showed without a command")
	}
}
