package suite

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/dmwake/dmwake/harness/redact"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// How much of the transcript a failed scenario keeps.
const (
	keptDevices   = 3
	keptSessions  = 3
	keptExchanges = 24
	keptSteps     = 40
)

// post is an exchange outside any session, with a description.
type post struct {
	device *Device
	what   string
	ex     *dmclient.Exchange
}

// Keep adds an exchange outside any session to the evidence.
func (t *T) Keep(d *Device, what string, ex *dmclient.Exchange) {
	if ex != nil {
		t.posts = append(t.posts, post{d, what, ex})
	}
}

// telling returns the devices whose messages show a failure: those of failed inputs
// first, then the first devices of the body.
func (t *T) telling() (out []*Device) {
	for _, d := range slices.Concat(t.failing, t.devices) {
		if len(out) < keptDevices && !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}

// attach adds the messages that show a failure to the result: the last sessions of
// the scenario's devices, or their enrollment in scenarios about that, and then the
// last posts. If there are too many for a report, the last ones stay: a body ends at
// what it found.
func (t *T) attach() {
	t.hooks()
	var list []kept
	for _, d := range t.telling() {
		if t.s.Area() == "ENR" {
			for _, ex := range d.EnrollExchanges() {
				list = append(list, kept{d, ex, ""})
			}
		}
		sessions := d.Sessions()
		for _, s := range sessions[max(0, len(sessions)-keptSessions):] {
			for _, ex := range s.Exchanges {
				list = append(list, kept{d, ex, ""})
			}
		}
	}
	posts := t.posts[max(0, len(t.posts)-keptExchanges/2):]
	room := keptExchanges - len(posts)
	if len(list) > room {
		// The first ones show how the device started, the last ones how it ended.
		list = slices.Concat(list[:room/4], list[len(list)-(room-room/4):])
	}
	for _, p := range posts {
		list = append(list, kept{p.device, p.ex, p.what})
	}
	at := map[*dmclient.Exchange]int{}
	for i, k := range list {
		e := evidence(k.device, k.ex)
		e.What = k.what
		t.result.Exchanges = append(t.result.Exchanges, e)
		at[k.ex] = i + 1
	}
	t.steps(at)
}

// kept is an exchange that a report keeps; what is as in post.
type kept struct {
	device *Device
	ex     *dmclient.Exchange
	what   string
}

func evidence(d *Device, ex *dmclient.Exchange) report.Exchange {
	e := report.Exchange{
		Device: d.Identity().DeviceID, Method: ex.Method, URL: redact.Text(ex.URL), Request: report.Body(ex.Request),
		Status: ex.Status, ContentType: ex.Reply.Get("Content-Type"), ContentLength: ex.ContentLength, Response: report.Body(ex.Response),
	}
	if ex.Err != nil {
		e.Error = redact.Text(ex.Err.Error())
	}
	return e
}

// steps lists what passed between device, server and WNS, in order; at has the numbers of
// the exchanges that the report keeps.
func (t *T) steps(at map[*dmclient.Exchange]int) {
	var list []report.Step
	add := func(when time.Time, from, to, text string, args ...any) {
		list = append(list, report.Step{At: when, From: from, To: to, Text: redact.Text(fmt.Sprintf(text, args...))})
	}
	both := func(ex *dmclient.Exchange, what string) {
		for _, s := range exchanged(ex, what) {
			s.Exchange = at[ex]
			list = append(list, s)
		}
	}
	own := map[string]bool{}
	for _, d := range t.telling() {
		own[d.Identity().DeviceID] = true
		for _, ex := range d.EnrollExchanges() {
			both(ex, report.Enrolling+cmp.Or(verbs(ex.Request), ex.Method))
		}
		for _, s := range d.Sessions() {
			for i, ex := range s.Exchanges {
				what := fmt.Sprintf("session %s, message %d", s.ID, i+1)
				if v := verbs(ex.Request); v != "" {
					what += ": " + v
				}
				both(ex, what)
			}
		}
	}
	for _, p := range t.posts {
		both(p.ex, p.what)
	}
	journal := t.Lab.WNS.Journal().Since(t.mark, nil)
	// Tokens belong to the server, not to this device: they are shown if it was pushed
	// to.
	pushed := t.s.Area() == "TOK" || slices.ContainsFunc(journal, func(e *fakewns.Entry) bool { return own[e.Device] })
	for _, e := range journal {
		switch {
		case e.Kind == fakewns.Token && !pushed:
		case e.Kind == fakewns.Token:
			add(e.At, report.Server, report.WNS, report.TokenRequest)
			add(e.At, report.WNS, report.Server, "%d", e.Status)
		case own[e.Device]:
			add(e.At, report.Server, report.WNS, "%s notification", e.Method)
			add(e.At, report.WNS, report.Server, "%d %s", e.Status, e.WNSStatus)
			if e.Delivery == fakewns.Woken {
				add(e.At, report.WNS, report.Device, "raw notification")
			}
		}
	}
	slices.SortStableFunc(list, func(a, b report.Step) int { return a.At.Compare(b.At) })
	t.result.Steps = list[max(0, len(list)-keptSteps):]
}

// keptHookLines is how much a failed scenario says about its hooks.
const keptHookLines = 60

// hooks adds what the hooks did for the devices that show the failure: a hook that
// succeeded may still have printed why nothing arrived.
func (t *T) hooks() {
	var list []string
	for _, d := range t.telling() {
		for _, o := range t.Lab.HookOutcomes(d.Identity().DeviceID, t.began) {
			list = append(list, o.Lines()...)
		}
	}
	t.result.Hooks = list[max(0, len(list)-keptHookLines):]
}

// exchanged are the steps of an exchange: the request, and its reply.
func exchanged(ex *dmclient.Exchange, what string) []report.Step {
	reply := fmt.Sprintf("HTTP %d", ex.Status)
	switch v := verbs(ex.Response); {
	case ex.Status == 0:
		reply = fmt.Sprintf("no reply: %v", ex.Err)
	case v != "":
		reply += ": " + v
	default:
		reply += fmt.Sprintf(", %d bytes", len(ex.Response))
	}
	return []report.Step{
		{At: ex.At, From: report.Device, To: report.Server, Text: redact.Text(what)},
		{At: ex.At.Add(ex.Duration), From: report.Server, To: report.Device, Text: redact.Text(reply)},
	}
}
