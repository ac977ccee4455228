package faults

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/faultspec"
)

// noHeaders leaves every header of WNS out.
type noHeaders struct{}

func (noHeaders) Fault() string { return "no X-WNS headers" }

func (noHeaders) Send(w http.ResponseWriter, _ *http.Request, _ *fakewns.Reply) bool {
	for name := range w.Header() {
		if strings.HasPrefix(strings.ToUpper(name), "X-WNS-") {
			delete(w.Header(), name)
		}
	}
	return false
}

// headerNames writes the status header in one way only: senders read either.
type headerNames string

func newHeaderNames(v faultspec.Value) (fakewns.Fault, error) {
	switch arg := v.Text(); arg {
	case "old", "new", "lower":
		return fakewns.Fault{Do: headerNames(arg)}, nil
	}
	return fakewns.Fault{}, fmt.Errorf("unknown header name style %q; known: old, new, lower", v.Text())
}

func (n headerNames) Fault() string { return "header names: " + string(n) }

func (n headerNames) Send(w http.ResponseWriter, _ *http.Request, _ *fakewns.Reply) bool {
	h := w.Header()
	switch n {
	case "old":
		delete(h, "X-WNS-STATUS")
	case "new":
		delete(h, "X-WNS-NOTIFICATIONSTATUS")
	case "lower":
		for name, values := range h {
			if strings.HasPrefix(name, "X-WNS-") {
				delete(h, name)
				h[strings.ToLower(name)] = values
			}
		}
	}
	return false
}
