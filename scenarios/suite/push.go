package suite

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// Queue makes the server queue a command of the scenario's own. The scenario does not
// apply to a server whose queue does not take the command.
func (t *T) Queue(d *Device, c lab.Command) {
	t.gives()
	if !t.Lab.CanQueue(c) {
		t.SkipWithout(NeedQueue, "the scenario needs %s of %s", c.Verb, c.LocURI)
	}
	if why := t.Lab.Refuses(c); why != nil {
		t.NotApplicable("the scenario needs %s of %s, and %v", c.Verb, c.LocURI, why)
	}
	t.Hook(t.Lab.Queue(t.ctx, d.Device, c))
}

// Push makes the server push.
func (t *T) Push(d *Device) { t.Hook(d.asked(t.AskToPush)) }

// asked runs a push hook. A server that refuses it in the middle of a session, in which
// it may have no channel, is asked again after the session.
func (d *Device) asked(hook func(*Device) error) error {
	m := d.Mark()
	err := hook(d)
	var refused *target.HookError
	if errors.As(err, &refused) && d.awaitSession(m, d.T.Lab.Config.Timeouts.Quiet, nil) != nil {
		d.T.Evidence("during a session %v; it was run again after it", err)
		err = hook(d)
	}
	return err
}

// TryPush asks the server to push and tolerates a refusal: for scenarios in which
// it must not push.
func (t *T) TryPush(d *Device) error {
	err := t.AskToPush(d)
	t.HookMissing(err)
	return err
}

// AskToPush makes the server push and returns the hook's error.
func (t *T) AskToPush(d *Device) error {
	if t.target().Hooks.Push == nil && t.target().PushOnQueue {
		return t.workForPush(d)
	}
	return t.Lab.Push(t.ctx, d.Device)
}

// probe is a harmless command for servers that push when a command is queued.
var probe = lab.Command{Verb: "Get", LocURI: "./DevInfo/Lang"}

// workForPush gives a device work that no scenario follows: the server then pushes by
// itself.
func (t *T) workForPush(d *Device) error {
	h := t.target().Hooks.Queue
	c, ok := lab.AnyCommand(h)
	switch {
	case !ok:
		return t.Lab.Work(t.ctx, d.Device)
	case h.Takes(string(probe.Verb), "") == nil:
		c = probe
	}
	return t.Lab.Queue(t.ctx, d.Device, c)
}

// PushInBackground makes the server push without waiting for the hook: a server may
// answer the hook only when its push has ended, and must not hold up the scenario.
func (t *T) PushInBackground(d *Device) {
	if t.target().Hooks.Push == nil && !t.target().PushOnQueue {
		t.Hook(lab.ErrNoHook)
	}
	go t.AskToPush(d) //nolint:errcheck // only what arrives at WNS counts
}

// Trigger makes the server push after a command was queued. A server that then
// pushes by itself needs no hook.
func (t *T) Trigger(d *Device) { t.Hook(d.asked(t.AskToTrigger)) }

// AskToTrigger is Trigger, but returns the hook's error.
func (t *T) AskToTrigger(d *Device) error {
	if t.target().Hooks.Push == nil {
		return nil
	}
	return t.Lab.Push(t.ctx, d.Device)
}

// HookMissing ends the body if there is no hook, and tolerates any other error.
func (t *T) HookMissing(err error) {
	if errors.Is(err, lab.ErrNoHook) {
		t.Hook(err)
	}
}

// Mark is a position in the journal and in a device's sessions: "from now on".
type Mark struct {
	Journal  uint64
	Sessions int
}

// Mark returns the current position.
func (d *Device) Mark() Mark {
	if h := tokenHead(d.ChannelURI()); h != "" && !slices.Contains(d.heads, h) {
		d.heads = append(d.heads, h)
	}
	return Mark{d.T.Lab.WNS.Journal().Mark(), d.SessionCount()}
}

// to accepts notifications for the device's channels: by channel if WNS found one,
// else by the beginning of the token. A server that garbles URIs must not look as if
// it sent nothing.
func (d *Device) to(e *fakewns.Entry) bool {
	if e.Kind != fakewns.Notification {
		return false
	}
	return e.Device == d.Identity().DeviceID || e.Channel == "" && slices.Contains(d.heads, tokenHead(e.Target))
}

