package scenarios

import (
	"strconv"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// TestWorkForTheUser: a server whose work is for ./User is judged by that work: it may
// hold it back, and must not send it while nobody is logged in.
func TestWorkForTheUser(t *testing.T) {
	forUser := func(c *mdmserver.Config) {
		c.Profile = func(revision int) []mdmserver.Command {
			return []mdmserver.Command{{Verb: syncml.Replace, LocURI: "./User/Vendor/MSFT/Policy/Config/Start/Size", Format: "int", Data: strconv.Itoa(revision)}}
		}
	}
	for name, c := range map[string]struct {
		vary func(c *mdmserver.Config)
		want report.Outcome
	}{
		"sent to nobody": {forUser, report.Warned},
		"held back": {func(c *mdmserver.Config) {
			forUser(c)
			hook.Without(&c.Tamper, func(v *mdmserver.Visit, p *mdmserver.Planned) bool {
				return v.Device.Login == string(dmclient.LoginNone) && strings.HasPrefix(p.Command.Target(), "./User/")
			})
		}, report.Passed},
		"of the device": {func(*mdmserver.Config) {}, report.Passed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := foreign{vary: c.vary, hooks: func(admin string) target.Hooks {
				h := profiles(admin)
				h.Push = nil
				return h
			}}.start(t)
			r, err := suite.Run(t.Context(), l, &only(t, "SES-21")[0])
			if r.Outcome != c.want {
				t.Errorf("%s %s %v; expected %s, saw %s", r.Outcome, r.Reason, err, r.Expected, r.Saw)
			}
		})
	}
}
