package faults

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/dmwake/dmwake/fakewns"
)

// redirect sends a sender to another host. A sender that follows leaks its
// token.
type redirect string

func newRedirect(arg string) (fakewns.Fault, error) {
	if arg == "" {
		arg = "https://db3.notify.windows.com/?token=elsewhere"
	}
	if u, err := url.Parse(arg); err != nil || u.Host == "" {
		return fakewns.Fault{}, fmt.Errorf("%q is not a URL", arg)
	}
	return fakewns.Fault{Do: redirect(arg)}, nil
}

func (redirect) Fault() string { return "redirect" }

func (r redirect) Answer(h http.Header, reply *fakewns.Reply) {
	h.Set("Location", string(r))
	reply.Status, reply.Body = http.StatusTemporaryRedirect, nil
}
