package mutants

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
)

// Mutants of what the server does at answers that are about the whole app, or about one
// channel only.
var (
	WerAppHoldsOne = &Mutant{"wer-app-holds-one", "takes appthrottled for a matter of one channel", func(t *tamper) {
		pushReply(t, func(resp *http.Response) {
			if name, status := wnsStatus(resp); status == "appthrottled" {
				resp.Header[name] = []string{"dropped"}
			}
		})
	}}
	Wer429Steady = &Mutant{"wer-429-steady", "tries again every tenth of a second at 429", func(t *tamper) {
		insist(t, often, 100*time.Millisecond, http.StatusTooManyRequests)
	}}
	Wer403BareRetry = &Mutant{"wer-403-bare-retry", "sends again after a 403 without a header of WNS", func(t *tamper) {
		repeatUpTo(t, 3, 10*time.Millisecond, func(resp *http.Response, _ *http.Request) bool {
			if resp == nil || resp.StatusCode != http.StatusForbidden {
				return false
			}
			_, status := wnsStatus(resp)
			return status == ""
		})
	}}
	WerDroppedLoop     = &Mutant{"wer-dropped-loop", "sends at once and often again what WNS dropped", func(t *tamper) { againAt(t, "dropped") }}
	WerChannelHoldsAll = &Mutant{"wer-channel-holds-all", "sends to no channel any more when one is throttled", func(t *tamper) {
		var mu sync.Mutex
		throttled := ""
		hook.WNS(t, func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			if !hook.IsPush(req) {
				return next.RoundTrip(req)
			}
			mu.Lock()
			held := throttled != "" && throttled != req.URL.String()
			mu.Unlock()
			if held {
				return nil, errors.New("held back: a channel is throttled")
			}
			resp, err := next.RoundTrip(req)
			if err == nil {
				if _, status := wnsStatus(resp); status == "channelthrottled" {
					mu.Lock()
					throttled = req.URL.String()
					mu.Unlock()
				}
			}
			return resp, err
		})
	}}
)

// wnsStatus is X-WNS-Status, and the spelling of its name.
func wnsStatus(resp *http.Response) (name, status string) {
	for k, v := range resp.Header {
		if strings.EqualFold(k, "X-WNS-Status") && len(v) > 0 {
			return k, v[0]
		}
	}
	return "", ""
}
