package cli

import (
	"sync"

	"github.com/dmwake/dmwake/fakewns/control"
	"github.com/dmwake/dmwake/harness/console"
	"github.com/dmwake/dmwake/harness/devices"
	"github.com/dmwake/dmwake/harness/lab"
)

// labConsole are the pages of a lab.
func labConsole(l *lab.Lab, held *devices.Pool, token string) control.Part {
	environment := sync.OnceValue(func() string {
		trust, err := l.CA.WriteTrust()
		if err != nil {
			return "" // the lab ends because of it
		}
		return lab.Environment(&l.Config, trust)
	})
	return console.Part(console.Options{WNS: l.WNS, Devices: held, Token: token, Environment: environment, Unreached: l.Unreached})
}
