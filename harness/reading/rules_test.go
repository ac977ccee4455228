package reading

import "testing"

// TestRulesAreThere: each scenario that a log is judged by is one that listens, and
// the scenarios of a PFN are there.
func TestRulesAreThere(t *testing.T) {
	r := newRules()
	if len(r.list) != len(onMessages) {
		t.Errorf("%d of %d scenarios", len(r.list), len(onMessages))
	}
	for _, s := range r.list {
		if s.Hears == nil {
			t.Errorf("%s does not listen", s.ID)
		}
	}
	for _, id := range []string{"PFN-02", "PFN-03", "PFN-04", "PFN-06"} {
		if r.byID[id] == nil {
			t.Errorf("%s is no scenario", id)
		}
	}
}
