package fakewns

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits throttle senders at the configured rates. The real limits are not
// published [model].
type limits struct {
	mu   sync.Mutex
	apps map[string]*rate.Limiter
}

func newLimiter(perSecond float64) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond)))
}

// throttled counts a notification and reports which limit it exceeds.
func (s *Server) throttled(app *App, ch *channel, now time.Time) (byApp, byChannel bool) {
	if s.cfg.AppRate <= 0 && s.cfg.ChannelRate <= 0 {
		return false, false
	}
	l := &s.limits
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.cfg.AppRate > 0 {
		if l.apps == nil {
			l.apps = map[string]*rate.Limiter{}
		}
		of := l.apps[app.id()]
		if of == nil {
			of = newLimiter(s.cfg.AppRate)
			l.apps[app.id()] = of
		}
		if !of.AllowN(now, 1) {
			return true, false
		}
	}
	if s.cfg.ChannelRate <= 0 {
		return false, false
	}
	if ch.limiter == nil {
		ch.limiter = newLimiter(s.cfg.ChannelRate)
	}
	return false, !ch.limiter.AllowN(now, 1)
}
