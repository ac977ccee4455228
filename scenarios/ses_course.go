package scenarios

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/dmwake/dmwake/scenarios/suite"

	. "github.com/onsi/gomega" //nolint:revive,staticcheck // the suite's vocabulary

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// sessionCourse are the SES scenarios about how sessions begin, proceed and end.
var sessionCourse = []Scenario{
	{ID: "SES-01", Level: report.Must, Title: "the first session after enrollment is accepted",
		Rule:    "A newly enrolled device opens a session by itself. The server answers its first message with 200 and a SyncML message, and the session completes.",
		Source:  "MS-MDE2 1.3; MS-MDM 3.1.5",
		Fix:     "If the reply is an error, look in the server's log for this device: the message that fails is below. An empty 200 is no answer to a device's first message: send a SyncML message with a Status for each of its commands.",
		Mutants: []*mutants.Mutant{mutants.SesFirst500},
		Decides: []suite.Premise{suite.Talks},
		Under:   []string{"SES-15", "SES-40"},
		Run: func(t *T) {
			s := t.EnrolledOnly().Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment})
			t.Exchanges(s)
			if err := suite.Broken(s); err != nil {
				t.FailBy(compressed(s), "a first session that completes", err.Error())
			}
			t.Check(len(s.Received) > 0, "a SyncML message in reply to the first message", "an empty reply")
		}},
	{ID: "SES-14", Level: report.Must, Title: "a session ends",
		Rule:    "No session repeats the same commands forever, not even the first. In the third session of a device with nothing left to do, the server's last command comes within ten messages.",
		Source:  "OMA DM Protocol 1.2.1 section 8.3; MS-MDM 3.1.5; the bound is ours",
		Fix:     "Send only new commands. When nothing is left, send a message without commands.",
		Mutants: []*mutants.Mutant{mutants.SesEndless},
		Run: func(t *T) {
			d := t.Enrolled()
			from := d.SessionCount() - 1
			d.First()
			d.Sync(dmclient.SyncOptions{})
			third := t.Managed(d.Sync(dmclient.SyncOptions{}))
			for _, s := range d.SessionsSince(from) {
				t.Evidence("session %s: the device sent %d messages; end: %s", s.ID, len(s.Sent), s.End)
			}
			for _, s := range d.SessionsSince(from) {
				if c, n := repeated(s); n > 0 {
					t.Fail("a session that ends", fmt.Sprintf("the device broke off session %s after %d messages; the server sent %s %d times", s.ID, len(s.Sent), c, n))
				}
			}
			if err := suite.Broken(third); err != nil {
				t.Blocked(suite.By(suite.Talks), "the third session broke off: %v", err)
			}
			t.Expect(messagesFor(third), "messages from the device in its third session, up to the answer to the last command").To(BeNumerically("<=", 10))
		}},
	{ID: "SES-15", Level: report.Must, Title: "a session ends with a message without commands, or an empty 200",
		Rule:    "The server's last reply in a session is a SyncML message without commands. An empty body with 200, as some servers send, is accepted, too.",
		Source:  "OMA DM Protocol 1.2.1 section 8.2; the empty body was seen",
		Fix:     "End with a message that has only the Status for SyncHdr and Final.",
		Mutants: []*mutants.Mutant{mutants.SesBye},
		Decides: []suite.Premise{suite.Talks},
		Run: func(t *T) {
			s := t.Enrolled().First()
			last := s.Exchanges[len(s.Exchanges)-1]
			const want = "a SyncML message or an empty 200 as the last reply"
			switch {
			case last.Err != nil:
				t.Blocked(suite.By(suite.Talks), "the session broke off: %v", last.Err)
			case last.Status >= http.StatusMultipleChoices:
				t.Blocked(suite.By(suite.Talks), "the session was refused: HTTP status %d", last.Status)
			case len(last.Response) == 0:
				t.Check(last.Status == http.StatusOK, want, fmt.Sprintf("HTTP status %d, empty", last.Status))
				return
			}
			_, err := syncml.Read(last.Response)
			if isWBXML(last.Reply.Get("Content-Type")) {
				_, err = syncml.ReadWBXML(last.Response, syncml.Limits{})
			}
			if err != nil {
				t.Fail(want, fmt.Sprintf("HTTP status %d, Content-Type %s, %d bytes that are not SyncML: %v", last.Status, suite.Show(last.Reply.Get("Content-Type")), len(last.Response), err))
			}
		}},
	{ID: "SES-34", Level: report.Must, Uses: []Need{NeedWork}, Title: "two sessions of one device at once do not mix",
		Rule:    "A device opens a second session before the first one has ended. Each session gets replies with its own SessionID, or one of them is refused with 4xx.",
		Source:  "MS-MDM 2.2.3.8; OMA DM Protocol 1.2.1 section 8",
		Fix:     "Keep sessions by device and SessionID, or refuse messages of a session that a newer one replaced.",
		Mutants: []*mutants.Mutant{mutants.SesMixed},
		Run:     twoAtOnce},
	{ID: "SES-43", Level: report.Must, Title: "later sessions complete, even with nothing to do",
		Rule:    "A polling device is answered in every session, not only in the first, even if there is nothing for it to do.",
		Source:  "OMA DM Protocol 1.2.1 section 8.3; MS-MDM 3.1.5",
		Fix:     "If the reply is an error, look in the server's log for this device: the message that fails is below. An empty 200 is no answer to a device's first message: send a SyncML message with a Status for each of its commands.",
		Mutants: []*mutants.Mutant{mutants.PshEmpty404},
		Decides: []suite.Premise{suite.Talks},
		Under:   []string{"SES-01", "SES-15", "SES-40"},
		Run: func(t *T) {
			d := t.Enrolled() // SES-01 judges the first session
			for range 2 {
				s := d.Sync(dmclient.SyncOptions{})
				if err := suite.Broken(s); err != nil {
					t.Exchanges(s)
					t.FailBy(compressed(s), "a later session that completes", err.Error())
				}
				t.Check(len(s.Received) > 0, "a SyncML message in reply to the first message of a later session", "an empty reply")
			}
		}},
	{ID: "SES-44", Level: report.Must, Needs: []Need{NeedWork}, Title: "the next session delivers queued commands",
		Rule:    "A command queued for a device is sent in its next session, whatever started that session.",
		Source:  "MS-MDM 3.1.4; " + learnPush,
		Fix:     "Look up the device's queue whenever it opens a session.",
		Mutants: []*mutants.Mutant{mutants.PshSkipSession},
		Decides: []suite.Premise{suite.Delivers},
		Run: func(t *T) {
			d, w := t.Enrolled(), t.Work()
			d.First()
			next := func(wait func()) bool {
				from := d.SessionCount()
				w.Give(d)
				wait()
				t.Managed(d.Sync(dmclient.SyncOptions{}))
				return w.Times(d.SessionsSince(from)...) > 0 // a server may have pushed by itself
			}
			if next(func() {}) {
				return
			}
			// Allow a server a moment to process its queue.
			d = t.Next()
			if next(t.Quiet) {
				return
			}
			w.NeedMore(d)
			t.Fail(w.String()+" in the next session",
				fmt.Sprintf("no such command, neither at once nor %s after it was queued", t.Lab.Config.Timeouts.Quiet))
		}},
}

