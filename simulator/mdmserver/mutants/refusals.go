package mutants

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// often is how many times a mutant repeats a request that was refused.
const often = 60

// Mutants of what the server does when WNS refuses a notification.
var (
	Wer401Stop = &Mutant{"wer-401-stop", "gives up at 401", func(t *tamper) {
		pushReply(t, func(resp *http.Response) {
			if resp.StatusCode == http.StatusUnauthorized {
				resp.StatusCode = http.StatusBadRequest
			}
		})
	}}
	Wer401Loop   = &Mutant{"wer-401-loop", "fetches a token and tries again as long as it gets 401", func(t *tamper) { anew(t, often) }}
	Wer401Thrice = &Mutant{"wer-401-thrice", "tries three times with new tokens after 401", func(t *tamper) { anew(t, 2) }}
	Wer403Retry  = &Mutant{"wer-403-retry", "sends again after 403", func(t *tamper) { insist(t, 3, 10*time.Millisecond, http.StatusForbidden) }}
	Wer413Retry  = &Mutant{"wer-413-retry", "sends the same again after 413", func(t *tamper) { insist(t, 3, 10*time.Millisecond, http.StatusRequestEntityTooLarge) }}
	Wer500Hammer = &Mutant{"wer-500-hammer", "repeats at once and often after 500", func(t *tamper) { insist(t, often, time.Millisecond, http.StatusInternalServerError) }}
	Wer406Steady = &Mutant{"wer-406-steady", "tries again every tenth of a second when it is throttled", func(t *tamper) { insist(t, often, 100*time.Millisecond, throttles...) }}
	Wer406Now    = &Mutant{"wer-406-now", "ignores Retry-After", func(t *tamper) {
		pushReply(t, func(resp *http.Response) {
			for _, status := range throttles {
				if resp.StatusCode == status {
					resp.Header.Set("Retry-After", "0")
				}
			}
		})
	}}
	Wer406One = &Mutant{"wer-406-one", "lets only the refused notification wait for Retry-After", func(t *tamper) {
		hook.WNS(t, func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			resp, err := next.RoundTrip(req)
			if err != nil || !hook.IsPush(req) || !slices.Contains(throttles, resp.StatusCode) {
				return resp, err
			}
			if secs, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
				select {
				case <-req.Context().Done():
				case <-time.After(time.Duration(secs) * time.Second):
				}
				resp.Header.Set("Retry-After", "0")
			}
			return resp, nil
		})
	}}
	WerThrottledAgain    = &Mutant{"wer-throttled-again", "sends at once again when the channel is throttled", func(t *tamper) { againAt(t, "channelthrottled") }}
	WerAppThrottledAgain = &Mutant{"wer-app-throttled-again", "sends at once again when the app is throttled", func(t *tamper) { againAt(t, "appthrottled") }}
	WerThrottledForgets  = &Mutant{"wer-throttled-forgets", "sends the next push at once though the channel, or the app, is throttled", func(t *tamper) {
		pushReply(t, func(resp *http.Response) {
			for name, values := range resp.Header {
				if strings.EqualFold(name, "X-WNS-Status") && strings.HasSuffix(values[0], "throttled") {
					resp.Header[name] = []string{"received"}
				}
			}
		})
	}}
	Wer400Retry = &Mutant{"wer-400-retry", "sends the same again after 400", func(t *tamper) { insist(t, 3, 10*time.Millisecond, http.StatusBadRequest) }}
	Wer405Retry = &Mutant{"wer-405-retry", "sends the same again after 405", func(t *tamper) { insist(t, 3, 10*time.Millisecond, http.StatusMethodNotAllowed) }}
	WerLongNow  = &Mutant{"wer-long-now", "takes a Retry-After of more than half a minute for a mistake", func(t *tamper) {
		retryAfter(t, func(v string) bool {
			secs, err := strconv.Atoi(v)
			return err == nil && secs > 30
		})
	}}
	WerDateNow = &Mutant{"wer-date-now", "does not understand a Retry-After that is a date", func(t *tamper) {
		retryAfter(t, func(v string) bool {
			_, err := http.ParseTime(v)
			return err == nil
		})
	}}
	Wer429Now = &Mutant{"wer-429-now", "ignores Retry-After with 429", func(t *tamper) {
		pushReply(t, func(resp *http.Response) {
			if resp.StatusCode == http.StatusTooManyRequests {
				resp.Header.Set("Retry-After", "0")
			}
		})
	}}
	WerContinueNow = &Mutant{"wer-continue-now", "does not know X-WNS-CONTINUE-AFTER", func(t *tamper) {
		pushReply(t, func(resp *http.Response) { resp.Header.Del("X-WNS-CONTINUE-AFTER") })
	}}
	WerHangs = &Mutant{"wer-hangs", "sends nothing to a channel while WNS has not answered, for however long", func(t *tamper) {
		var mu sync.Mutex
		channels := map[string]*sync.Mutex{}
		hook.WNS(t, func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			if !hook.IsPush(req) {
				return next.RoundTrip(req)
			}
			mu.Lock()
			one := channels[req.URL.String()]
			if one == nil {
				one = &sync.Mutex{}
				channels[req.URL.String()] = one
			}
			mu.Unlock()
			one.Lock()
			defer one.Unlock()
			return next.RoundTrip(req)
		})
	}}
	WerHangsSession = &Mutant{"wer-hangs-session", "serves no session of a device while WNS has not answered its notification", func(t *tamper) {
		var mu sync.Mutex
		of := map[string]string{} // DeviceID by channel URI
		t.Wake = append(t.Wake, func(w *mdmserver.Wake) {
			mu.Lock()
			defer mu.Unlock()
			for _, uri := range w.URIs {
				of[uri] = w.Device.ID
			}
		})
		holdsSessions(t, func(req *http.Request) (string, bool) {
			mu.Lock()
			defer mu.Unlock()
			return of[req.URL.String()], hook.IsPush(req)
		})
	}}
	Wer410NoGet = &Mutant{"wer-410-no-get", "asks for no channel in the three sessions after 410", func(t *tamper) {
		left := map[*mdmserver.Device]int{}
		hook.On(t, mdmserver.Pushed, func(c *mdmserver.Change) {
			if c.Code == http.StatusGone {
				left[c.Device] = 3
			}
		})
		hook.Reply(t, func(v *mdmserver.Visit, r *mdmserver.Reply) {
			n := len(r.Plan)
			if left[v.Device] > 0 {
				hook.LeaveOut(r, func(p *mdmserver.Planned) bool { return p.Sent.Purpose == mdmserver.ForChannel })
			}
			if len(r.Plan) < n {
				left[v.Device]--
			}
		})
	}}
	WerResetHammer = &Mutant{"wer-reset-hammer", "repeats at once and often when a connection breaks", func(t *tamper) {
		repeat(t, time.Millisecond, func(resp *http.Response, _ *http.Request) bool { return resp == nil })
	}}
	WerSerial = &Mutant{"wer-serial", "sends one notification at a time", func(t *tamper) {
		var one sync.Mutex
		hook.WNS(t, func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			if hook.IsPush(req) {
				one.Lock()
				defer one.Unlock()
			}
			return next.RoundTrip(req)
		})
	}}
	WerBadReplyDead = &Mutant{"wer-bad-reply-dead", "never pushes again after an answer that is not HTTP", func(t *tamper) {
		dies(t, func(_ *http.Response, err error) bool { return err != nil })
	}}
	WerDownDead = &Mutant{"wer-down-dead", "never pushes again once WNS was down", func(t *tamper) {
		dies(t, func(resp *http.Response, err error) bool {
			return err == nil && resp.StatusCode == http.StatusServiceUnavailable
		})
	}}
)

