package mutants

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/mdmserver/hook"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Mutants of input that nobody expects, of load and of restarts.
var (
	RobBig = &Mutant{"rob-big", "fails with 500 at a message that is too large", func(t *tamper) {
		hook.After(t, http.MethodPost, mdmserver.ManagementPath, func(x *hook.Exchange) {
			if x.Says(http.StatusBadRequest, notRead) {
				x.Status = http.StatusInternalServerError
			}
		})
	}}
	RobMany = &Mutant{"rob-many", "fails with 500 at very many commands", func(t *tamper) {
		failsOn(t, func(body []byte) bool { return bytes.Count(body, []byte("<CmdID>")) > 1000 })
	}}
	RobDeep = &Mutant{"rob-deep", "fails with 500 at deep nesting", func(t *tamper) {
		failsOn(t, func(body []byte) bool { return bytes.Count(body, []byte("<Sequence>")) > 1000 })
	}}
	RobUTF8 = &Mutant{"rob-utf8", "fails with 500 at invalid UTF-8", func(t *tamper) {
		failsOn(t, func(body []byte) bool { return !utf8.Valid(body) })
	}}
	RobMsgID = &Mutant{"rob-msgid", "fails with 500 at a MsgID that is not a number", func(t *tamper) {
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int { return only(!isNumber(v.In.Hdr.MsgID), http.StatusInternalServerError) })
	}}
	RobNoSession = &Mutant{"rob-nosession", "fails with 500 at a message for no session", func(t *tamper) {
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			s := v.Device.Session
			return only(v.In.Hdr.MsgID != "1" && (s == nil || s.ID != v.In.Hdr.SessionID), http.StatusInternalServerError)
		})
	}}
	RobNoItem = &Mutant{"rob-no-item", "fails with 500 at a generic Alert without an Item", func(t *tamper) {
		hook.Choke(t, syncml.Alert, func(c *syncml.Command) bool { return c.Code() == syncml.AlertGeneric && len(c.Items) == 0 })
	}}
	RobNoSource = &Mutant{"rob-no-source", "fails with 500 at Results that name no node", func(t *tamper) {
		hook.Choke(t, syncml.Results, func(c *syncml.Command) bool {
			return slices.ContainsFunc(c.Items, func(it syncml.Item) bool { return it.Source.LocURI == "" })
		})
	}}
	RobNoTarget = &Mutant{"rob-no-target", "fails with 500 at a SyncHdr without Target", func(t *tamper) {
		t.Receive = append(t.Receive, func(v *mdmserver.Visit) int {
			return only(v.In.Hdr.Target.LocURI == "", http.StatusInternalServerError)
		})
	}}
	RobGarbage200 = &Mutant{"rob-garbage-200", "answers what it cannot read with an empty 200", func(t *tamper) {
		hook.After(t, http.MethodPost, mdmserver.ManagementPath, func(x *hook.Exchange) {
			if x.Says(http.StatusBadRequest, notSyncML) {
				x.Status, x.Reply = http.StatusOK, nil
			}
		})
	}}
	RobStranger = &Mutant{"rob-stranger", "fails with 500 at a device that it does not know", func(t *tamper) {
		var known hook.Set
		hook.On(t, mdmserver.Enrolled, func(c *mdmserver.Change) { known.Add(c.Device.ID) })
		hook.Before(t, mdmserver.ManagementPath, func(x *hook.Exchange) int {
			m, err := syncml.Read(x.In)
			return only(err == nil && !known.Has(m.Hdr.Source.LocURI), http.StatusInternalServerError)
		})
	}}
	RobSkew = &Mutant{"rob-skew", "rejects devices with a wrong clock", func(t *tamper) {
		hook.Choke(t, syncml.Results, func(c *syncml.Command) bool {
			return slices.ContainsFunc(c.Items, func(it syncml.Item) bool {
				at, err := time.Parse(time.RFC3339, it.Data)
				return err == nil && time.Since(at).Abs() > 30*time.Minute
			})
		})
	}}
	RobWedge = &Mutant{"rob-wedge", "locks a device out after a truncated message", func(t *tamper) {
		var wedged hook.Set
		hook.Before(t, mdmserver.ManagementPath, func(x *hook.Exchange) int { return only(wedged.Has(x.Device()), http.StatusForbidden) })
		hook.After(t, http.MethodPost, mdmserver.ManagementPath, func(x *hook.Exchange) {
			if x.Says(http.StatusBadRequest, notRead) {
				wedged.Add(x.Device())
			}
		})
	}}
	RobSerial = &Mutant{"rob-serial", "reads one message at a time", func(t *tamper) {
		var reading sync.Mutex
		t.Serve = append(t.Serve, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == mdmserver.ManagementPath {
					reading.Lock()
					x := hook.Read(r)
					reading.Unlock()
					r.Body = io.NopCloser(bytes.NewReader(x.In))
				}
				next.ServeHTTP(w, r)
			})
		})
	}}
	RobCrowd = &Mutant{"rob-crowd", "serves no more than twenty sessions at once", func(t *tamper) {
		slots := make(chan struct{}, 20)
		hook.Before(t, mdmserver.ManagementPath, func(*hook.Exchange) int {
			select {
			case slots <- struct{}{}:
				time.AfterFunc(300*time.Millisecond, func() { <-slots })
				return 0
			default:
				return http.StatusServiceUnavailable
			}
		})
	}}
	RobRestart = &Mutant{"rob-restart", "loses what is queued when it starts again", func(t *tamper) {
		hook.On(t, mdmserver.Restarted, func(c *mdmserver.Change) { c.Device.Commands = nil })
	}}
)

var robustness = []*Mutant{RobPanic, RobBig, RobMany, RobDeep, RobUTF8, RobMsgID, RobNoSession, RobSerial, RobWedge, RobCrowd, RobRestart, RobSkew, RobNoItem, RobNoSource, RobNoTarget, RobGarbage200, RobStranger}

// failsOn answers session messages that f picks with 500.
func failsOn(t *tamper, f func(body []byte) bool) {
	hook.Before(t, mdmserver.ManagementPath, func(x *hook.Exchange) int { return only(f(x.In), http.StatusInternalServerError) })
}

func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}
