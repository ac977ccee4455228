package scenarios

import (
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// TestReportShowsDocument: a failure that is about the provisioning document comes with
// that document, readable, without its secrets.
func TestReportShowsDocument(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1, Mutants: []*mutants.Mutant{mutants.EnrNoncePlain}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	all := All()
	r, err := suite.Run(t.Context(), l, &all[slices.IndexFunc(all, func(s Scenario) bool { return s.ID == "ENR-16" })])
	if err != nil || !r.Broken() {
		t.Fatalf("%s %v", r.Outcome, err)
	}
	var text strings.Builder
	for _, e := range r.Exchanges {
		text.WriteString(e.Request + e.Response)
	}
	for _, want := range []string{`<wap-provisioningdoc`, `type="APPLICATION"`, `name="AAUTHSECRET" value="[redacted]"`} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the report has no %s", want)
		}
	}
}