var refusals = []*Mutant{
	Wer401Stop, Wer401Loop, Wer401Thrice, Wer403Retry, Wer404Keep, Wer410Keep, Wer410NoPFN, Wer406Now, Wer406One, Wer406Steady, Wer413Retry, Wer500Hammer, WerDroppedDone,
	WerThrottledAgain, WerAppThrottledAgain, WerThrottledForgets, Wer400Retry, Wer405Retry, WerLongNow, WerDateNow, Wer429Now, WerContinueNow, WerHangs, WerHangsSession, Wer410NoGet, WerResetHammer, WerSerial, WerBadReplyDead, WerDownDead,
	WerAppHoldsOne, Wer429Steady, Wer403BareRetry, WerDroppedLoop, WerChannelHoldsAll,
}

var throttles = []int{http.StatusNotAcceptable, http.StatusTooManyRequests, http.StatusServiceUnavailable}

// anew sends a notification again with a new token after each 401, up to n times.
func anew(t *tamper, n int) { anewAt(t, n, http.StatusUnauthorized) }

// anewAt is anew for another status.
func anewAt(t *tamper, n, status int) {
	var kept mdmserver.Tokens
	t.Tokens = append(t.Tokens, func(_ mdmserver.Fetch, next mdmserver.Tokens) mdmserver.Tokens {
		kept = next
		return next
	})
	repeatUpTo(t, n, 0, func(resp *http.Response, req *http.Request) bool {
		if resp == nil || resp.StatusCode != status {
			return false
		}
		kept.Drop(strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer "))
		token, err := kept.Token(req.Context())
		req.Header.Set("Authorization", "Bearer "+token)
		return err == nil
	})
}

// againAt repeats a notification at once as long as X-WNS-Status says this.
func againAt(t *tamper, status string) {
	repeat(t, 0, func(resp *http.Response, _ *http.Request) bool {
		if resp == nil || resp.StatusCode != http.StatusOK {
			return false
		}
		for name, values := range resp.Header {
			if strings.EqualFold(name, "X-WNS-Status") && values[0] == status {
				return true
			}
		}
		return false
	})
}

// retryAfter ignores a Retry-After that f picks.
func retryAfter(t *tamper, f func(string) bool) {
	pushReply(t, func(resp *http.Response) {
		if f(resp.Header.Get("Retry-After")) {
			resp.Header.Set("Retry-After", "0")
		}
	})
}

// holdsSessions lets sessions wait for requests to WNS that are under way. whom names
// the device that a request holds up, "" every device; ok is false if it holds up none.
func holdsSessions(t *tamper, whom func(*http.Request) (id string, ok bool)) {
	var mu sync.Mutex
	gone := sync.NewCond(&mu)
	under := map[string]int{}
	hook.WNS(t, func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		id, ok := whom(req)
		if !ok {
			return next.RoundTrip(req)
		}
		mu.Lock()
		under[id]++
		mu.Unlock()
		defer func() {
			mu.Lock()
			under[id]--
			mu.Unlock()
			gone.Broadcast()
		}()
		return next.RoundTrip(req)
	})
	t.Serve = append(t.Serve, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == mdmserver.ManagementPath && r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
				mu.Lock()
				for under[""]+under[r.TLS.PeerCertificates[0].Subject.CommonName] > 0 {
					gone.Wait()
				}
				mu.Unlock()
			}
			next.ServeHTTP(w, r)
		})
	})
}

