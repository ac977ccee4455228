package suite

import (
	"fmt"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
)

// noPush is why a rule about push does not apply.
const noPush = "the target has no WNS push (target.push: none)"

// polls reports whether devices get their work by polling alone.
func polls(t *target.Target) bool { return t.Push == "none" }

// Polls reports whether devices get their work by polling alone.
func (t *T) Polls() bool { return polls(t.target()) }

// Occasion names the session in which work is expected.
func (t *T) Occasion() string {
	if t.Polls() {
		return "the next session"
	}
	return "the session after the push"
}

// Occasions names the sessions in which work is expected at the latest.
func (t *T) Occasions() string {
	if t.Polls() {
		return "the next sessions"
	}
	return "the sessions after the push"
}

// hookFor says how each need is met, with an example for the user, and the settings
// that meet it.
var hookFor = map[Need]struct {
	met      func(*target.Target) bool
	example  string
	settings []string
}{
	NeedQueue: {func(t *target.Target) bool { return t.Hooks.Queue != nil },
		"no queue hook: set target.hooks.queue, for example {exec: [./queue.sh, '{{.DeviceID}}', '{{.Verb}}', '{{.LocURI}}', '{{.Data}}']}",
		[]string{"target.hooks.queue"}},
	NeedWork: {canWork,
		"no hook gives a device work: set target.hooks.work to anything that does, for example {http: {url: 'https://mdm.example/devices/{{.DeviceID}}/profiles/{{.N}}'}}, or target.hooks.queue",
		[]string{"target.hooks.work", "target.hooks.queue"}},
	NeedWipe: {func(t *target.Target) bool { return takes(t, lab.RemoteWipe) || t.Hooks.Wipe != nil },
		"no wipe hook: set target.hooks.wipe, for example {http: {url: 'https://mdm.example/devices/{{.DeviceID}}/wipe'}}, or target.hooks.queue",
		[]string{"target.hooks.wipe", "target.hooks.queue"}},
	NeedLock: {func(t *target.Target) bool { return takes(t, lab.RemoteLock) || t.Hooks.Lock != nil },
		"no lock hook: set target.hooks.lock, for example {http: {url: 'https://mdm.example/devices/{{.DeviceID}}/lock'}}, or target.hooks.queue",
		[]string{"target.hooks.lock", "target.hooks.queue"}},
	NeedLeave: {func(t *target.Target) bool { return t.Hooks.Unenroll != nil },
		"no unenroll hook: set target.hooks.unenroll, for example {http: {method: DELETE, url: 'https://mdm.example/devices/{{.DeviceID}}'}}",
		[]string{"target.hooks.unenroll"}},
	NeedStart: {func(t *target.Target) bool { return t.Hooks.Restart != nil },
		"no restart hook: set target.hooks.restart, for example {exec: [docker, restart, mdm]}",
		[]string{"target.hooks.restart"}},
	NeedPush: {func(t *target.Target) bool { return t.Hooks.Push != nil || t.PushOnQueue && canWork(t) },
		"no push hook: set target.hooks.push, for example {http: {url: 'https://mdm.example/devices/{{.DeviceID}}/push'}}, or target.push_on_queue: true with a queue or work hook",
		[]string{"target.hooks.push", "target.push_on_queue"}},
}

// Settings are the keys of the configuration of which any one meets the need.
func (n Need) Settings() []string { return hookFor[n].settings }

// takes reports whether the queue hook takes a command.
func takes(t *target.Target, c lab.Command) bool {
	return t.Hooks.Queue.Takes(string(c.Verb), c.Format) == nil
}

// decidedBy names settings that would have decided the scenario.
func (t *T) decidedBy(settings ...string) { t.result.DecidedBy = settings }

// SkipUnset ends a body that needs a setting to judge: why, and how to set it.
func (t *T) SkipUnset(setting, why string, args ...any) {
	t.decidedBy(setting)
	t.Skip(why, args...)
}

// SkipWithout ends a body that needs a hook to judge; it says why, and shows how to
// set the hook.
func (t *T) SkipWithout(n Need, why string, args ...any) {
	t.decidedBy(hookFor[n].settings...)
	if n == NeedWork && canWork(t.target()) && !queues(t.target()) {
		if _, err := t.Lab.Signature(t.ctx); err != nil {
			t.Skip("%s: the hook that gives work is set, but %v", fmt.Sprintf(why, args...), err)
		}
	}
	t.Skip("%s: %s", fmt.Sprintf(why, args...), hookFor[n].example)
}
