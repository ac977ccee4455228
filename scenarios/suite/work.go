package suite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Work is any work that the server can give a device: a command that the queue hook
// takes, or whatever the work hook makes it send. A scenario that needs no verb and
// node of its own gives this work and follows it.
type Work struct {
	t         *T
	command   lab.Command    // for the queue hook
	signature *lab.Signature // of the work hook; nil with the queue hook
	given     map[*Device]int
}

// queues reports whether work is a command that the queue hook takes.
func queues(t *target.Target) bool {
	_, ok := lab.AnyCommand(t.Hooks.Queue)
	return ok
}

// canWork reports whether a target has a hook that gives a device work.
func canWork(t *target.Target) bool {
	return queues(t) || t.Hooks.Work != nil || t.Hooks.Lock != nil
}

// CanWork reports whether the server can be made to give a device work.
func (t *T) CanWork() bool {
	if queues(t.target()) || !canWork(t.target()) {
		return queues(t.target())
	}
	_, err := t.Lab.Signature(t.ctx)
	return err == nil
}

// Learned ends the body if the work hook failed: nobody knows what the server would send.
func (t *T) Learned() {
	if !queues(t.target()) && canWork(t.target()) {
		_, err := t.Lab.Signature(t.ctx)
		t.Hook(hookOrNil(err))
	}
}

// QueueTakes reports whether the queue hook takes commands of a scenario's own.
func (t *T) QueueTakes(list ...lab.Command) bool {
	return !slices.ContainsFunc(list, func(c lab.Command) bool { return t.Lab.Refuses(c) != nil })
}

// Form returns the first of some commands that the queue hook takes.
func (t *T) Form(list ...lab.Command) (lab.Command, bool) {
	i := slices.IndexFunc(list, func(c lab.Command) bool { return t.QueueTakes(c) })
	if i < 0 {
		return lab.Command{}, false
	}
	return list[i], true
}

// giveOnce is why a device got no second piece of work.
const giveOnce = "the work hook gave the device nothing the second time: make its output differ, for example with {{.N}} or {{uuid}}"

// gives ends the body of a scenario that gives work and does not say so, on the
// embedded server. Where a server pushes for its work, the run keeps such scenarios
// away from those that look at every push and every token; what listens runs last.
func (t *T) gives() {
	if len(t.s.Needs)+len(t.s.Uses) == 0 && t.s.Hears == nil && t.Lab.Embedded() {
		t.Error("the scenario gives work and declares neither Needs nor Uses")
	}
}

// Work returns the work that this server can give. It ends the body if there is none,
// or if nobody knows what the hook does.
func (t *T) Work() *Work {
	t.gives()
	w := &Work{t: t, given: map[*Device]int{}}
	if c, ok := lab.AnyCommand(t.target().Hooks.Queue); ok {
		w.command = c
		return w
	}
	if !canWork(t.target()) {
		t.SkipWithout(NeedWork, "the scenario needs work for a device")
	}
	g, err := t.Lab.Signature(t.ctx)
	var none *lab.NoWorkError
	var sessions *lab.SessionsError
	switch {
	case err == nil:
	case errors.As(err, &none):
		t.noWork(none)
	case errors.As(err, &sessions) && sessions.Hook == "":
		t.Blocked(By(Talks, Proves), "%v", err)
	case errors.As(err, &sessions):
		t.Skip("%v", err)
	default:
		t.Hook(hookOrNil(err))
		t.Excused(err)
		t.Blocked(By(Enrolls), "%v", err)
	}
	w.signature = g
	return w
}

// noWork ends a body because the work hook gave a device nothing. If the server cannot
// push to the device, other scenarios report why.
func (t *T) noWork(err *lab.NoWorkError) {
	switch p := err.PFN; {
	case p == nil:
	case p.Foreign:
		t.decidedBy("wns.app.pfn")
	case p.Cause == lab.PFNNever:
		t.Blocked(By(SetsPFN), "%v", err)
	case p.Cause == lab.PFNNotAsked:
		t.Blocked(By(AsksURI, AsksURIs), "%v", err)
	default:
		t.Blocked(By(GoodPFN), "%v", err)
	}
	t.Skip("%v", err)
}

// hookOrNil keeps only failures of a hook.
func hookOrNil(err error) error {
	var h *target.HookError
	if errors.As(err, &h) {
		return err
	}
	return nil
}

// learnWork finds out what the work hook does before the run: what it causes must not
// fall into a scenario that counts. Scenarios that need the work say why it is unknown.
func (r *runner) learnWork(ctx context.Context) {
	if r.NoEnroll == nil && !queues(&r.lab.Config.Target) && r.lab.CanWork() {
		r.lab.Signature(ctx) //nolint:errcheck // as above
	}
}

// Queued reports whether the work is a command that the queue hook took.
func (w *Work) Queued() bool { return w.signature == nil }

// ForAll is why the work shows nothing about who gets whose work: the hook that gives
// it names no device, so it is for all of them. It is empty if the hook names one, and
// for a single shared device.
func (w *Work) ForAll() string {
	hooks, name := w.t.target().Hooks, "queue"
	h := hooks.Queue
	if !w.Queued() {
		if name, h = "work", hooks.Work; h == nil {
			name, h = "lock", hooks.Lock
		}
	}
	if h == nil || h.NamesDevice() || w.t.target().Shared() {
		return ""
	}
	return "target.hooks." + name + " names no device (for example {{.DeviceID}}), so its work is for all devices: whose work a device gets is not judged"
}