// pushReply lets f change WNS' answer to every notification.
func pushReply(t *tamper, f func(*http.Response)) {
	hook.WNS(t, func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(req)
		if err == nil && hook.IsPush(req) {
			f(resp)
		}
		return resp, err
	})
}

// repeat sends a notification again, after a pause, as long as f says so and not
// more than often. resp is nil if no answer came.
func repeat(t *tamper, pause time.Duration, f func(resp *http.Response, req *http.Request) bool) {
	repeatUpTo(t, often, pause, f)
}

func repeatUpTo(t *tamper, times int, pause time.Duration, f func(*http.Response, *http.Request) bool) {
	hook.WNS(t, func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(req)
		for range times {
			if !hook.IsPush(req) || !f(resp, req) {
				break
			}
			if resp != nil {
				hook.Discard(resp)
			}
			select {
			case <-req.Context().Done():
				return nil, req.Context().Err()
			case <-time.After(pause):
			}
			if req, err = hook.Redirected(req, req.URL); err != nil {
				return nil, err
			}
			resp, err = next.RoundTrip(req)
		}
		return resp, err
	})
}

// insist repeats a notification that is answered with one of these statuses.
func insist(t *tamper, times int, pause time.Duration, statuses ...int) {
	repeatUpTo(t, times, pause, func(resp *http.Response, _ *http.Request) bool {
		for _, s := range statuses {
			if resp != nil && resp.StatusCode == s {
				return true
			}
		}
		return false
	})
}

// dies ends all pushes after an answer that f picks.
func dies(t *tamper, f func(*http.Response, error) bool) {
	var dead atomic.Bool
	hook.WNS(t, func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
		if dead.Load() {
			return nil, errors.New("given up for good")
		}
		resp, err := next.RoundTrip(req)
		if hook.IsPush(req) && f(resp, err) {
			dead.Store(true)
		}
		return resp, err
	})
}
