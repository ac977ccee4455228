package suite

import (
	"testing"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestJudge: a recorded session is heard as one of a run is, and each place names its
// pair.
func TestJudge(t *testing.T) {
	r := &Recorded{DeviceID: "D1", ID: "7"}
	for _, id := range []string{"1", "2"} {
		m := &syncml.Message{Hdr: syncml.SyncHdr{MsgID: id}}
		r.Pairs = append(r.Pairs, Pair{Sent: m, Got: m, Ex: &dmclient.Exchange{}})
	}
	for _, whole := range []bool{false, true} {
		r.Whole = whole
		heard := 0
		found := Judge([]Scenario{{ID: "AAA-01"}, {ID: "BBB-01", Hears: func(h *Heard) {
			heard++
			if h.DeviceID() != "D1" || h.ID != "7" || len(h.Received) != 2 || (h.Err == nil) != whole {
				t.Errorf("%+v", h)
			}
			h.Breach(1, "one", "MsgID %s", h.Pairs[1].Got.Hdr.MsgID)
		}}}, r)
		if heard != 1 || len(found) != 1 || found[0].Scenario.ID != "BBB-01" || found[0].Pair != 1 || found[0].Expected != "one" || found[0].Saw != "MsgID 2" {
			t.Errorf("heard %d times; %+v", heard, found)
		}
	}
}
