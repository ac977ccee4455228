package scenarios

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
)

// TestSenders: verdicts on senders that lose, delay or hold what others send at once.
func TestSenders(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		id   string
		want report.Outcome
		on   foreign
	}{
		{"a push is lost with a connection that was cut", "TOK-10", report.Passed, foreign{hooks: lab.ReferenceHooks, vary: losesOne}},
		{"a slow sender that lets only the refused notification wait", "WER-07", report.Warned, foreign{hooks: lab.ReferenceHooks, vary: slow, broken: []*mutants.Mutant{mutants.Wer406One}}},
		{"a slow sender that waits", "WER-07", report.Passed, foreign{hooks: lab.ReferenceHooks, vary: slow}},
		{"a stampede whose hooks do not end", "TOK-06", report.Warned, foreign{hooks: heldHook(t), broken: []*mutants.Mutant{mutants.TokStampede}}},
		{"no stampede, and hooks that do not end", "TOK-06", report.Skipped, foreign{hooks: heldHook(t)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.on.push = true
			l := c.on.start(t)
			if r, err := suite.Run(t.Context(), l, &only(t, c.id)[0]); r.Outcome != c.want {
				t.Errorf("%s %s %v; expected %s, saw %s", r.Outcome, r.Reason, err, r.Expected, r.Saw)
			}
		})
	}
}

// slow pushes long after it was asked to, as on a busy machine.
func slow(c *mdmserver.Config) {
	c.Tamper.Wake = append(c.Tamper.Wake, func(w *mdmserver.Wake) { w.Delay = 1800 * time.Millisecond })
}

// losesOne gives up the notification for which it opens its third connection. The
// first two are for a token and a notification: then the old ones were cut, and the
// sender, like some clients, noticed it too late.
func losesOne(c *mdmserver.Config) {
	way := c.HTTP.Transport.(*http.Transport) //nolint:forcetypeassert // foreign made it
	dial, dials := (&net.Dialer{}).DialContext, atomic.Int64{}
	way.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if dials.Add(1) == 3 {
			return nil, errors.New("socket hang up")
		}
		return dial(ctx, network, addr)
	}
	hook.WNS(&c.Tamper, func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(req)
		if err != nil && hook.IsPush(req) { // a status after which the reference server does not repeat
			return &http.Response{StatusCode: http.StatusBadRequest, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
		}
		return resp, err
	})
}

// heldHook answers the first push and no other before its caller gives up.
func heldHook(t *testing.T) func(admin string) target.Hooks {
	return func(admin string) target.Hooks {
		h := lab.ReferenceHooks(admin)
		to, err := url.Parse(admin)
		if err != nil {
			t.Fatal(err)
		}
		var asked atomic.Int64
		held := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			out := r.Clone(t.Context())
			out.RequestURI, out.URL.Scheme, out.URL.Host = "", to.Scheme, to.Host
			resp, err := http.DefaultClient.Do(out)
			if err != nil {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			resp.Body.Close()
			if asked.Add(1) > 1 {
				<-r.Context().Done()
			}
			w.WriteHeader(resp.StatusCode)
		}))
		t.Cleanup(held.Close)
		h.Push.HTTP.URL = strings.Replace(h.Push.HTTP.URL, admin, held.URL, 1)
		return h
	}
}
