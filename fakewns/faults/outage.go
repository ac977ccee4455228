package faults

import (
	"net/http"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/faultspec"
)

// outage is a service that is down for a while and sends Retry-After.
func outage(arg faultspec.Value) (fakewns.Fault, error) {
	d, err := faultspec.Duration(arg.Text(), time.Minute)
	return fakewns.Fault{Status: http.StatusServiceUnavailable, RetryAfter: "10", For: d}, err
}
