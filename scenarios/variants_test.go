package scenarios

import (
	"flag"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver/variants"
)

var allVariants = flag.Bool("variants", false, "run every scenario on every variant and on 60 combinations of three")

// tolerated are the scenarios that need not pass on a variant.
type tolerated struct {
	// breaks are the rules that the variant breaks: they may fail or warn.
	breaks []string
	// undecided are the rules that nothing on this server shows.
	undecided []string
}

// ofPolicies are the rules of the reply to GetPolicies, which a server may have none
// of.
var ofPolicies = []string{"ENR-08", "ENR-28", "ENR-31", "ENR-33", "ENR-49", "ENR-50", "ENR-51", "ENR-52"}

// ofLinked are the scenarios of linked enrollments.
var ofLinked = []string{"WDC-01", "WDC-02", "WDC-03", "WDC-04", "WDC-05", "WDC-06", "WDC-07", "WDC-08", "WDC-09"}

// onVariant says what the variants may do to the suite; every other scenario
// must pass on them.
var onVariant = map[*variants.Variant]tolerated{
	variants.EndEmpty:         {undecided: []string{"SES-06", "SES-11", "SES-46"}}, // a session of one message shows no numbering, its end no Statuses
	variants.Features:         {undecided: ofLinked},                               // its linked enrollment is of another server
	variants.AlertsRefused:    {breaks: []string{"WDC-03"}},                        // the alert of the documents' states, too
	variants.NoPolicyService:  {undecided: ofPolicies},
	variants.PolicyServiceNil: {undecided: ofPolicies},
	variants.PoliciesCurves:   {undecided: []string{"ENR-31", "ENR-33"}},                               // the keys of these devices are RSA
	variants.FaultNoDetail:    {breaks: []string{"ENR-65"}},                                            // NotEligibleToRenew stands in the detail
	variants.RenewalWindow:    {undecided: []string{"ENR-21", "ENR-47", "ENR-64", "ENR-66", "PSH-11"}}, // certificates are new
	variants.PushItself:       {undecided: []string{"PSH-03"}},                                         // no push without work
	variants.QueueExec:        {undecided: []string{"SES-19", "SES-61", "PSH-09", "PSH-10"}},           // they need a Get or an Add
	variants.FinalIdle:        {breaks: []string{"SES-13", "MSG-15"}},
	variants.ResultsAnswered:  {breaks: []string{"MSG-09"}},
	variants.DocumentVendor:   {breaks: []string{"ENR-85"}},
	variants.CriteriaNone:     {breaks: []string{"ENR-110"}},
	variants.WBXML:            {undecided: []string{"SES-23"}}, // devices send no XML
}

// TestVariants: the suite passes on every server that does what the standards
// allow in another way. make variants runs each variant and 60 combinations of
// three, make ci six combinations, in which no variant is twice.
func TestVariants(t *testing.T) {
	t.Parallel()
	all := variants.All()
	draw := rand.New(rand.NewPCG(1, 1)) // the same combinations every time
	three := func() []*variants.Variant {
		draw.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		return slices.Clone(all[:3])
	}
	var servers [][]*variants.Variant
	if *allVariants {
		for _, v := range variants.All() {
			servers = append(servers, []*variants.Variant{v})
		}
		for range 60 {
			servers = append(servers, three())
		}
	} else {
		three()
		servers = sampled(slices.Collect(slices.Chunk(all[:18], 3)))
	}
	besides(servers, func(i int, list []*variants.Variant) {
		names := make([]string, len(list))
		for i, v := range list {
			names[i] = v.Name
		}
		server := strings.Join(names, " + ")
		l, err := lab.Start(nil, lab.Options{Variants: list, Seed: uint64(i + 1), Quiet: 1500 * time.Millisecond, Crowd: 40, Keys: sharedKeys})
		if err != nil {
			t.Errorf("%s: %v", server, err)
			return
		}
		defer l.Close()
		l.Config.Timeouts.Latency = 20 * time.Second // how soon is not the question here
		noEnroll := l.Preflight(t.Context())
		for _, r := range suite.Collect(t.Context(), l, All(), suite.Options{Parallel: 4, NoEnroll: noEnroll}).Results {
			if !lawful(list, &r) {
				t.Errorf("%s on %s: %s %s, expected %s, saw %s", r.ID, server, r.Outcome, r.Reason, r.Expected, r.Saw)
			}
		}
	})
}

// lawful tells whether a scenario may end like this on these variants.
func lawful(list []*variants.Variant, r *report.Result) bool {
	breaks, undecided := false, false
	for _, v := range list {
		breaks = breaks || slices.Contains(onVariant[v].breaks, r.ID)
		undecided = undecided || slices.Contains(onVariant[v].undecided, r.ID)
		undecided = undecided || r.BlockedBy != "" && slices.Contains(onVariant[v].breaks, r.BlockedBy)
	}
	switch r.Outcome {
	case report.Passed:
		return true
	case report.Failed, report.Warned:
		return breaks
	case report.Blocked, report.NotApplicable:
		return undecided
	}
	return false
}