// headLength is how much of a token identifies its channel.
const headLength = 16

// tokenHead returns the beginning of a channel URI's token, regardless of case and
// encoding; empty if there is none.
func tokenHead(uri string) string {
	_, token, _ := strings.Cut(uri, "token=")
	if plain, err := url.QueryUnescape(token); err == nil {
		token = strings.ReplaceAll(plain, " ", "+")
	}
	if len(token) < headLength {
		return ""
	}
	return strings.ToLower(token[:headLength])
}

// IsToken accepts token requests.
func IsToken(e *fakewns.Entry) bool { return e.Kind == fakewns.Token }

// IsRequest accepts all requests: no handshakes, and no connections that brought
// none.
func IsRequest(e *fakewns.Entry) bool {
	return e.Kind == fakewns.Token || e.Kind == fakewns.Notification
}

// Pushes returns the notifications to the device since m.
func (d *Device) Pushes(m Mark) []*fakewns.Entry { return d.T.Lab.WNS.Journal().Since(m.Journal, d.to) }

// PushesFrom returns the notifications to the device since m, starting with first.
func (d *Device) PushesFrom(m Mark, first *fakewns.Entry) []*fakewns.Entry {
	list := d.Pushes(m)
	return list[slices.IndexFunc(list, func(e *fakewns.Entry) bool { return e.Seq == first.Seq }):]
}

// within waits for n entries of the journal since a mark, for at most
// Timeouts.Push.
func (t *T) within(mark uint64, n int, want func(*fakewns.Entry) bool) ([]*fakewns.Entry, error) {
	ctx, cancel := patient(t.ctx, t.Lab.Config.Timeouts.Push)
	defer cancel()
	return t.Lab.WNS.Journal().Await(ctx, mark, n, want)
}

// Await waits until n entries since m match want, for at most timeouts.push. With
// an error it returns the matches so far.
func (t *T) Await(m Mark, n int, want func(*fakewns.Entry) bool) ([]*fakewns.Entry, error) {
	return t.within(m.Journal, n, want)
}

// Settle waits until the effects of a push since m are over: sessions, and the
// second notification that some servers send. A scenario that has WNS to itself
// holds up others, so it waits only for the first session: by then the server has
// read WNS's answer.
func (d *Device) Settle(m Mark) {
	if d.T.s.Reach == Shared {
		d.T.Quiet()
		return
	}
	d.awaitSession(m, d.T.Lab.Config.Timeouts.Quiet, nil)
}

// AwaitPushes waits until n notifications to the device have arrived since m. Too
// few block the body: another scenario judges a server that does not push.
func (d *Device) AwaitPushes(m Mark, n int) []*fakewns.Entry {
	found, err := d.T.within(m.Journal, n, d.to)
	if err != nil {
		d.T.noToken(m)
		d.T.Blocked(By(Pushes, Tokens), "%d of %d notifications arrived on the device's channel within %s of the trigger", len(found), n, d.T.Lab.Config.Timeouts.Push)
	}
	return found
}

// AwaitStatus waits for a notification, and ends the body as blocked unless WNS
// answered it with status. It skips a 401 for a token that another scenario
// revoked: the server then fetches a new one.
func (d *Device) AwaitStatus(m Mark, status int) *fakewns.Entry {
	for n := 1; ; n++ {
		e := d.AwaitPushes(m, n)[n-1]
		switch {
		case e.Status == status:
			return e
		case e.Status == http.StatusUnauthorized && e.Violated(fakewns.RuleToken) != "" && n < 3:
		default:
			d.T.Blocked(By(Notifies), "WNS answered the notification with %d instead of %d: %s", e.Status, status, e.Error)
		}
	}
}

// AwaitOne waits for a notification to the device since m that matches want; nil
// matches any. It returns nil if none arrives in time.
func (d *Device) AwaitOne(m Mark, want func(*fakewns.Entry) bool) *fakewns.Entry {
	list, err := d.T.within(m.Journal, 1, func(e *fakewns.Entry) bool { return d.to(e) && (want == nil || want(e)) })
	if err != nil {
		return nil
	}
	return list[0]
}

