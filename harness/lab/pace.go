package lab

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// pace keeps enrollments and sign-ins apart as target.pace says, and counts how
// often the server asked for more patience than that.
type pace struct {
	limiter *rate.Limiter // nil: no limit

	mu             sync.Mutex
	times, unavail int // answers 429, and 503 with Retry-After
	waited         time.Duration
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
// speed of the run.
func (p *pace) busy(status int, wait time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if status == 429 {
		p.times++
	} else {
		p.unavail++
	}
	p.waited += wait
	return true
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
	if p.times > 0 {
		by = append(by, "429")
	}
	if p.unavail > 0 {
		by = append(by, "503")
	}
	count := fmt.Sprintf("%d times", n)
	if n == 1 {
		count = "once"
	}
	return fmt.Sprintf("The server limited the rate %s (%s, Retry-After); dmwake waited %s in all; set target.pace.",
		count, strings.Join(by, " and "), p.waited.Round(time.Second))
}
