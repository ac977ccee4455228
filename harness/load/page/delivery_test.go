package page

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/dmwake/dmwake/harness/load/result"
)

// TestDeliveryPage: the page has the table and one plot, also if a way or a measure is
// missing, and neither fetches nor runs anything.
func TestDeliveryPage(t *testing.T) {
	cpu, more := 0.25, 2.5
	ways := []result.Way{
		{Name: "poll 1m", DeviceHours: 2, Requests: 480, Bytes: 2e6, Connections: 240, ServerCPU: &more, Delivery: result.Times{Count: 5, P50: 31, P95: 58, P99: 59, Max: 60}, Errors: map[string]int64{"<b>lost": 2}},
		{Name: "push, poll 8h", Push: true, DeviceHours: 2, Requests: 6, Bytes: 2e4, Connections: 3, ServerCPU: &cpu, Delivery: result.Times{Count: 6, P50: .006, P95: .012, P99: .9, Max: 1.5}},
		{Name: "push, poll 1m", Push: true, DeviceHours: 2, Requests: 486, Bytes: 2e6, Connections: 243, Delivery: result.Times{Count: 6, P50: .006, P95: .012, P99: .9, Max: 1.5}},
	}
	for name, c := range map[string]struct {
		ways []result.Way
		bars int
	}{"all": {ways, 2 + 3*7}, "one": {ways[:1], 8}, "none": {nil, 0}, "nothing measured": {[]result.Way{{Name: "x"}}, 0}} {
		d := &result.Delivery{Devices: 2, Hours: 1, Speed: 60, Work: "get", WorkRate: 3, Ways: c.ways, Notes: []string{"<script>alert(1)</script>"}}
		var b bytes.Buffer
		if err := WriteDelivery(&b, d); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text := b.String()
		doc, err := html.Parse(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		plots := 0
		for n := range doc.Descendants() {
			switch n.Data {
			case "script", "img", "link", "iframe":
				t.Errorf("%s: the page has a <%s>", name, n.Data)
			case "svg":
				plots++
			}
		}
		if bars := strings.Count(text, "stroke-width:9"); plots != 1 || bars != c.bars {
			t.Errorf("%s: %d plots, %d bars, want %d", name, plots, bars, c.bars)
		}
		for _, w := range c.ways {
			if w.DeviceHours > 0 && !strings.Contains(text, ">"+w.Name+"<") {
				t.Errorf("%s: the page lacks %s", name, w.Name)
			}
		}
	}
}
