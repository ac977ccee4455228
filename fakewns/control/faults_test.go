package control

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/fakewns/faults"
)

// TestFaultsAsWritten: the control API takes the lines that flags and files take, and
// refuses what they refuse, with the same words.
func TestFaultsAsWritten(t *testing.T) {
	raw, err := os.ReadFile("../../harness/faultspec/testdata/faults.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		WNS []struct{ Line, Error string }
	}
	if err := json.Unmarshal(raw, &all); err != nil || len(all.WNS) == 0 {
		t.Fatal(len(all.WNS), err)
	}
	d, ctx := newDesk(t, Options{}), t.Context()
	for _, w := range all.WNS {
		f, err := d.AddFault(ctx, faults.Rule{Fault: w.Line})
		if w.Error != "" {
			fails(t, err, http.StatusBadRequest, w.Error)
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", w.Line, err)
			continue
		}
		r, err := faults.Parse(w.Line)
		if err != nil || f.Times != r.Times || f.App != r.App || f.Device != r.Device || f.Header != r.Header || f.Probability != r.Probability {
			t.Errorf("%q: %+v, want %+v %v", w.Line, f, r, err)
		}
	}
	_, err = d.AddFault(ctx, faults.Rule{Fault: "status=503 times=2", Times: 3})
	fails(t, err, http.StatusBadRequest, "times is given twice")
}

// TestFaultsTellTheirBounds: the list says what a fault is bound to, and how often it is
// left, without a channel's secret.
func TestFaultsTellTheirBounds(t *testing.T) {
	d, ctx := newDesk(t, Options{}), t.Context()
	ch := must(d.Channels(ctx, device))(t)[0]
	uri := d.wns.Channels(device)[0].URI
	made := must(d.AddFault(ctx, faults.Rule{Fault: `status=503,Retry-After="5" device=` + device + ` times=3 header="X-WNS-Type: wns/raw"`, Channel: uri}))(t)
	must(d.Push(ctx, Push{Device: device}))(t)
	list := must(d.Faults(ctx))(t)
	if len(list) != 1 {
		t.Fatal(list)
	}
	f := list[0]
	if f.ID != made.ID || f.Device != device || f.Channel != ch.ID || f.Header != "X-WNS-Type: wns/raw" || f.Times != 3 || f.Left != 2 || f.Hits != 1 || f.On != "notification" {
		t.Errorf("%+v", f)
	}
	line := d.wns.Faults()[0].String()
	for _, want := range []string{`status=503,Retry-After="5" on=notification`, "device=" + device, `header="X-WNS-Type: wns/raw"`, "times=3", "happened 1 times", "channel=[redacted]"} {
		if !strings.Contains(line, want) {
			t.Errorf("%s: no %s", line, want)
		}
	}
	if strings.Contains(line, uri) {
		t.Error("the channel's URI is shown")
	}
}
