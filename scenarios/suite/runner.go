package suite

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// Options of a run.
type Options struct {
	// Parallel is how many scenarios run at a time, not counting those that wait for
	// a clock.
	Parallel int
	// Catalogue has the scenarios that may be run in addition to find out what blocks
	// one of the list; nil means the list itself.
	Catalogue []Scenario
	// NoEnroll is why no device can enroll, found before the run. Then only strangers
	// run; the rest is blocked, or skipped if the server is not to blame
	// (*lab.ExcusedError).
	NoEnroll error
	// Progress gets each result in the order of the list, and may amend it.
	Progress func(*report.Result)
	// Doing gets the progress of the run when a scenario starts or ends.
	Doing func(Doing)
	// Trace gets the devices of each finished scenario; nil for no trace.
	Trace func(id string, devices ...*dmclient.Device)
}

// runner runs a list against a lab. A result is final once nothing can change it
// any more: what blocked it is known, and the target was up all the time.
type runner struct {
	Options
	lab   *lab.Lab
	list  []Scenario
	slots *slots
	watch *watch
	ears  *ears
	begun time.Time
	over  error // set if the time ran out

	mu      sync.Mutex
	running []string            // ids
	of      map[string]*verdict // by id, including scenarios outside the list
	final   map[string]bool
	beside  map[string][]string // ids that were run in addition for a blocked one
	changed chan struct{}       // closed and replaced when a verdict became final
}

func newRunner(l *lab.Lab, list []Scenario, o Options) *runner {
	if o.Catalogue == nil {
		o.Catalogue = list
	}
	if o.Doing == nil {
		o.Doing = func(Doing) {}
	}
	return &runner{Options: o, lab: l, list: list, slots: newSlots(max(o.Parallel, 1)), watch: &watch{lab: l}, ears: newEars(list, polls(&l.Config.Target), l.DDF()), begun: time.Now(),
		of: map[string]*verdict{}, final: map[string]bool{}, beside: map[string][]string{}, changed: make(chan struct{})}
}

// Waiting is how many more scenarios may wait for a clock.
const Waiting = 24

// run runs the list in an order drawn from the lab's seed, and resolves blocked
// results. It returns when everything has finished.
func (r *runner) run(ctx context.Context) {
	ctx, cancel := InTime(ctx, r.lab.Config.Timeouts.Run)
	defer cancel()
	defer func() {
		r.finish(ctx)
		var over *errOver
		if errors.As(context.Cause(ctx), &over) {
			r.over = over
		}
	}()
	r.learnWork(ctx)
	if r.lab.Config.Target.Shared() {
		// One device: one scenario after the other, from its enrollment on.
		for _, last := range []bool{false, true} {
			for i := range r.list {
				if s := &r.list[i]; (s.Hears != nil) == last {
					r.one(ctx, s, nil)
				}
			}
		}
		return
	}
	var atWNS, alone, pushing, rest, listening []*Scenario
	list := shuffled(r.list, r.lab.Seed)
	for i := range list {
		switch s := &list[i]; {
		case s.Hears != nil:
			listening = append(listening, s)
		case r.lab.Embedded(), s.Reach == Shared && !r.pushes(s):
			rest = append(rest, s)
		case s.Reach == Shared:
			pushing = append(pushing, s)
		case s.Reach == AloneAtWNS:
			atWNS = append(atWNS, s)
		default:
			alone = append(alone, s)
		}
	}
	var lane sync.WaitGroup
	lane.Go(func() {
		for _, s := range atWNS {
			r.slots.take(&r.slots.next)
			r.one(ctx, s, &slot{r.slots})
			r.slots.give()
		}
	})
	r.together(ctx, rest)
	lane.Wait()
	r.together(ctx, pushing)
	for _, s := range slices.Concat(alone, listening) {
		r.one(ctx, s, nil)
	}
}

// pushes reports whether a scenario makes the server push. If the server pushes by
// itself, queueing does.
func (r *runner) pushes(s *Scenario) bool {
	return s.pushes() || r.lab.Config.Target.PushOnQueue && len(s.Needs)+len(s.Uses) > 0
}

