package mutants

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Mutants of the work that a push is for.
var (
	PshNever = &Mutant{"psh-never", "takes the order to push and does not", func(t *tamper) {
		t.Wake = append(t.Wake, func(w *mdmserver.Wake) { w.URIs = nil })
	}}
	PshSlow = &Mutant{"psh-slow", "pushes seconds after it was asked to", func(t *tamper) {
		t.Wake = append(t.Wake, func(w *mdmserver.Wake) { w.Delay = 2500 * time.Millisecond })
	}}
	PshSkipSession = &Mutant{"psh-skip-session", "keeps what was queued back for one session", func(t *tamper) {
		met := map[*mdmserver.Command]*mdmserver.Session{}
		hook.Without(t, func(v *mdmserver.Visit, p *mdmserver.Planned) bool {
			if !hook.Queued(p) {
				return false
			}
			if met[p.Sent.Command] == nil {
				met[p.Sent.Command] = v.Device.Session
			}
			return met[p.Sent.Command] == v.Device.Session
		})
	}}
	PshTwice = &Mutant{"psh-twice", "sends every queued command in two sessions", func(t *tamper) {
		sent := map[*mdmserver.Command]int{}
		hook.Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			for i := range r.Plan {
				if hook.Queued(&r.Plan[i]) {
					sent[r.Plan[i].Sent.Command]++
				}
			}
		})
		requeue(t, func(c *mdmserver.Command) bool { return c.State == mdmserver.StateDone && sent[c] == 1 })
	}}
	PshSentDone = &Mutant{"psh-sent-done", "takes what was sent for done", func(t *tamper) {
		hook.On(t, mdmserver.SessionBegins, func(c *mdmserver.Change) {
			for _, k := range c.Device.Commands {
				if k.State == mdmserver.StateSent {
					k.State = mdmserver.StateDone
				}
			}
		})
	}}
	PshEmpty404 = &Mutant{"psh-empty-404", "answers a session with nothing queued with 404", func(t *tamper) {
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			waiting := slices.ContainsFunc(v.Device.Commands, func(c *mdmserver.Command) bool { return c.State != mdmserver.StateDone })
			return only(v.Opens && v.Device.Sessions > 1 && !waiting, http.StatusNotFound)
		})
	}}
	PshCutData = &Mutant{"psh-cut-data", "keeps 1,000 characters of what is queued", func(t *tamper) {
		hook.On(t, mdmserver.Queued, func(c *mdmserver.Change) { c.Command.Data = c.Command.Data[:min(len(c.Command.Data), 1000)] })
	}}
	PshExecReplace = &Mutant{"psh-exec-replace", "sends Exec commands as Replace", func(t *tamper) {
		hook.Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			for i := range r.Plan {
				if p := &r.Plan[i]; hook.Queued(p) && p.Command.Verb == syncml.Exec {
					p.Command.Verb = syncml.Replace
				}
			}
		})
	}}
	PshScope = &Mutant{"psh-scope", "sends ./Device and ./User commands without their scope", func(t *tamper) {
		hook.Retarget(t, func(uri string) string {
			for _, scope := range []string{"./Device/", "./User/"} {
				uri = strings.Replace(uri, scope, "./", 1)
			}
			return uri
		})
	}}
	PshWrongDevice = &Mutant{"psh-wrong-device", "gives what is queued to the device that comes next", func(t *tamper) {
		var waiting []*mdmserver.Command
		hook.On(t, mdmserver.Queued, func(c *mdmserver.Change) {
			c.Device.Commands = slices.DeleteFunc(c.Device.Commands, func(k *mdmserver.Command) bool { return k == c.Command })
			waiting = append(waiting, c.Command)
		})
		hook.On(t, mdmserver.SessionBegins, func(c *mdmserver.Change) {
			c.Device.Commands, waiting = append(c.Device.Commands, waiting...), nil
		})
	}}
	PshWipeActive = &Mutant{"psh-wipe-active", "keeps a wiped device active", func(t *tamper) {
		before := map[*mdmserver.Device]mdmserver.PushState{}
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			before[v.Device] = v.Device.Push
			return 0
		})
		hook.On(t, mdmserver.Answered, func(c *mdmserver.Change) {
			if c.Command.IsWipe() && !c.Device.Active {
				c.Device.Active, c.Device.Push = true, before[c.Device]
			}
		})
	}}

	ErrCmdForever = &Mutant{"err-cmd-forever", "sends commands that fail in every session", func(t *tamper) {
		requeue(t, func(c *mdmserver.Command) bool { return c.State == mdmserver.StateDone && !syncml.Success(c.Status) })
	}}
	ErrCmdFails = &Mutant{"err-cmd-fails", "fails the session when a queued command is answered with 404, 418 or 500", func(t *tamper) {
		hook.Stumble(t, func(_ *mdmserver.Visit, c *syncml.Command, sent *mdmserver.Sent) bool {
			return sent != nil && sent.Purpose == mdmserver.ForCommand && slices.Contains([]int{404, 418, 500}, c.Code())
		})
	}}
	ErrAtomicNested = &Mutant{"err-atomic-nested", "puts an Atomic into an Atomic", func(t *tamper) {
		hook.Reply(t, func(_ *mdmserver.Visit, r *mdmserver.Reply) {
			for i := range r.Plan {
				p := &r.Plan[i]
				if p.Sent.Purpose != mdmserver.ForAtomic {
					continue
				}
				nested := syncml.Command{Verb: syncml.Atomic, CmdID: "900", Commands: p.Command.Commands}
				for k := range nested.Commands {
					nested.Commands[k].CmdID = "90" + string(rune('1'+k%9))
				}
				p.Command.Commands, p.Inner = []syncml.Command{nested}, []*mdmserver.Sent{{Purpose: mdmserver.ForAtomic}}
			}
		})
	}}
)

var pushes = []*Mutant{PshNever, PshSkipSession, PshTwice, PshEmpty404, PshForget, PshCutData, PshSentDone, PshExecReplace, PshWipeActive, PshWrongDevice, PshScope, PshSlow, PshOrigin}

var failures = []*Mutant{
	ErrPush418, ErrPFN418, Err500Forever, Err500GiveUp, ErrChannelFails, ErrChannelLoop, ErrCmdForever, ErrCmdFails, Err215Fails, Err599Panics, ErrDoubleFails,
	ErrResultsFail, Err500First, ErrDelete404, Err507Fails, ErrAtomicNested, ErrEmptyCmdRef,
}

// requeue queues commands that f picks again when a session begins.
func requeue(t *tamper, f func(*mdmserver.Command) bool) {
	hook.On(t, mdmserver.SessionBegins, func(c *mdmserver.Change) {
		for _, k := range c.Device.Commands {
			if f(k) {
				k.State = mdmserver.StateQueued
			}
		}
	})
}