// AwaitAccepted waits for a notification since m that WNS accepts; nil if none
// arrives in time.
func (d *Device) AwaitAccepted(m Mark) *fakewns.Entry {
	return d.AwaitOne(m, func(e *fakewns.Entry) bool { return e.Status == http.StatusOK })
}

// AwaitToken waits for a token request since m; nil if none arrives in time.
func (t *T) AwaitToken(m Mark) *fakewns.Entry {
	list, err := t.within(m.Journal, 1, IsToken)
	if err != nil {
		return nil
	}
	return list[0]
}

// AwaitEither waits for a notification since m to one of the devices.
func (t *T) AwaitEither(m Mark, devices ...*Device) {
	_, err := t.within(m.Journal, 1, func(e *fakewns.Entry) bool {
		return slices.ContainsFunc(devices, func(d *Device) bool { return d.to(e) })
	})
	if err != nil {
		t.noToken(m)
		t.Blocked(By(Pushes, Tokens), "no notification arrived within %s of the trigger", t.Lab.Config.Timeouts.Push)
	}
}

// NeedAccepted ends the body as blocked if WNS refuses notifications for any reason
// but an old token.
func (d *Device) NeedAccepted(m Mark) {
	for _, e := range d.Pushes(m) {
		if e.Status != http.StatusUnauthorized || e.Violated(fakewns.RuleAuthorization) != "" {
			d.T.Blocked(By(Notifies), "WNS answers the server's notifications with %d: %s", e.Status, e.Error)
		}
	}
}

// noToken ends the body as blocked if a token request failed since m.
func (t *T) noToken(m Mark) {
	for _, e := range t.Lab.WNS.Journal().Since(m.Journal, IsToken) {
		if e.Status != http.StatusOK {
			t.Evidence("%s", e)
			t.Blocked(By(Tokens), "no notification arrived, because the server got no token: %d %s", e.Status, e.Error)
		}
	}
}

// AwaitPushed waits for the session that a push since m starts. If there is none,
// the scenario fails if carries is set, and is blocked otherwise.
//
// Without push, the device polls.
func (d *Device) AwaitPushed(m Mark, carries bool) *dmclient.Session {
	t := d.T
	if polls(t.target()) {
		return t.Managed(d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginSchedule}))
	}
	if s := d.awaitSession(m, t.Lab.Config.Timeouts.Push, func(s *dmclient.Session) bool { return s.Origin == dmclient.OriginPush }); s != nil {
		return s
	}
	pushes := d.Pushes(m)
	for _, e := range pushes {
		t.Evidence("%s", e)
	}
	if len(pushes) == 0 {
		t.noToken(m)
	}
	refused := ""
	for _, w := range d.Wakes() {
		if w.Refused != "" {
			refused = w.Refused
			t.Evidence("the device rejected a push: %s", w.Refused)
		}
	}
	saw, cause := "no notification", ""
	if len(pushes) > 0 {
		last := pushes[len(pushes)-1]
		saw = fmt.Sprintf("no session; WNS answered the last of %d notifications with %d", len(pushes), last.Status)
		switch {
		case last.Status != http.StatusOK:
			saw += ": " + last.Error
			cause = fmt.Sprintf("WNS refuses the server's notifications: %d, %s", last.Status, last.Error)
		case refused != "":
			saw += ", and the device rejected it: " + refused
		}
	}
	if !carries {
		t.Blocked(By(Pushes, Notifies, Tokens), "no push led to a session: %s", saw)
	}
	t.FailBy(cause, "a session started by the push within "+t.Lab.Config.Timeouts.Push.String(), saw)
	return nil
}

// awaitSession waits for a session since m that want accepts; nil if none begins in time.
func (d *Device) awaitSession(m Mark, within time.Duration, want func(*dmclient.Session) bool) *dmclient.Session {
	begun, cancel := patient(d.T.ctx, within)
	defer cancel()
	s, _ := d.AwaitBegun(d.T.ctx, begun.Done(), m.Sessions, want)
	return s
}

// Violations lists how entries broke some rules, each violation once.
func Violations(entries []*fakewns.Entry, rules ...fakewns.Rule) (out []string) {
	for _, e := range entries {
		for _, r := range rules {
			if v := e.Violated(r); v != "" && !slices.Contains(out, v) {
				out = append(out, v)
			}
		}
	}
	return out
}