// together runs scenarios in parallel and returns when they are done.
func (r *runner) together(ctx context.Context, list []*Scenario) {
	room := make(chan struct{}, max(r.Parallel, 1)+Waiting)
	var running sync.WaitGroup
	for _, s := range list {
		room <- struct{}{}
		r.slots.take(&r.slots.next)
		running.Go(func() {
			r.one(ctx, s, &slot{r.slots})
			r.slots.give()
			<-room
		})
	}
	running.Wait()
}

// one runs a scenario and records its verdict.
func (r *runner) one(ctx context.Context, s *Scenario, place *slot) {
	r.mu.Lock()
	r.running = append(r.running, s.ID)
	r.mu.Unlock()
	r.progress()
	v := r.try(ctx, s, place)
	r.mu.Lock()
	r.of[s.ID] = v
	r.running = slices.DeleteFunc(r.running, func(id string) bool { return id == s.ID })
	r.settle()
	r.mu.Unlock()
	r.progress()
}

// try runs a scenario unless there is no point in it.
func (r *runner) try(ctx context.Context, s *Scenario, place *slot) *verdict {
	open := func(o report.Outcome, reason string) *verdict {
		v := &verdict{result: s.result(""), by: By(Enrolls)}
		v.result.Outcome, v.result.Reason = o, reason
		return v
	}
	missing, _, _ := s.missing(&r.lab.Config.Target)
	switch {
	case ctx.Err() != nil:
		if v := r.soFar(ctx, s); v != nil {
			return v
		}
		return open(report.Skipped, whyEnded(ctx))
	case !r.watch.up():
		return open(report.Skipped, "the target was gone: it went away "+r.watch.down.Error())
	case r.NoEnroll != nil && missing == "" && !s.Stranger:
		if excused := lab.Excuse(r.NoEnroll); excused != nil {
			return open(report.Skipped, excused.Error())
		}
		return open(report.Blocked, "no device can enroll: "+r.NoEnroll.Error())
	}
	v := run(ctx, r.lab, s, place, r.ears)
	if r.Trace != nil {
		r.Trace(s.ID, v.devices...)
	}
	r.watch.look(ctx, v)
	return v
}

// settle marks verdicts that are final. The caller holds the lock.
func (r *runner) settle() {
	news := false
	for id, v := range r.of {
		if r.final[id] || v.result.Outcome != report.Passed && r.watch.outside(v) {
			continue
		}
		if v.result.Outcome == report.Blocked {
			by, open := r.blockedSoFar(v)
			if by == "" || open {
				continue
			}
			v.result.BlockedBy = by
		}
		r.final[id], news = true, true
	}
	if news {
		close(r.changed)
		r.changed = make(chan struct{})
	}
}

// finish gives every scenario of the list a final verdict. It runs open ones again,
// alone: those that ran while the target was down, and those blocked by scenarios
// that were not selected or that passed.
func (r *runner) finish(ctx context.Context) {
	again := r.byItself(ctx)
	for i := range r.list {
		id := r.list[i].ID
		v := r.verdict(id)
		if r.settled(id) {
			continue
		}
		if r.watch.outside(v) {
			if second := again(id); second != nil {
				second.result.Evidence = append(second.result.Evidence, "run a second time: the target was down during the first")
				v = second
			}
		}
		r.resolve(ctx, id, v, again)
	}
}

// byItself returns a function that runs one scenario of the catalogue while nothing
// else runs. That returns nil if the scenario does not exist, the time is up or the
// target is gone.
func (r *runner) byItself(ctx context.Context) func(id string) *verdict {
	return func(id string) *verdict {
		i := slices.IndexFunc(r.Catalogue, func(s Scenario) bool { return s.ID == id })
		if i < 0 || ctx.Err() != nil || !r.watch.up() {
			return nil
		}
		return r.try(ctx, &r.Catalogue[i], nil)
	}
}

// whyNot says why byItself returned nil.
func (r *runner) whyNot(ctx context.Context, id string) string {
	switch {
	case ctx.Err() != nil:
		return whyEnded(ctx)
	case !r.watch.up():
		return "the target went away " + r.watch.down.Error()
	}
	return "there is no scenario " + id
}