// repeated returns the command that an endless session repeated most, and how
// often. n is 0 if the session ended, or if its commands differ.
func repeated(s *dmclient.Session) (command string, n int) {
	if neverEnds(s) == "" {
		return "", 0
	}
	times := map[string]int{}
	for _, c := range s.Commands {
		k := string(c.Verb) + " " + c.LocURI
		if times[k+c.Data]++; times[k+c.Data] > n {
			command, n = k, times[k+c.Data]
		}
	}
	if n < 5 {
		return "", 0 // a long list of work
	}
	return command, n
}

// messagesFor returns how many messages the device needed to answer all commands.
func messagesFor(s *dmclient.Session) int {
	for i := len(s.Received) - 1; i >= 0; i-- {
		if s.Received[i].HasCommands() {
			return i + 2
		}
	}
	return 1
}

// stopAt pauses a session before a message until it is released.
type stopAt struct {
	message           int
	once              sync.Once
	reached, released chan struct{}
}

func newStop() *stopAt {
	return &stopAt{message: 2, reached: make(chan struct{}), released: make(chan struct{})}
}

// Fault implements dmclient.Fault.
func (*stopAt) Fault() string { return "waits in the middle of a session" }

// Gate implements dmclient.Gate.
func (f *stopAt) Gate(ctx context.Context, _ dmclient.Clock, n int) error {
	if n != f.message {
		return nil
	}
	f.once.Do(func() { close(f.reached) })
	select {
	case <-f.released:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// twoAtOnce holds two sessions of one device: both begin, the first completes,
// then the second. SessionIDs are decimal numbers, which every server accepts.
func twoAtOnce(t *T) {
	d := t.Enrolled()
	d.First()
	twin := t.Twin(d)
	if t.CanWork() {
		t.Work().Give(d) // gives the first session a second message
	}
	begin := func(d *Device, id string) (*stopAt, chan *dmclient.Session) {
		stop, done := newStop(), make(chan *dmclient.Session, 1)
		d.AddFault(stop)
		go func() {
			done <- d.Sync(dmclient.SyncOptions{SessionID: id})
		}()
		return stop, done
	}
	stopped := func(stop *stopAt, done chan *dmclient.Session) bool {
		select {
		case <-stop.reached:
			return true
		case s := <-done:
			done <- s
			return false
		}
	}
	stopA, doneA := begin(d, "51")
	heldA := stopped(stopA, doneA)
	stopB, doneB := begin(twin, "52")
	stopped(stopB, doneB)
	close(stopA.released)
	a := <-doneA
	close(stopB.released)
	b := <-doneB
	d.ClearFaults()
	t.Exchanges(a)
	t.Exchanges(b)
	for _, s := range []*dmclient.Session{a, b} {
		for i, m := range s.Received {
			if m.Hdr.SessionID != a.ID && m.Hdr.SessionID != b.ID {
				t.Blocked(suite.By("SES-05"), "the reply to message %d of session %s has SessionID %s", i+1, s.ID, suite.Show(m.Hdr.SessionID))
			}
			t.Expect(m.Hdr.SessionID, "SessionID of the reply to message %d of session %s", i+1, s.ID).To(Equal(s.ID))
		}
	}
	for _, s := range []*dmclient.Session{a, b} {
		if len(s.Exchanges) == 0 {
			t.Error("session %s could not be held: %v", s.ID, s.Err)
		}
		if suite.Broken(s) != nil && !refusedPolitely(s) {
			t.Control()
			t.Fail("an answer, or a refusal with 4xx, to each message of two concurrent sessions", fmt.Sprintf("in session %s: %v", s.ID, s.Err))
		}
	}
	if !heldA {
		t.NotApplicable("the server ended the first session with its first reply, so there was nothing to mix")
	}
}

// refusedPolitely reports whether a session ended with 4xx, in HTTP or in the
// Status for SyncHdr.
func refusedPolitely(s *dmclient.Session) bool {
	last := s.Exchanges[len(s.Exchanges)-1]
	switch {
	case last.Err != nil:
		return false
	case last.Status != http.StatusOK:
		return last.Status >= 400 && last.Status < 500
	case len(s.Received) == 0:
		return false
	}
	code := hdrStatus(s.Received[len(s.Received)-1]).Code()
	return code >= 400 && code < 500
}
