package scenarios

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Helpers of the cases about sessions and about the answers of devices.

// runsToEnd fails unless a session with something unusual in it was answered and
// completed. what names the unusual thing.
func runsToEnd(d *Device, s *dmclient.Session, what string, args ...any) *dmclient.Session {
	t, text := d.T, fmt.Sprintf(what, args...)
	d.Survived(s, "%s", text)
	if len(s.Received) == 0 {
		t.ControlReply()
		t.Fail("a SyncML message in reply to the first message, after "+text, "an empty reply")
	}
	if saw := neverEnds(s); saw != "" && plainlyEnds(d) {
		t.Exchanges(s)
		t.Fail("a session that ends after "+text, saw)
	}
	return s
}

// holdSessions holds n sessions, each of which must complete.
func holdSessions(d *Device, n int, what string, args ...any) {
	for range n {
		runsToEnd(d, d.Sync(dmclient.SyncOptions{}), what, args...)
	}
}

// neverEnds says what the server was still sending when the device gave up on an
// endless session. It is empty for any other session, and if the server merely
// left Final out.
func neverEnds(s *dmclient.Session) string {
	if !errors.Is(s.Err, dmclient.ErrEndless) || len(s.Commands) == 0 {
		return ""
	}
	last := s.Commands[len(s.Commands)-1]
	if last.Msg < len(s.Received)-2 {
		return ""
	}
	return fmt.Sprintf("after %d messages the server was still sending commands: %s %s", len(s.Sent), last.Verb, last.LocURI)
}

// plainlyEnds reports whether sessions of an ordinary device end. If they do not,
// SES-14 fails; that must not hide what else the server does.
func plainlyEnds(d *Device) bool {
	if d.T.Lab.Config.Target.Shared() {
		return neverEnds(d.First()) == ""
	}
	plain := d.T.Enrolled()
	plain.Sync(dmclient.SyncOptions{})
	return neverEnds(plain.Sync(dmclient.SyncOptions{})) == ""
}

// anyExec is a node whose Exec does no harm.
const anyExec = "./Vendor/MSFT/EnterpriseModernAppManagement/AppManagement/UpdateScan"

// deliver queues a command and returns the session that brought it: the next one
// or the one after. SES-44 judges which. A server that pushes by itself may
// already have started that session.
func deliver(d *Device, c lab.Command) *dmclient.Session {
	from := d.SessionCount()
	d.T.Queue(d, c)
	return delivered(d, from, c)
}

// delivered is deliver for a command that is already queued.
func delivered(d *Device, from int, c lab.Command) *dmclient.Session {
	t := d.T
	if s := bringing(d, from, c); s != nil {
		return s
	}
	list := d.SessionsSince(from)
	d.Survived(list[len(list)-1], "a command was queued")
	for _, scope := range []string{"./Device/", "./User/"} {
		short, has := strings.CutPrefix(c.LocURI, scope)
		for _, s := range list {
			for _, got := range s.Find(c.Verb, short) {
				t.Check(!has, fmt.Sprintf("the queued %s of %s", c.Verb, c.LocURI), "LocURI "+got.LocURI)
			}
		}
	}
	for _, s := range list {
		for _, other := range s.Find("", c.LocURI[1:]) {
			if other.Verb != c.Verb && other.Verb != syncml.Add {
				t.Fail(fmt.Sprintf("the queued %s of %s", c.Verb, c.LocURI), string(other.Verb)+" of the same LocURI")
			}
		}
	}
	w := t.Work()
	from = d.SessionCount()
	w.Give(d)
	if w.Bringing(d, from) != nil {
		t.Skip("the queue hook accepted %s of %s, but the server sent only %s: let target.hooks.queue queue any verb and LocURI, or say what it takes (verbs, formats)", c.Verb, c.LocURI, w)
	}
	t.Blocked(suite.By(suite.Delivers), "the queued %s of %s did not arrive in the next two sessions", c.Verb, c.LocURI)
	return nil
}

// gives gives a device work and returns the session that brought it: the next one or
// the one after. SES-44 judges which. A server that pushes by itself may already have
// started that session.
func gives(d *Device, w *suite.Work) *dmclient.Session {
	from := d.SessionCount()
	w.Give(d)
	if s := w.Bringing(d, from); s != nil {
		return s
	}
	list := d.SessionsSince(from)
	d.Survived(list[len(list)-1], "the device was given work")
	w.NeedMore(d)
	d.T.Blocked(suite.By(suite.Delivers), "%s did not arrive in the next two sessions", w)
	return nil
}

// bringing holds up to two sessions and returns the first one since from that
// brought the command.
func bringing(d *Device, from int, c lab.Command) *dmclient.Session {
	for range 2 {
		d.Sync(dmclient.SyncOptions{})
		for _, s := range d.SessionsSince(from) {
			if len(s.Find(c.Verb, c.LocURI[1:])) > 0 {
				return s
			}
		}
	}
	return nil
}

// busy holds a session. If a hook gives the device work, the server has something to
// send in it.
func busy(d *Device) *dmclient.Session {
	if d.T.CanWork() {
		d.T.Work().Give(d)
	}
	return d.Sync(dmclient.SyncOptions{})
}

// reply is a message from the server and the exchange that carried it.
type reply struct {
	*syncml.Message
	ex *dmclient.Exchange
}

// replies returns the server's messages in a session.
func replies(s *dmclient.Session) (out []reply) {
	for _, ex := range s.Exchanges {
		if ex.Status == http.StatusOK && len(bytes.TrimSpace(ex.Response)) > 0 && len(out) < len(s.Received) {
			out = append(out, reply{s.Received[len(out)], ex})
		}
	}
	return out
}

// twoSessions returns the first session that was answered and a new one.
func twoSessions(d *Device) []*dmclient.Session {
	return []*dmclient.Session{d.First(), d.T.Managed(d.Sync(dmclient.SyncOptions{}))}
}

// statuses returns the Status elements of a message.
func statuses(m *syncml.Message) (out []syncml.Command) {
	for _, c := range m.Body {
		if c.Verb == syncml.Status {
			out = append(out, c)
		}
	}
	return out
}

// hdrStatus returns the Status for SyncHdr in a message; a zero one if the message
// has none.
func hdrStatus(m *syncml.Message) *syncml.Command {
	for _, c := range statuses(m) {
		if c.CmdRef == "0" {
			return &c
		}
	}
	return &syncml.Command{}
}

// rewrite is a fault that changes every message of the device.
type rewrite func(*syncml.Message)

// Fault implements dmclient.Fault.
func (rewrite) Fault() string { return "changes its messages" }

// Rewrite implements dmclient.Rewriter.
func (f rewrite) Rewrite(m *syncml.Message, _ int) { f(m) }

// enrolls enrolls a specially made device and holds its first session.
func enrolls(d *Device) {
	d.MustEnroll()
	begins(d)
}

// begins holds a device's first session, and a second one if the first got no
// reply: SES-01 judges that, and it must not hide what comes later.
func begins(d *Device) *dmclient.Session {
	s := d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment})
	if len(s.Received) == 0 {
		s = d.Sync(dmclient.SyncOptions{})
	}
	return s
}

// certificateOf returns the device's certificate in DER.
func certificateOf(d *Device) []byte { return bytes.Clone(d.Certificate().Certificate[0]) }
