package scenarios

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// renewalSetup are the ENR scenarios about what the document says of renewal. A
// document that says nothing of it is judged by ENR-17.
var renewalSetup = []Scenario{
	{
		ID: "ENR-79", Level: report.Must, Title: "renewal values have their datatypes",
		Rule:    "ROBOSupport, RenewPeriod and RetryInterval, where present, have a datatype: boolean the first, integer the others.",
		Source:  "MS-MDE2 2.2.9.1; Learn, \"Federated authentication device enrollment\"",
		Fix:     "Write datatype=\"boolean\" on ROBOSupport, and datatype=\"integer\" on RenewPeriod and RetryInterval.",
		Mutants: []*mutants.Mutant{mutants.EnrRenewUntyped},
		Run: func(t *T) {
			list := documentOf(t.Specimen()).Renew
			for _, want := range [][2]string{{"ROBOSupport", "boolean"}, {"RenewPeriod", "integer"}, {"RetryInterval", "integer"}} {
				t.Try(want[0], func() {
					n := renewNode(list, want[0])
					t.Check(n == nil || n.Datatype == want[1], "datatype "+want[1], datatypeOf(n))
				})
			}
		},
	},
	{
		ID: "ENR-80", Level: report.Should, Title: "renewal values are in their ranges",
		Rule:    "RenewPeriod and RetryInterval, where present, are 1 to 1000 days, and RetryInterval is not above RenewPeriod. Renew/ServerURL, if present, is an absolute https URL.",
		Source:  "MS-MDE2 2.2.9.2; Learn, \"CertificateStore CSP\"",
		Fix:     "Write 60 days into RenewPeriod and 4 into RetryInterval. Write an absolute https URL into ServerURL, or leave it out.",
		Mutants: []*mutants.Mutant{mutants.EnrRetryLong, mutants.EnrRenewURL},
		Run: func(t *T) {
			list := documentOf(t.Specimen()).Renew
			period, retry := renewNode(list, "RenewPeriod"), renewNode(list, "RetryInterval")
			for _, n := range []*enroll.ProviderNode{period, retry} {
				if n != nil {
					t.Try(n.Path, func() {
						v := daysIn(n)
						t.Check(v >= 1 && v <= 1000, "1 to 1000 days", suite.Show(n.Value))
					})
				}
			}
			if period != nil && retry != nil && daysIn(period) > 0 {
				t.Try("both", func() {
					t.Check(daysIn(retry) <= daysIn(period), "a RetryInterval of at most "+period.Value+" days, the RenewPeriod", retry.Value)
				})
			}
			if n := renewNode(list, "ServerURL"); n != nil {
				t.Try("ServerURL", func() { t.Check(absolute(n.Value), "an absolute https URL", suite.Show(n.Value)) })
			}
		},
	},
	{
		ID: "ENR-81", Level: report.Should, Title: "renewal does not start at once",
		Rule:    "RenewPeriod is a day or more shorter than the life of the certificate: otherwise devices renew it as soon as they get it.",
		Source:  "Learn, \"Certificate renewal\"; MS-MDE2 2.2.9.2",
		Fix:     "Issue certificates that live longer, or shorten RenewPeriod.",
		Mutants: []*mutants.Mutant{mutants.EnrRenewEarly},
		Run: func(t *T) {
			d := t.Specimen()
			n := renewNode(documentOf(d).Renew, "RenewPeriod")
			if n == nil {
				return
			}
			life := lifeLeft(d)
			t.Check(daysIn(n) < days(life), fmt.Sprintf("a RenewPeriod below %d days, the life of the certificate", days(life)), n.Value)
		},
	},
	{
		ID: "ENR-82", Level: report.Info, Title: "renewal starts 40 to 60 days before the end",
		Rule:    "Microsoft recommends a RenewPeriod of 40 to 60 days and a RetryInterval of 4 or 5 days, so that devices try on different days of the week. Certificates that live shorter than four months are not judged.",
		Source:  "Learn, \"Certificate renewal\"",
		Fix:     "Set RenewPeriod to 60 and RetryInterval to 4.",
		Mutants: []*mutants.Mutant{mutants.EnrRenewLate},
		Run: func(t *T) {
			d := t.Specimen()
			list := documentOf(d).Renew
			if lifeLeft(d) < fourMonths {
				return
			}
			period, retry := renewNode(list, "RenewPeriod"), renewNode(list, "RetryInterval")
			switch {
			case period != nil && daysIn(period) >= days(lifeLeft(d)):
				t.Blocked(suite.By("ENR-81"), "renewal starts at once")
			case period != nil && retry != nil && daysIn(retry) > daysIn(period):
				t.Blocked(suite.By("ENR-80"), "RetryInterval is longer than RenewPeriod")
			}
			for _, r := range []struct {
				name     string
				from, to int
			}{{"RenewPeriod", 40, 60}, {"RetryInterval", 4, 5}} {
				t.Try(r.name, func() {
					n := renewNode(list, r.name)
					t.Check(n == nil || daysIn(n) >= r.from && daysIn(n) <= r.to, fmt.Sprintf("%d to %d days", r.from, r.to), valueOf(n))
				})
			}
		},
	},
}

const fourMonths = 120 * 24 * time.Hour

// renewNode returns a value under CertificateStore/My/WSTEP/Renew; nil if absent.
// MS-MDE2 2.2.9.2 calls RenewPeriod RenewalPeriod, unlike its own sample.
func renewNode(list []enroll.ProviderNode, name string) *enroll.ProviderNode {
	i := slices.IndexFunc(list, func(n enroll.ProviderNode) bool {
		return strings.EqualFold(n.Path, name) || name == "RenewPeriod" && strings.EqualFold(n.Path, "RenewalPeriod")
	})
	if i < 0 {
		return nil
	}
	return &list[i]
}

func valueOf(n *enroll.ProviderNode) string {
	if n == nil {
		return ""
	}
	return suite.Show(n.Value)
}

func datatypeOf(n *enroll.ProviderNode) string {
	if n == nil {
		return ""
	}
	return suite.Show(n.Datatype)
}

// daysIn returns the number in a value, -1 if it is none.
func daysIn(n *enroll.ProviderNode) int {
	v, err := strconv.Atoi(n.Value)
	if err != nil {
		return -1
	}
	return v
}

// lifeLeft returns how long the client certificate was valid when it was issued.
func lifeLeft(d *Device) time.Duration {
	return certOf(d).NotAfter.Sub(exchangeOf(d, enroll.StepToken).At)
}
