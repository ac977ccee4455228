package compare

import (
	"context"
	"crypto/tls"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// anyName is the TLS configuration of a device that reaches the stage under the names
// of real servers.
func anyName() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true} //nolint:gosec // the stage is on loopback and has no such names
}

// hurry is a clock on which no wait takes time.
type hurry struct{}

// Now implements dmclient.Clock.
func (hurry) Now() time.Time { return time.Now() }

// AfterFunc implements dmclient.Clock.
func (hurry) AfterFunc(_ time.Duration, f func()) func() {
	go f()
	return func() {}
}

// channels is a push service that gives every device a channel and sends nothing.
type channels struct{ dmclient.IgnoreEvents }

// OpenChannel implements dmclient.WNS.
func (channels) OpenChannel(_ context.Context, device, _ string, _ func([]byte)) (string, time.Time, error) {
	return "https://db5p.notify.windows.com/?token=AwYAAA" + device, time.Now().AddDate(0, 0, 30), nil
}

// CloseChannel implements dmclient.WNS.
func (channels) CloseChannel(string) {}
