package scenarios

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
)

// TestQueueAndHookPush: a queue that pushes by itself may stand beside a push hook. The
// server is not blamed for the second push, whether or not target.push_on_queue says so.
func TestQueueAndHookPush(t *testing.T) {
	t.Parallel()
	list, err := Select(nil, []string{"CHN", "WNS", "WER", "PSH"})
	if err != nil {
		t.Fatal(err)
	}
	for _, said := range []bool{true, false} {
		t.Run(fmt.Sprintf("push_on_queue %t", said), func(t *testing.T) {
			t.Parallel()
			l := foreign{push: true, variants: []*variants.Variant{variants.PushItself}, hooks: lab.ReferenceHooks}.start(t)
			l.Config.Target.PushOnQueue = said
			for _, r := range suite.Collect(t.Context(), l, list, suite.Options{Parallel: 8, Catalogue: All()}).Results {
				if r.Broken() || r.Outcome == report.Errored || r.Outcome == report.Blocked || strings.Contains(r.Reason, "push_on_queue") {
					t.Errorf("%s %s: expected %s, saw %s %s %s", r.ID, r.Outcome, r.Expected, r.Saw, r.Reason, strings.Join(r.Evidence, "\n"))
				}
			}
		})
	}
}
