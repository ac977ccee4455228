package lab

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// pace keeps enrollments and sign-ins apart as target.pace says, and counts how
// often the server asked for more patience than that.
type pace struct {
	limiter *rate.Limiter // nil: no limit

	mu             sync.Mutex
	times, unavail int // answers 429, and 503 with Retry-After
	bare           int // those of times without Retry-After
	waited         time.Duration
	vain           bool // to wait after a 429 without Retry-After did not help
}

func newPace(perMinute int) *pace {
	p := &pace{}
	if perMinute > 0 {
		p.limiter = rate.NewLimiter(rate.Every(time.Minute/time.Duration(perMinute)), 1)
	}
	return p
}

// wait is dmclient.Config.Pace.
func (p *pace) wait(ctx context.Context) error {
	if p.limiter == nil {
		return ctx.Err()
	}
	if err := p.limiter.Wait(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("wait for target.pace: %w", err)
	}
	return nil
}

// busy is dmclient.Config.Busy: the lab waits, lest a scenario be blamed for the
// speed of the run. Nobody waits for an answer that does not say how long, once
// that was in vain: a limit of an hour would hold up every scenario.
func (p *pace) busy(l dmclient.Limit) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.Status == http.StatusTooManyRequests {
		p.times++
	} else {
		p.unavail++
	}
	if l.Bare {
		p.bare++
		if p.vain {
			return false
		}
	}
	p.waited += l.Wait
	return true
}

// ended is told how an enrollment ended.
func (p *pace) ended(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil:
		p.vain = false
	case limited(err):
		p.vain = true
	}
}

// note is one line that tells of it, empty if there is nothing to tell.
func (p *pace) note() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.times + p.unavail
	if n == 0 {
		return ""
	}
	var by []string
	if p.times > p.bare {
		by = append(by, "429, Retry-After")
	}
	if p.bare > 0 {
		by = append(by, "429 without Retry-After")
	}
	if p.unavail > 0 {
		by = append(by, "503, Retry-After")
	}
	count := fmt.Sprintf("%d times", n)
	if n == 1 {
		count = "once"
	}
	return fmt.Sprintf("The server limited the rate %s (%s); dmwake waited %s in all; set target.pace.",
		count, strings.Join(by, "; "), p.waited.Round(time.Second))
}
