package cli

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// activity is what the devices of "device run" do. Without a table of them it prints a
// line for each push and each session, up to a bound for each period; the rest is summed.
// All methods of a nil activity do nothing.
type activity struct {
	print *printer
	lines loudness
	now   func() time.Time

	mu      sync.Mutex
	devices []*doing // in the order of the list
	byID    map[string]*doing
	printed int // lines of this period
	more    sums
}

// loudness says for which events there are lines.
type loudness int

const (
	noLines       loudness = iota // a table shows them
	problemLines                  // failed sessions
	allEventLines                 // pushes and sessions
)

// linesPerPeriod bounds what a log gets of thousands of devices; sumPeriod is the period.
const (
	linesPerPeriod = 20
	sumPeriod      = 5 * time.Second
)

// sums are events without a line.
type sums struct{ pushes, sessions, failed int }

// doing is one device.
type doing struct {
	number       int
	name, state  string
	pushes       int
	last         string // how its last session went
	lastAt       time.Time
	failed       bool
	session, msg string // under way; empty if none is
	origin       dmclient.Origin
	due          dmclient.Due // what is next; zero: nothing
}

func newActivity(to *printer, lines loudness) *activity {
	return &activity{print: to, lines: lines, now: time.Now, byID: map[string]*doing{}}
}

// add adds the devices of the list.
func (a *activity) add(rows []row) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range rows {
		d := &doing{number: r.number, name: r.name, state: r.state, due: r.due}
		a.devices = append(a.devices, d)
		a.byID[r.id] = d
	}
}

// pushed notes a notification that reached a device.
func (a *activity) pushed(device string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.byID[device]
	if d == nil {
		return
	}
	d.pushes++
	if a.lines >= allEventLines && !a.line("%s  %-16s push", a.now().Format(time.TimeOnly), d.name) {
		a.more.pushes++
	}
}

// sent notes a message of a session that is under way; it is a dmclient.Config.OnSend.
func (a *activity) sent(s *dmclient.Session, m *syncml.Message) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if d := a.byID[m.Hdr.Source.LocURI]; d != nil {
		d.session, d.msg, d.origin = s.ID, m.Hdr.MsgID, s.Origin
	}
}

// session notes how a session ended. Another dmwake may have asked for it.
func (a *activity) session(dev *dmclient.Device, s *dmclient.Session, err error, forAnother bool) {
	if a == nil {
		return
	}
	state := dev.State().String()
	due, _ := dev.Next()
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.byID[dev.Identity().DeviceID]
	if d == nil {
		return
	}
	d.state, d.due, d.session, d.failed = state, due, "", err != nil
	if s == nil && err == nil {
		return
	}
	d.lastAt, d.last = a.now(), told(s, err, forAnother)
	if a.lines >= allEventLines || err != nil && a.lines >= problemLines {
		word := "session"
		if err != nil {
			word = "FAILED "
		}
		if !a.line("%s  %-16s %s  %s", d.lastAt.Format(time.TimeOnly), d.name, word, d.last) {
			a.more.sessions++
			if err != nil {
				a.more.failed++
			}
		}
	}
}

// line prints a line if this period has room for one. The caller holds the lock.
func (a *activity) line(format string, args ...any) bool {
	if a.printed == linesPerPeriod {
		return false
	}
	a.printed++
	a.print.line(format, args...)
	return true
}

// period prints the sums of the period that ends.
func (a *activity) period() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if m := a.more; m != (sums{}) {
		failed := ""
		if m.failed > 0 {
			failed = fmt.Sprintf(", %d failed", m.failed)
		}
		a.print.line("%s  and %s, %s%s", a.now().Format(time.TimeOnly), wording.Counted(m.pushes, "more push", "more pushes"), wording.Counted(m.sessions, "more session", "more sessions"), failed)
	}
	a.printed, a.more = 0, sums{}
}

// told is how a session went, in a line.
func told(s *dmclient.Session, err error, forAnother bool) string {
	if s == nil {
		return wording.Error(err)
	}
	why := originWords[s.Origin]
	if forAnother {
		why += " for another dmwake"
	}
	if err != nil {
		return why + ": " + wording.Error(err)
	}
	return why + ", " + wording.Count(len(s.Commands), "command")
}

// originWords are the reasons for a session.
var originWords = map[dmclient.Origin]string{
	dmclient.OriginUser: "user", dmclient.OriginSchedule: "poll", dmclient.OriginPush: "push", dmclient.OriginLogin: "login",
	dmclient.OriginEnrollment: "enrollment", dmclient.OriginCSP: "CSP", dmclient.OriginAPI: "API",
}

// busy is what a device does now.
func (d *doing) busy() string {
	switch {
	case d.session != "":
		return "message " + d.msg
	case !d.due.At.IsZero():
		return d.due.What + " " + d.due.At.Format(time.TimeOnly)
	}
	return ""
}

// pushesOf is a push service that tells an activity what it delivers.
type pushesOf struct {
	dmclient.WNS
	to *activity
}

func (p pushesOf) OpenChannel(ctx context.Context, device, pfn string, wake func([]byte)) (string, time.Time, error) {
	return p.WNS.OpenChannel(ctx, device, pfn, func(payload []byte) {
		p.to.pushed(device)
		wake(payload)
	})
}
