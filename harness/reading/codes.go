package reading

import (
	"slices"
	"strings"

	"github.com/dmwake/dmwake/harness/paste"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// codes are what dmwake explain may be asked for, each once, in the order in which
// they come.
type codes struct{ list []string }

// maxCodes bounds them.
const maxCodes = 200

func (c *codes) add(code string) {
	if code != "" && len(c.list) < maxCodes && !slices.Contains(c.list, code) {
		c.list = append(c.list, code)
	}
}

// message adds the codes of a message: Statuses that are no plain success, the errors
// behind them, and the Alerts by which devices tell of trouble.
func (c *codes) message(m *paste.Message) {
	for i := range m.Body {
		switch k := &m.Body[i]; k.Verb {
		case syncml.Status:
			if code := k.Code(); code == 202 || code >= 214 && code < 1000 {
				c.add(k.Data)
			}
			c.add(strings.ToLower(k.OriginalError))
		case syncml.Alert:
			if k.Data == "1223" || k.Data == "1225" || k.Data == "1226" {
				c.add(k.Data)
			}
		}
	}
}
