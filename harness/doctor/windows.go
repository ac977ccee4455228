package doctor

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// undiscovered says what to do about a Discover that failed.
func (p *patient) undiscovered(err error) string {
	var e *enroll.Error
	var f *enroll.Fault
	switch {
	case !errors.As(err, &e):
		return "check the target section"
	case e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed:
		return "check the path of target.discovery: it is usually /EnrollmentServer/Discovery.svc"
	case lab.RefusesVersion(err) && len(p.t.Profiles) == 1:
		profile := p.profile()
		return fmt.Sprintf("if the server does not take RequestVersion %s, set target.profiles to an older Windows, for example [win10-22h2] (dmwake init finds the newest one that it takes); else look in the server's log", profile.RequestVersion)
	case lab.RefusesVersion(err):
		return "the server refuses Discover of every Windows in target.profiles: set older ones there, or look in the server's log"
	case errors.As(err, &f):
		return "the path is right, and the server refuses: its own words are above"
	case e.Status == http.StatusOK:
		return "the reply is not SOAP: check that target.discovery is the discovery service, not a page"
	}
	return "look in the server's log"
}

// stops are the reasons why a real Windows would not have enrolled where the
// simulated device did.
func (p *patient) stops() (out []Finding) {
	overlooked := p.lab.Overlooked()
	moved := len(p.lab.Moved()) // told before; they come last
	notes := p.lab.Notes()
	for _, n := range notes[:len(notes)-moved] {
		f := Finding{State: Note, Saw: n, Do: "the ENR scenarios say more; the run goes on anyway"}
		if slices.Contains(overlooked, n) {
			f.State, f.Do = Stops, "a real Windows does not enroll: the ENR scenarios show the messages; the suite goes on anyway"
		}
		out = append(out, f)
	}
	for _, ex := range p.device.EnrollExchanges() {
		if ex.Status != http.StatusOK || ex.Method != http.MethodPost || !strings.Contains(ex.Reply.Get("Content-Type"), "xml") {
			continue
		}
		unbound, err := syncml.UnboundPrefixes(ex.Response)
		if err != nil || len(unbound) > 0 {
			saw := fmt.Sprintf("the reply of %s is not well-formed: %v", ex.URL, err)
			if err == nil {
				saw = fmt.Sprintf("the reply of %s is not well-formed: %s", ex.URL, strings.Join(unbound, ", "))
			}
			out = append(out, Finding{State: Stops, Saw: saw, Do: "bind every prefix, and write XML with a library; dmwake test --only ENR-03,ENR-08,ENR-11 shows the reply"})
		}
	}
	return out
}
