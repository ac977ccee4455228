package load

import (
	"context"

	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// change begins an item in which a device comes, goes, or does both.
func (r *Run) change(b *batch, a arrival) {
	device := 0
	if b.kind() != KindEnroll {
		device = r.pick(b)
	}
	w := &wakeup{batch: b, observe: b.Observe, device: device, work: Work{Kind: "none"}, due: b.base + a.at, started: r.now(), counted: b.Plan.counts(a.at)}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.starts(w, a.number) {
		return
	}
	b.jobs[w] = struct{}{}
	switch b.kind() {
	case KindEnroll:
		r.adds(w, a.identity)
	case KindReenroll:
		r.away[device] = changing
		r.pool.ask(device, func(ctx context.Context, d *dmclient.Device) { r.enters(ctx, w, d, -1) })
	case KindChurn:
		r.away[device] = changing
		r.pool.ask(device, func(ctx context.Context, d *dmclient.Device) { r.leaves(ctx, w, d, a.identity) })
	}
}

// adds adds a new device to the fleet, and has it enroll. The caller holds r.mu.
func (r *Run) adds(w *wakeup, id dmclient.Identity) {
	e := r.pool.newcomer
	r.lab.Config.Target.Image.Apply(&id)
	slot, err := r.pool.fleet.Add(e.profile, id)
	if err != nil {
		r.failChange(w, "enroll: "+kindOf(err), err)
		return
	}
	r.pool.fleet.Ask(slot, func(ctx context.Context, d *dmclient.Device) { r.enters(ctx, w, d, slot) })
}

// leaves ends a device's enrollment, as its user would, and has a new one take its place.
func (r *Run) leaves(ctx context.Context, w *wakeup, d *dmclient.Device, id dmclient.Identity) {
	began := r.now()
	_, err := d.Unenroll(ctx)
	if ctx.Err() != nil {
		return // the run is over
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case w.done:
	case err != nil:
		r.failChange(w, "leave: "+kindOf(err), err)
	default:
		r.record(w, result.Wait, began-w.started)
		r.record(w, result.Leave, r.now()-began)
		r.adds(w, id)
	}
}

// enters enrolls a device and connects it. slot is its number in the fleet if it is new;
// -1: it enrolls again.
func (r *Run) enters(ctx context.Context, w *wakeup, d *dmclient.Device, slot int) {
	e, began := r.pool.newcomer, r.now()
	err := e.enter(ctx, d, slot < 0)
	enrolled := r.now()
	var vars target.Vars
	if err == nil {
		if err = e.connect(ctx, d); err == nil {
			vars, err = e.lab.Vars(ctx, d)
		}
	}
	if ctx.Err() != nil {
		return // the run is over
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case w.done:
		return
	case err != nil:
		r.failChange(w, "enroll: "+kindOf(err), err)
		return
	}
	if w.batch.kind() != KindChurn { // it waited before it left
		r.record(w, result.Wait, began-w.started)
	}
	ended := r.now()
	r.record(w, result.Enroll, enrolled-began)
	r.record(w, result.Ready, ended-enrolled)
	r.record(w, result.Whole, ended-w.due)
	w.end(outcomeDone)
	w.batch.tally.finished(w, ended-w.due)
	r.changed(w)
	if w.batch.kind() != KindEnroll {
		r.replace(w.device, vars, slot)
	}
}

// replace has a device that enrolled take the place of the one that was there. The caller
// holds r.mu.
func (r *Run) replace(i int, vars target.Vars, slot int) {
	d := &r.devices[i]
	for _, w := range d.open {
		if !w.done { // it was woken just before
			w.trouble = "session: its device left, or enrolled again, before it"
			w.end(outcomeFailed)
			w.batch.tally.failed(w, w.trouble, nil)
		}
	}
	r.settle(d)
	delete(r.index, r.pool.roster.id(i))
	r.pool.roster.set(i, &vars)
	r.index[r.pool.roster.id(i)] = i
	if slot >= 0 {
		r.pool.slots[i] = slot
	}
	r.back(i)
}

// failChange ends an item whose device did not leave or did not enroll. The caller holds
// r.mu.
func (r *Run) failChange(w *wakeup, kind string, cause error) {
	w.end(outcomeFailed)
	w.batch.tally.failed(w, kind, cause)
	r.changed(w)
	if w.batch.kind() != KindEnroll {
		r.gone(w.device, "it could not enroll again")
	}
}

// changed ends what is the same however an item ended. The caller holds r.mu.
func (r *Run) changed(w *wakeup) {
	delete(w.batch.jobs, w)
	r.measurePush(w)
	w.batch.poke()
}
