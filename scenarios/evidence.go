package scenarios

import (
	"fmt"
	"slices"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// How much of the transcript a failed scenario carries.
const (
	keptDevices   = 3
	keptSessions  = 3
	keptExchanges = 24
)

// redact hides secrets in everything a result says.
func redact(r *report.Result) {
	for _, s := range []*string{&r.Reason, &r.Expected, &r.Saw} {
		*s = report.Redact(*s)
	}
	for i, line := range r.Evidence {
		r.Evidence[i] = report.Redact(line)
	}
}

// attach puts the bytes that show a failure into the result: the last sessions
// of the devices the scenario made, or their enrollment where it is about that.
func (t *T) attach() {
	t.steps()
	for _, d := range t.devices[:min(len(t.devices), keptDevices)] {
		var list []*dmclient.Exchange
		if t.result.Area == "ENR" {
			list = d.EnrollExchanges()
		}
		sessions := d.Sessions()
		for _, s := range sessions[max(0, len(sessions)-keptSessions):] {
			list = append(list, s.Exchanges...)
		}
		for _, ex := range list {
			if len(t.result.Exchanges) >= keptExchanges {
				return
			}
			e := report.Exchange{
				Device: d.Identity().DeviceID, Method: ex.Method, URL: report.Redact(ex.URL), Request: report.Body(ex.Request),
				Status: ex.Status, ContentType: ex.Reply.Get("Content-Type"), ContentLength: ex.ContentLength, Response: report.Body(ex.Response),
			}
			if ex.Err != nil {
				e.Error = report.Redact(ex.Err.Error())
			}
			t.result.Exchanges = append(t.result.Exchanges, e)
		}
	}
}

// keptSteps is how many steps a failure shows: the last ones.
const keptSteps = 40

// steps tells what went between device, server and WNS, in order.
func (t *T) steps() {
	var list []report.Step
	add := func(at time.Time, from, to, text string, args ...any) {
		list = append(list, report.Step{At: at, From: from, To: to, Text: report.Redact(fmt.Sprintf(text, args...))})
	}
	own := map[string]bool{}
	for _, d := range t.devices[:min(len(t.devices), keptDevices)] {
		own[d.Identity().DeviceID] = true
		for _, ex := range d.EnrollExchanges() {
			add(ex.At, report.Device, report.Server, "enrollment: %s", ex.Method)
			t.answer(add, ex)
		}
		for _, s := range d.Sessions() {
			for i, ex := range s.Exchanges {
				add(ex.At, report.Device, report.Server, "session %s, message %d", s.ID, i+1)
				t.answer(add, ex)
			}
		}
	}
	journal := t.Lab.WNS.Journal().Since(t.mark, nil)
	// Tokens are the server's, not this device's: they show where it pushed.
	pushed := t.result.Area == "TOK" || slices.ContainsFunc(journal, func(e *fakewns.Entry) bool { return own[e.Device] })
	for _, e := range journal {
		switch {
		case e.Kind == fakewns.Token && !pushed:
		case e.Kind == fakewns.Token:
			add(e.At, report.Server, report.WNS, "token request")
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

func (t *T) answer(add func(time.Time, string, string, string, ...any), ex *dmclient.Exchange) {
	if ex.Status == 0 {
		add(ex.At.Add(ex.Duration), report.Server, report.Device, "no reply: %v", ex.Err)
		return
	}
	add(ex.At.Add(ex.Duration), report.Server, report.Device, "HTTP %d, %d bytes", ex.Status, len(ex.Response))
}
