package doctor

import (
	"fmt"

	"github.com/dmwake/dmwake/harness/explain"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// pfnSessions is how many sessions a server has to set the PFN and to ask for the
// channel URI, counted with the first one.
const pfnSessions = 3

// pfn follows the push path up to the channel: the PFN, the device's answer, the
// channel, and the server's question for its URI.
func (p *patient) pfn() Finding {
	t := p.lab.PFNTrouble(p.device)
	if p.t.Push == "none" {
		if t == nil || t.PFN != "" {
			sent := p.pfnSent(t)
			if err := dmclient.CheckPFN(sent); err != nil {
				return Finding{State: Note, Saw: fmt.Sprintf("target.push is none, but the server sets the PFN %s, which is wrong: %v", sent, err),
					Do: "let the server set no PFN, or to push its package family name, Name_PublisherHash; without target.push: none, PFN-04 judges it"}
			}
			return Finding{State: Note, Saw: "target.push is none, but the server sets the PFN " + sent, Do: "remove target.push to test its push, and put its app identity into wns.app"}
		}
		return Finding{State: Note, Saw: "target.push is none", Do: "PFN, CHN, TOK, WNS and WER are not applicable; the work of PSH is judged by polling"}
	}
	// A server that asks for the URI in the next session gets one; a device that
	// refused the PFN twice refuses it again.
	for n := 1; n < pfnSessions && t != nil && (n == 1 || t.Cause == lab.PFNNotAsked); n++ {
		p.device.Sync(p.ctx, dmclient.SyncOptions{}) //nolint:errcheck // the session step judged that
		t = p.lab.PFNTrouble(p.device)
	}
	if t == nil {
		return good("%s, and the device has a channel", p.device.PFN())
	}
	saw := t.What
	if in, code := "syncml", t.Code; t.Cause == lab.PFNRefused || t.Cause == lab.PFNUseless {
		if t.Cause == lab.PFNUseless {
			in, code = "push-status", t.Status
		}
		for _, f := range explain.Lookup(in, fmt.Sprint(code)) {
			saw += fmt.Sprintf(" (%s means: %s)", f.Code, f.Means)
			t.Do += fmt.Sprintf("; dmwake explain %s %s says more", in, f.Code)
		}
	}
	if t.Cause == lab.PFNNever {
		return Finding{State: Note, Saw: saw, Do: t.Do}
	}
	return bad(saw, t.Do)
}

// pfnSent is the PFN that the server set.
func (p *patient) pfnSent(t *lab.PFNTrouble) string {
	if t == nil {
		return p.device.PFN()
	}
	return t.PFN
}
