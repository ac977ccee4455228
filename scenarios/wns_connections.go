package scenarios

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/report"
)

// wnsConnections are the WNS scenarios about which hosts a sender trusts, and how
// often it connects.
var wnsConnections = []Scenario{
	{ID: "WNS-13", Level: report.Must, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "the certificate of WNS is verified",
		Rule:    "A host whose certificate does not match the channel's host gets no notification, and no token.",
		Source:  "RFC 6125; " + learnWNS,
		Fix:     "Do not turn off certificate checks in the HTTP client.",
		Mutants: []*mutants.Mutant{mutants.WnsTLSAny},
		Run:     strangerForNotification},
	{ID: "WNS-14", Level: report.Must, Needs: []Need{NeedPush}, Title: "a redirect is not followed with the token",
		Rule:    "WNS does not redirect. A sender that follows a redirect to another host, be it 301, 302, 303, 307 or 308, must not take its access token there.",
		Source:  "RFC 9110 section 15.4; " + learnWNS,
		Fix:     "Turn off redirects in the HTTP client, or drop Authorization for another host.",
		Mutants: []*mutants.Mutant{mutants.WnsRedirect, mutants.WnsRedirectGet},
		Run:     redirected},
	{ID: "WNS-15", Level: report.Should, Reach: suite.AloneAtWNS, Needs: []Need{NeedPush}, Title: "connections are reused",
		Rule:    "A connection to WNS serves more than one notification: here at most two connections for four notifications, sent a while apart.",
		Source:  "RFC 9112 section 9.3; the bound is ours",
		Fix:     "Share one HTTP client, and read and close response bodies.",
		Mutants: []*mutants.Mutant{mutants.WnsNoReuse},
		Run: func(t *T) {
			d := t.WithChannel()
			begun := d.Mark()
			known, opened := map[string]bool{}, map[string]bool{}
			for _, e := range t.Lab.WNS.Journal().Since(0, nil) {
				known[e.Peer] = true
			}
			for i := range 4 {
				m := d.Mark()
				t.Push(d)
				for _, e := range d.AwaitPushes(begun, i+1) {
					if !known[e.Peer] {
						opened[e.Peer] = true
					}
				}
				d.Settle(m) // frees the connection
			}
			// A server that sends several at once needs as many.
			atOnce := (len(d.Pushes(begun)) + 3) / 4
			t.Expect(len(opened), "connections opened for four pushes").To(BeNumerically("<=", 2*atOnce))
		}},
}

// redirected pushes into a redirect of each kind, each of another device, and then
// counts what arrived at the other hosts. HTTP clients treat the kinds differently:
// some follow 303 by GET but leave 307 to their caller.
func redirected(t *T) {
	var judge []func()
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		d := t.Next().Ready()
		to, withToken := anotherHost(t, d)
		remove := t.Fault(fmt.Sprintf("redirect=%d,%s", status, to), d)
		m := d.Mark()
		t.PushInBackground(d)
		faulted(d, m)
		if t.Lab.Config.Target.Shared() {
			t.Quiet() // the next redirect is for the same device
		}
		remove()
		judge = append(judge, func() {
			t.Try(fmt.Sprint(status), func() {
				t.Expect(withToken(m), "requests with the access token to the host of the redirect").To(BeZero())
			})
		})
	}
	t.Quiet()
	for _, f := range judge {
		f()
	}
}

// anotherHost returns a URL on a different host than the channel's, and a function
// that counts requests with an access token there since a mark. Through the lab's
// proxy a server can reach only hosts of WNS.
func anotherHost(t *T, d *Device) (to string, withToken func(Mark) int) {
	if t.Lab.Config.WNS.Mode == "proxy" {
		token := "elsewhere-" + d.Identity().DeviceID
		return "https://elsewhere.notify.windows.com/?token=" + token, func(m Mark) int {
			list := t.Lab.WNS.Journal().Since(m.Journal, func(e *fakewns.Entry) bool { return strings.Contains(e.Target, token) && e.BearerToken() != "" })
			return len(list)
		}
	}
	e := t.Elsewhere()
	return e.URL + "?token=elsewhere", func(Mark) int { return e.WithToken() }
}

