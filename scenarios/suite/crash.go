package suite

import (
	"errors"
	"strings"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// A handler that crashes on unexpected input fails many scenarios, each with its
// own input. All crashes of one endpoint have one cause.
const (
	managementCrash = "the handler of the management address crashes on unexpected input"
	enrollmentCrash = "the handler of an enrollment service crashes on unexpected input"
)

// crash returns the cause of a failure that shows a crash. It is empty for other
// failures, and in scenarios that send only ordinary input.
func (t *T) crash(saw string) string {
	if len(t.s.Decides) > 0 {
		return ""
	}
	shown := func(ex *dmclient.Exchange) bool {
		var c *dmclient.CrashError
		return errors.As(ex.Err, &c) && strings.Contains(saw, c.Error())
	}
	for _, d := range t.devices {
		for _, s := range d.Sessions() {
			for _, ex := range s.Exchanges {
				if shown(ex) {
					return managementCrash
				}
			}
		}
	}
	for _, p := range t.posts {
		if addr := p.device.Address(); shown(p.ex) && addr != "" && strings.HasPrefix(p.ex.URL, addr) {
			return managementCrash
		} else if shown(p.ex) {
			return enrollmentCrash
		}
	}
	for _, d := range t.devices {
		for _, ex := range d.EnrollExchanges() {
			if shown(ex) {
				return enrollmentCrash
			}
		}
	}
	return ""
}
