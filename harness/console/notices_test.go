package console

import (
	"net/http"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/lab"
)

// TestNotices: what a newcomer stumbles on, and that it is told no longer than it is so.
func TestNotices(t *testing.T) {
	t.Parallel()
	attempt := func(cause intercept.Cause, host string) func(*bench) {
		return func(b *bench) {
			b.wns.Attempted(intercept.Attempt{Cause: cause, Host: host, Peer: "127.0.0.1:9", Error: "tls: unknown certificate authority"})
		}
	}
	token := func(b *bench) { b.tokenRequest(b.wns.Apps()[0].Secret) }
	wrong := func(b *bench) { b.tokenRequest("wrong") }
	own := func(b *bench) { b.push(b.open("D"), nil) }
	pushed := func(b *bench) {
		b.request("POST", b.open("E").URI, http.Header{"Authorization": {"Bearer x"}, "X-Wns-Type": {"wns/raw"}}, "hi")
	}
	for name, c := range map[string]struct {
		before []func(*bench)
		want   []string // the words of the notices, and a part of what they say
	}{
		"nobody came":                      {nil, []string{"waiting: No server has connected to the fake WNS yet"}},
		"the console's own push":           {[]func(*bench){own}, []string{"waiting: No server has connected to the fake WNS yet"}},
		"our certificate was refused":      {[]func(*bench){attempt(intercept.Untrusted, "login.live.com"), attempt(intercept.Untrusted, "login.live.com")}, []string{"no request: The sender does not trust the certificate"}},
		"a host that is not allowed":       {[]func(*bench){attempt(intercept.OtherHost, "a.example:443")}, []string{"no request: The proxy does not connect to a.example:443"}},
		"plain HTTP":                       {[]func(*bench){attempt(intercept.NoTLS, "")}, []string{"no request: The sender speaks plain HTTP"}},
		"refused, and then it came":        {[]func(*bench){attempt(intercept.Untrusted, "login.live.com"), token, pushed}, nil},
		"a host, and then it came":         {[]func(*bench){attempt(intercept.OtherHost, "a.example:443"), token, pushed}, []string{"host not allowed: The proxy does not connect to a.example:443"}},
		"a wrong secret":                   {[]func(*bench){wrong}, []string{"token refused: The server's last token request was refused: client_secret does not match the app"}},
		"a wrong secret, then a right one": {[]func(*bench){wrong, token, pushed}, nil},
		"a token without a push":           {[]func(*bench){token}, []string{"no push yet: A server has a token"}},
	} {
		b := plain(t, nil)
		for _, f := range c.before {
			f(b)
		}
		got := (&console{Options: Options{WNS: b.wns, Unreached: (&lab.Lab{}).Unreached}}).notices()
		if len(got) != len(c.want) {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		for i, n := range got {
			if s := n.Word + ": " + n.Saw; !strings.HasPrefix(s, c.want[i]) || n.Do == "" {
				t.Errorf("%s: %s, to do: %s", name, s, n.Do)
			}
		}
	}
}
