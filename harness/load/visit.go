package load

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// visits are the sessions of one device that it begins by itself, for one batch.
type visits struct {
	waiting []*wakeup // due, and not begun
	running []*wakeup
}

// polls is the order in which the devices of this process poll: the same with the same
// seed, whichever enrolled first.
func (r *Run) polls() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	order := make([]int, r.pool.roster.len())
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(r.pool.roster.id(a), r.pool.roster.id(b)) })
	draw := rand.New(rand.NewPCG(r.opts.Seed, 4)) //nolint:gosec // an order
	draw.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

// devicesOf is how many devices a round of polls has, of all shares.
func (r *Run) devicesOf(b *batch) int {
	if r.opts.Share.Whole() {
		return max(len(b.order), 1)
	}
	return r.opts.Devices // the other shares do not tell how many they could enroll
}

// visitInTurn begins the n-th visit of a batch in which the devices take turns.
func (r *Run) visitInTurn(b *batch, n int64, at time.Duration) {
	device, ok := r.turn(b, n)
	r.mu.Lock()
	there := ok && r.away[device] != left
	if !there && b.Plan.counts(at) {
		r.skip(b)
	}
	r.mu.Unlock()
	if there {
		r.visit(b, device, n, at)
	}
}

// skip takes a poll whose device is not there off the plan. A share only counts it: the
// other shares have it in their plans as well, and result.Combine takes it off.
func (r *Run) skip(b *batch) {
	if r.opts.Share.Whole() {
		b.planned--
		return
	}
	b.away++
}

// turn is the device whose turn the n-th is; ok is false if it could not be enrolled.
func (r *Run) turn(b *batch, n int64) (device int, ok bool) {
	k := r.opts.Share.Count(n % int64(r.devicesOf(b)))
	if k >= int64(len(b.order)) {
		return 0, false
	}
	return b.order[k], true
}

// visit has a device begin a session. If the session before is not over, it begins
// afterwards: visits that were due until then are served by one session.
func (r *Run) visit(b *batch, device int, number int64, at time.Duration) {
	w := &wakeup{batch: b, observe: b.Observe, device: device, work: Work{Kind: "none"}, due: b.base + at, started: r.now(), counted: b.Plan.counts(at)}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.starts(w, number) {
		return
	}
	v := b.visits[device]
	if v == nil {
		v = &visits{}
		b.visits[device] = v
	} else if w.counted {
		b.late++
	}
	v.waiting = append(v.waiting, w)
	if len(v.waiting) == 1 && r.away[device] != changing {
		r.askVisit(b, device)
	}
}

// starts counts an item that is not a push, and tells whether it is to begin. The caller
// holds r.mu.
func (r *Run) starts(w *wakeup, number int64) bool {
	w.batch.tally.start(w)
	switch {
	case r.opts.Rehearse:
		r.rehearse(w, number)
		return false
	case w.device < 0:
		r.failVisit(w, "not begun: "+noDevice, nil)
		return false
	case w.started-w.due > tooLate:
		r.failVisit(w, fmt.Sprintf("not begun: dmwake was late by more than %s, this machine is too small for the rate", tooLate), nil)
		return false
	}
	return true
}

// askVisit has a device hold the session of the visits that wait. The caller holds r.mu.
func (r *Run) askVisit(b *batch, device int) {
	r.pool.ask(device, func(ctx context.Context, d *dmclient.Device) { r.hold(ctx, b, device, d) })
}

// hold is the session of the visits that are waiting.
func (r *Run) hold(ctx context.Context, b *batch, device int, d *dmclient.Device) {
	r.mu.Lock()
	v := b.visits[device]
	if v == nil || len(v.waiting) == 0 || !r.holds(device, d) { // given up, or back asks again
		r.mu.Unlock()
		return
	}
	begun := v.waiting
	v.running, v.waiting = begun, nil
	r.shared += int64(len(begun) - 1)
	due := begun[0].due
	r.mu.Unlock()
	s, err := b.session(ctx, d)
	if ctx.Err() != nil {
		return // the run is over
	}
	r.onPoll(d.Identity().DeviceID, s, err, due)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range begun {
		r.visited(w, s, err)
	}
	if v.running = nil; len(v.waiting) == 0 {
		delete(b.visits, device)
	}
	b.poke()
}

// holds tells whether d is the device that has the place now: another one may have taken
// it since d was asked. The caller holds r.mu.
func (r *Run) holds(place int, d *dmclient.Device) bool {
	return r.away[place] != changing && r.pool.roster.id(place) == d.Identity().DeviceID
}

// session is a visit's session.
func (b *batch) session(ctx context.Context, d *dmclient.Device) (*dmclient.Session, error) {
	origin := dmclient.OriginSchedule
	if b.kind() == KindLogin {
		// The user logs in, whoever was logged in before. The alert LoginStatus of package
		// 1 says so (Learn, "OMA DM protocol support").
		d.SetLogin(dmclient.LoginNone)
		d.SetLogin(dmclient.LoginUser)
		origin = dmclient.OriginLogin
	}
	return d.Sync(ctx, dmclient.SyncOptions{Origin: origin, NoRetry: true})
}

// visited ends and measures a visit. The caller holds r.mu.
func (r *Run) visited(w *wakeup, s *dmclient.Session, err error) {
	if w.done {
		return
	}
	if s == nil {
		r.failVisit(w, "session: "+kindOf(err), err)
		return
	}
	w.arrived = w.started
	ended := r.sessionOf(s, err)
	r.served(w, &ended)
	r.measurePush(w)
}

// failVisit ends a visit that failed. The caller holds r.mu.
func (r *Run) failVisit(w *wakeup, kind string, cause error) {
	w.end(outcomeFailed)
	w.batch.tally.failed(w, kind, cause)
	r.measurePush(w)
	w.batch.poke()
}

// giveUpVisits ends the visits of a batch that are still under way. The caller holds
// r.mu.
func (r *Run) giveUpVisits(b *batch, interrupted bool) {
	for _, v := range b.visits {
		for _, w := range slices.Concat(v.running, v.waiting) {
			r.giveUp(w, interrupted)
		}
	}
	b.visits = map[int]*visits{} // sessions under way find nothing to end
}

// pollOn lets devices go on polling after the end of the plan, for the work that other
// parts have queued. These polls do not count.
func (r *Run) pollOn(ctx context.Context, b *batch) {
	r.mu.Lock()
	n := *b.numbers
	r.mu.Unlock()
	step := float64(b.part.Every) / float64(r.devicesOf(b))
	waiting := map[int]bool{} // or a busy machine would hold ever more polls before each push
	for ; ; n++ {
		if !r.opts.Share.Has(n) {
			continue
		}
		due := b.base + time.Duration(float64(n+1)*step)
		if !waitUntil(ctx, r.zero.Add(due)) {
			return
		}
		device, ok := r.turn(b, n)
		r.mu.Lock()
		if ok && !waiting[device] && r.away[device] < changing {
			waiting[device] = true
			r.pool.ask(device, func(ctx context.Context, d *dmclient.Device) {
				s, err := b.session(ctx, d)
				r.onPoll(d.Identity().DeviceID, s, err, due)
				r.mu.Lock()
				defer r.mu.Unlock()
				delete(waiting, device)
			})
		}
		r.mu.Unlock()
	}
}