// Give makes the server give the work to a device. It returns when the server usually
// has the work ready.
func (w *Work) Give(d *Device) {
	w.t.Hook(w.TryGive(d))
	if !w.Queued() && w.signature.Delay > 0 {
		w.t.Until(time.Now().Add(w.signature.Delay))
	}
}

// TryGive is Give, but returns at once, with the hook's error.
func (w *Work) TryGive(d *Device) error {
	w.given[d]++
	if w.Queued() {
		return w.t.Lab.Queue(w.t.ctx, d.Device, w.command)
	}
	return w.t.Lab.Work(w.t.ctx, d.Device)
}

// NeedMore ends the body as skipped if the device already had work, and the server
// gives none a second time. Call it where a second piece of work did not come.
func (w *Work) NeedMore(d *Device) {
	if !w.Queued() && w.signature.Once && (w.given[d] > 1 || w.t.target().Shared()) {
		w.t.decidedBy("target.hooks.work", "target.hooks.queue")
		w.t.Skip("%s", giveOnce)
	}
}

// AtMost returns how often the same command may come to a device: as often as it was
// given, or once if every call of the hook makes other commands.
func (w *Work) AtMost(d *Device) int {
	if !w.Queued() && w.signature.Differs {
		return 1
	}
	return w.given[d]
}

// Times returns how often sessions brought the work.
func (w *Work) Times(sessions ...*dmclient.Session) (n int) {
	if !w.Queued() {
		return w.signature.Times(sessions...)
	}
	for _, s := range sessions {
		n += len(s.Find(w.command.Verb, w.command.LocURI[1:]))
	}
	return n
}

// Served returns the first command of the work that sessions brought, whether or not
// the device executed it; empty if there was none.
func (w *Work) Served(sessions ...*dmclient.Session) string {
	for _, s := range sessions {
		for _, c := range lab.SentIn(s) {
			if w.Queued() && c.Verb == w.command.Verb && c.LocURI == w.command.LocURI || !w.Queued() && len(w.signature.Of([]lab.Sent{c})) > 0 {
				return string(c.Verb) + " " + c.LocURI
			}
		}
	}
	return ""
}

func (w *Work) addresses(verb syncml.Verb, locURI string) bool {
	if w.Queued() {
		return verb == w.command.Verb && strings.HasSuffix(strings.ToLower(locURI), strings.ToLower(w.command.LocURI[1:]))
	}
	return w.signature.Addresses(verb, locURI)
}

// Has reports whether the work has a command with that verb.
func (w *Work) Has(verb syncml.Verb) bool {
	if w.Queued() {
		return w.command.Verb == verb
	}
	return w.signature.Has(verb)
}

// Atomic reports whether the work comes in an Atomic.
func (w *Work) Atomic() bool { return !w.Queued() && w.signature.Atomic }

// Answered is a fault: the device answers every command of the work with a code.
func (w *Work) Answered(code int) dmclient.Fault { return &workAnswer{w: w, code: code} }

type workAnswer struct {
	w    *Work
	code int
	skip int // commands that are answered as usual
}

// Fault implements dmclient.Fault.
func (f *workAnswer) Fault() string { return fmt.Sprintf("answers %s with %d", f.w, f.code) }

// Answer implements dmclient.Answerer.
func (f *workAnswer) Answer(verb syncml.Verb, locURI string) (code int, ok bool) {
	if !f.w.addresses(verb, locURI) {
		return 0, false
	}
	if f.skip > 0 {
		f.skip--
		return 0, false
	}
	return f.code, true
}

// AnsweredAfter is Answered for all but the first commands of the work.
func (w *Work) AnsweredAfter(first, code int) dmclient.Fault {
	return &workAnswer{w: w, code: code, skip: first}
}

// At is a fault: do runs when the device has received the work, before it answers.
func (w *Work) At(do func()) dmclient.Fault { return &workAt{w: w, do: do} }

type workAt struct {
	w  *Work
	do func()
}

// Fault implements dmclient.Fault.
func (f *workAt) Fault() string { return "waits when it has received " + f.w.String() }

// Answer implements dmclient.Answerer; the device answers as usual.
func (f *workAt) Answer(verb syncml.Verb, locURI string) (code int, ok bool) {
	if do := f.do; do != nil && f.w.addresses(verb, locURI) {
		f.do = nil
		do()
	}
	return 0, false
}

// Bringing holds up to two sessions and returns the first one since from that
// brought the work; nil if none did.
func (w *Work) Bringing(d *Device, from int) *dmclient.Session {
	for range 2 {
		d.Sync(dmclient.SyncOptions{})
		list := d.SessionsSince(from)
		if i := slices.IndexFunc(list, func(s *dmclient.Session) bool { return w.Times(s) > 0 }); i >= 0 {
			return list[i]
		}
	}
	return nil
}

// String names the work in a report: "the queued Get", or "the work (Replace of
// ./Vendor/MSFT/x/1)".
func (w *Work) String() string {
	if w.Queued() {
		return "the queued " + string(w.command.Verb)
	}
	return "the work (" + w.signature.String() + ")"
}