// stranger presents the right certificate until it is on, and from then on one for
// another name.
type stranger struct {
	on  atomic.Bool
	mu  sync.Mutex
	met []string // the addresses of peers that were shown the wrong one
}

// Fault implements fakewns.Action.
func (*stranger) Fault() string { return "a certificate for another name" }

// Certificate implements fakewns.Handshaker.
func (s *stranger) Certificate(hello *tls.ClientHelloInfo, leaf func(string) (*tls.Certificate, error)) (*tls.Certificate, error) {
	if !s.on.Load() {
		return leaf(hello.ServerName)
	}
	s.mu.Lock()
	s.met = append(s.met, hello.Conn.RemoteAddr().String())
	s.mu.Unlock()
	return leaf("wrong-name.notify.windows.com")
}

// peers are the addresses of those who were shown the wrong certificate.
func (s *stranger) peers() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.met)
}

// turn refuses a notification's token, and makes WNS a stranger before the server
// can request a new one.
type turn struct{ into *stranger }

// Fault implements fakewns.Action.
func (turn) Fault() string { return "401, and a stranger from then on" }

// Answer implements fakewns.Answerer.
func (a turn) Answer(h http.Header, r *fakewns.Reply) {
	a.into.on.Store(true)
	h.Set("Connection", "close")
	r.Status, r.Body = http.StatusUnauthorized, nil
}

// strangeWNS prepares a server with a token and no connection to WNS, and a WNS
// that can switch to a wrong certificate.
func strangeWNS(t *T) (*Device, *stranger) {
	d := t.WithChannel()
	d.Settle(soundPush(d)) // now the server has a token
	// The next scenario finds a server with a token.
	t.After(func() {
		m := d.Mark()
		t.TryPush(d) //nolint:errcheck // other scenarios judge a stuck server
		d.AwaitAccepted(m)
	})
	s := &stranger{}
	t.Inject(fakewns.Fault{Name: s.Fault(), On: fakewns.Handshake, Do: s})
	t.CutWNS()
	return d, s
}

func strangerForNotification(t *T) {
	d, s := strangeWNS(t)
	s.on.Store(true)
	m := d.Mark()
	strangersMet(t, d, s, m)
}

// strangerForToken lets the server send one more notification to the genuine WNS;
// its 401 makes the server request a token.
func strangerForToken(t *T) {
	d, s := strangeWNS(t)
	t.Inject(fakewns.Fault{Name: turn{}.Fault(), On: fakewns.Notification, Device: d.Identity().DeviceID, Do: turn{s}, Times: 1})
	m := d.Mark()
	// A sender may lose notifications to connections that were cut.
	for range 3 {
		t.PushInBackground(d)
		if t.Shortly(func() bool { return len(d.Pushes(m)) > 0 }) {
			break
		}
	}
	faulted(d, m)
	strangersMet(t, d, s, m)
}

// strangersMet watches the connections since m that were shown the wrong certificate:
// no request may arrive on them. It ends when the server has closed them. A slow
// machine may take its time between the handshake and the request, so a connection
// that stays open is watched as long as a push may take.
func strangersMet(t *T, d *Device, s *stranger, m Mark) {
	for range 3 {
		if t.Shortly(func() bool { return len(s.peers()) > 0 }) {
			break
		}
		t.PushInBackground(d)
	}
	if !t.Soon(func() bool { return len(s.peers()) > 0 }) {
		t.Blocked(suite.By(suite.Pushes, suite.Notifies, "WER-14"), "the server opened no new connection to WNS after its connections were closed")
	}
	var talked *fakewns.Entry
	t.Soon(func() bool {
		peers := s.peers()
		open := slices.ContainsFunc(peers, t.Lab.Connected)
		// A request is in the journal before its connection closes.
		for _, e := range t.Lab.WNS.Journal().Since(m.Journal, suite.IsRequest) {
			if slices.Contains(peers, e.Peer) {
				talked = e
				return true
			}
		}
		return !open
	})
	if talked != nil {
		t.Evidence("%s", talked)
		t.Fail("no request over a connection with a certificate for another name", fmt.Sprintf("a %s request", talked.Kind))
	}
}
