package faults

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/faultspec"
)

// redirect sends a sender to another host. A sender that follows leaks its
// token.
type redirect struct {
	status int
	to     string
}

// redirections are the statuses that HTTP clients follow by themselves (RFC 9110
// section 15.4), some with another method.
var redirections = map[string]int{"301": http.StatusMovedPermanently, "302": http.StatusFound, "303": http.StatusSeeOther,
	"307": http.StatusTemporaryRedirect, "308": http.StatusPermanentRedirect}

func newRedirect(v faultspec.Value) (fakewns.Fault, error) {
	arg := v.Text()
	r := redirect{http.StatusTemporaryRedirect, arg}
	code, to, _ := strings.Cut(arg, ",")
	if status, ok := redirections[code]; ok {
		r = redirect{status, to}
	}
	if r.to == "" {
		r.to = "https://db3.notify.windows.com/?token=elsewhere"
	}
	if u, err := url.Parse(r.to); err != nil || u.Host == "" {
		return fakewns.Fault{}, fmt.Errorf("%q is not a URL, nor 301, 302, 303, 307 or 308 and a URL", arg)
	}
	return fakewns.Fault{Do: r}, nil
}

func (redirect) Fault() string { return "redirect" }

func (r redirect) Answer(h http.Header, reply *fakewns.Reply) {
	h.Set("Location", r.to)
	reply.Status, reply.Body = r.status, nil
}