// resolve finds what blocks a scenario, running others if it must.
func (r *runner) resolve(ctx context.Context, id string, v *verdict, again func(string) *verdict) {
	find := func() string {
		return blocker(r.Catalogue, v, func(other string) *verdict {
			if c := r.verdict(other); c != nil {
				return c
			}
			c := again(other)
			if c != nil {
				r.put(other, c, id)
			}
			return c
		})
	}
	if v.result.Outcome == report.Blocked {
		v.result.BlockedBy = find()
	}
	if v.result.Outcome == report.Blocked && v.result.BlockedBy == "" {
		if why := inapplicable(r.Catalogue, v, r.verdict); why != "" {
			v.result.Outcome = report.NotApplicable
			v.result.Reason += ", and no scenario that judges this applies: " + why
		}
	}
	if v.result.Outcome == report.Blocked && v.result.BlockedBy == "" {
		if second := again(id); second != nil {
			second.result.Evidence = append(second.result.Evidence, "run a second time; the first time it was blocked: "+v.result.Reason)
			v = second
		}
	}
	if v.result.Outcome == report.Blocked {
		if v.result.BlockedBy = find(); v.result.BlockedBy == "" {
			v.result.BlockedBy = r.doubt(id, v, again)
		}
		if v.result.BlockedBy == "" {
			by := v.by
			v.by = By(Crowds)
			v.result.BlockedBy = find()
			v.by = by
		}
		open := r.undecided(v)
		switch {
		case v.result.BlockedBy != "":
		case open != "":
			v.result.Outcome, v.result.Reason = report.Skipped, open
		case ctx.Err() != nil, !r.watch.up():
			v.result.Outcome, v.result.Reason = report.Skipped, r.whyNot(ctx, id)
		default:
			contradiction(r.Catalogue, v)
		}
	}
	r.put(id, v, "")
}

// undecided returns why the scenario that decides a blocking premise was skipped;
// empty if none was skipped.
func (r *runner) undecided(v *verdict) string {
	for i := range r.Catalogue {
		s := &r.Catalogue[i]
		if !slices.ContainsFunc(s.Decides, func(p Premise) bool { return slices.Contains(v.by, string(p)) }) {
			continue
		}
		if c := r.verdict(s.ID); c != nil && c.result.Outcome == report.Skipped {
			return c.result.Reason
		}
	}
	return ""
}

// doubt reruns scenarios that passed although a blocked one saw the problem: a
// server may treat one device right and another wrong.
func (r *runner) doubt(id string, v *verdict, again func(string) *verdict) string {
	names := candidates(r.Catalogue, id, v.by)
	for _, name := range names[:min(len(names), 6)] {
		if c := r.verdict(name); c == nil || c.result.Outcome != report.Passed {
			continue
		}
		c := again(name)
		if c != nil && c.result.Broken() {
			c.result.Evidence = append(c.result.Evidence, "it passed at first; run again because "+id+" saw: "+v.result.Reason)
			r.put(name, c, "")
			return name
		}
	}
	return ""
}

// verdict returns a scenario's verdict so far; nil if there is none.
func (r *runner) verdict(id string) *verdict {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of[id]
}

func (r *runner) settled(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.final[id]
}

// put records a final verdict. wanted is the id of the scenario for which it was
// run in addition, if any.
func (r *runner) put(id string, v *verdict, wanted string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if wanted != "" && r.of[id] == nil {
		r.beside[wanted] = append(r.beside[wanted], id)
	}
	r.of[id] = v
	r.final[id] = true
	close(r.changed)
	r.changed = make(chan struct{})
}

// await waits until a scenario of the list has its final verdict, and returns nil
// if the context ends first. Scenarios run in addition for it come first.
func (r *runner) await(ctx context.Context, id string) []*verdict {
	for {
		r.mu.Lock()
		if r.final[id] {
			var out []*verdict
			for _, b := range r.beside[id] {
				out = append(out, r.of[b])
			}
			out = append(out, r.of[id])
			r.mu.Unlock()
			return out
		}
		changed := r.changed
		r.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}
