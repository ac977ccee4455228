package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

func TestShowPage(t *testing.T) {
	since := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for want, p := range map[string]dmclient.StatusPage{
		"": {},
		`page       Enrollment Status Page, device setup, since 12:00 UTC; it blocks the device
  fails    at 13:00 UTC
  waits    ServerHasFinishedProvisioning: not true
  counts   tracked apps: 1 of 2
`: {Phase: "device setup", Since: since, TimeOut: since.Add(time.Hour), Blocks: true, Waits: []string{"ServerHasFinishedProvisioning: not true"},
			Progress: []string{"tracked apps: 1 of 2"}},
		`page       Enrollment Status Page, account setup, since 12:00 UTC; the user can leave it
  failed   not finished
  offers   Reset PC, Try again
`: {Phase: "account setup", Since: since, Failed: "not finished", Buttons: []string{"Reset PC", "Try again"}},
	} {
		var b strings.Builder
		if showPage(&b, p); b.String() != want {
			t.Errorf("got\n%swant\n%s", b.String(), want)
		}
	}
}
