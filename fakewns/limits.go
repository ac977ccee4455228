package fakewns

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits are the rates over which senders are throttled. Real limits are not
// published; these are the configuration's [model].
type limits struct {
	mu       sync.Mutex
	channels map[string]*rate.Limiter
	apps     map[string]*rate.Limiter
}

const keptLimiters = 1 << 16

// allow takes one notification into account: false where it is one too many.
func allow(of *map[string]*rate.Limiter, key string, perSecond float64, now time.Time) bool {
	if *of == nil || len(*of) >= keptLimiters {
		*of = map[string]*rate.Limiter{}
	}
	l := (*of)[key]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond)))
		(*of)[key] = l
	}
	return l.AllowN(now, 1)
}

// throttled tells which limit a notification exceeds.
func (s *Server) throttled(app, channel string, now time.Time) (byApp, byChannel bool) {
	if s.cfg.AppRate <= 0 && s.cfg.ChannelRate <= 0 {
		return false, false
	}
	l := &s.limits
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.cfg.AppRate > 0 && !allow(&l.apps, app, s.cfg.AppRate, now) {
		return true, false
	}
	return false, s.cfg.ChannelRate > 0 && !allow(&l.channels, channel, s.cfg.ChannelRate, now)
}
