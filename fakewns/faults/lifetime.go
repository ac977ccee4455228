package faults

import (
	"net/http"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/faultspec"
)

// shortLived makes a sender renew its token while it is watched.
func shortLived(arg faultspec.Value) (fakewns.Fault, error) {
	d, err := faultspec.Duration(arg.Text(), time.Minute)
	return fakewns.Fault{TokenLifetime: d}, err
}

// early makes a token expire too soon, as a wrong clock or a revoked token
// looks to a sender.
type early struct{}

func (early) Fault() string { return "tokens end sooner than expires_in says" }

func (early) Answer(h http.Header, reply *fakewns.Reply) { expiresAs("86400").Answer(h, reply) }

func diesEarly(arg faultspec.Value) (fakewns.Fault, error) {
	d, err := faultspec.Duration(arg.Text(), time.Minute)
	return fakewns.Fault{TokenLifetime: d, Do: early{}}, err
}
