package faults

import (
	"net/http"
	"time"

	"github.com/dmwake/dmwake/fakewns"
)

// outage is a service that is down for a while and says when to come again.
func outage(arg string) (fakewns.Fault, error) {
	d, err := span(arg, time.Minute)
	return fakewns.Fault{Status: http.StatusServiceUnavailable, RetryAfter: "10", For: d}, err
}
