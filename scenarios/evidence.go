package scenarios

import (
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
