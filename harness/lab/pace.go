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

// pace spaces enrollments and sign-ins as target.pace says, and counts how
// often the server still limited the rate.
type pace struct {
	limiter *rate.Limiter // nil: no limit

	mu             sync.Mutex
	times, unavail int // answers 429, and 503 with Retry-After
	bare           int // 429 without Retry-After
	waited         time.Duration
	vain           bool // waiting after a 429 without Retry-After did not help
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

// busy is dmclient.Config.Busy: the lab waits, so that no scenario fails
// because the run is fast. Once a wait without Retry-After was in vain, it no
// longer waits for such answers: a limit of an hour would hold up every
// scenario.
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

// ended records how an enrollment ended.
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

// note is one line for the report; empty if the server never limited the rate.
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
