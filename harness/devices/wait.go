package devices

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/redact"
	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// Limits of Wait.
const (
	DefaultWait = 30 * time.Second
	LongestWait = 10 * time.Minute
)

// Condition is what Wait waits for.
type Condition struct {
	// For is session (its end), command, notification, effect, enrolled, state or
	// channel. State and channel are met at once if the device is so already.
	For string `json:"for"`
	// Since is a Mark: events after it count. Without it those count which came after the
	// last call that changed the device began, except of the session that this call ran;
	// and each answers the same question once.
	Since *uint64 `json:"since,omitempty"`
	// Timeout is a duration, default 30s, at most 10m.
	Timeout string `json:"timeout,omitempty"`
	// Origin is why the session began: push, schedule, user, login, enrollment, csp or
	// api.
	Origin string `json:"origin,omitempty"`
	// Verb, LocURI, Code and Data are a command's. The end of a LocURI is enough, upper
	// and lower case are the same.
	Verb   string  `json:"verb,omitempty"`
	LocURI string  `json:"locURI,omitempty"`
	Code   int     `json:"code,omitempty"`
	Data   *string `json:"data,omitempty"`
	// State is not enrolled, enrolled, unenrolled or wiped.
	State string `json:"state,omitempty"`
	// Effect is the kind of an effect, such as installed or lock.
	Effect string `json:"effect,omitempty"`
}

// Waited is what was awaited.
type Waited struct {
	// Event is nil for a state or channel that was there already.
	Event *Event `json:"event,omitempty"`
	// Session is the session of the event, without messages; nil if it is under way, or
	// there is none.
	Session *Session `json:"session,omitempty"`
	Device  Device   `json:"device"`
}

var kindsOf = map[string]Kind{"session": Ended, "command": Executed, "notification": Notification, "effect": Effected, "enrolled": Enrolled, "state": Entered, "channel": ""}

func (c *Condition) check() (timeout time.Duration, err error) {
	if _, ok := kindsOf[c.For]; !ok {
		return 0, fail(Invalid, "for %q is not session, command, notification, effect, enrolled, state or channel", c.For)
	}
	of := func(names ...string) bool {
		for _, n := range names {
			if n == c.For {
				return true
			}
		}
		return false
	}
	switch {
	case c.Origin != "" && !of("session", "command"):
		return 0, fail(Invalid, "origin is for a session or a command")
	case (c.Verb != "" || c.LocURI != "" || c.Code != 0 || c.Data != nil) && !of("command"):
		return 0, fail(Invalid, "verb, locURI, code and data are for a command")
	case c.State != "" && !of("state"), c.State == "" && of("state"):
		return 0, fail(Invalid, "state is for a state, which needs it")
	case c.Effect != "" && !of("effect"):
		return 0, fail(Invalid, "effect is for an effect")
	}
	if of("state") {
		found := false
		for s := dmclient.NotEnrolled; s <= dmclient.Wiped; s++ {
			found = found || s.String() == c.State
		}
		if !found {
			return 0, fail(Invalid, "state %q is not \"not enrolled\", enrolled, unenrolled or wiped", c.State)
		}
	}
	timeout = DefaultWait
	if c.Timeout != "" {
		if timeout, err = time.ParseDuration(c.Timeout); err != nil || timeout <= 0 || timeout > LongestWait {
			return 0, fail(Invalid, "timeout %q is not a duration up to %s, such as 30s", c.Timeout, LongestWait)
		}
	}
	return timeout, nil
}

// meets reports whether an event is what is awaited.
func (c *Condition) meets(e *Event) bool {
	uri := strings.TrimPrefix(strings.ToLower(c.LocURI), ".")
	return e.Kind == kindsOf[c.For] && (c.Origin == "" || c.Origin == e.Origin) && (c.Verb == "" || strings.EqualFold(c.Verb, e.Verb)) &&
		strings.HasSuffix(strings.ToLower(e.LocURI), uri) && (c.Code == 0 || c.Code == e.Code) && (c.Data == nil || *c.Data == e.Data) &&
		(c.Effect == "" || strings.EqualFold(c.Effect, e.Effect)) && (c.State == "" || c.State == e.State)
}

// holds reports whether the device already is what is awaited.
func (c *Condition) holds(d *dmclient.Device) bool {
	return c.For == "state" && d.State().String() == c.State || c.For == "channel" && d.ChannelURI() != ""
}

// question is the condition without its since and limit.
func (c Condition) question() string {
	data := ""
	if c.Data != nil {
		data = "=" + *c.Data
	}
	return fmt.Sprintf("%s %s %s %s %d %s %s%s", c.For, c.Origin, c.Verb, strings.ToLower(c.LocURI), c.Code, c.State, c.Effect, data)
}

// Wait waits for something to happen to a device. If it does not within the limit, the
// error is Late and tells what came instead.
func (p *Pool) Wait(ctx context.Context, id string, c Condition) (Waited, error) {
	timeout, err := c.check()
	if err != nil {
		return Waited{}, err
	}
	s, err := p.find(id)
	if err != nil {
		return Waited{}, err
	}
	signal, stop := p.events.watch(s.id)
	defer stop()
	over := time.NewTimer(timeout)
	defer over.Stop()
	since, own := s.from(&c)
	for from := since; ; {
		if c.holds(s.dev) {
			return p.waited(s, nil), nil
		}
		var found *Event
		list, _ := p.events.since(from, func(e *Event) bool { return e.Device == s.id })
		for _, e := range list {
			if from = e.Seq; c.meets(e) && (own == 0 || e.Session != own) {
				found = e
				break
			}
		}
		if found != nil {
			s.answer(&c, found.Seq)
			return p.waited(s, found), nil
		}
		select {
		case <-signal:
		case <-over.C:
			return Waited{}, p.late(s, &c, since, own, timeout)
		case <-ctx.Done():
			return Waited{}, ctx.Err()
		case <-s.ctx.Done():
			if p.ctx.Err() != nil {
				return Waited{}, fail(Closed, "the lab ends")
			}
			return Waited{}, fail(Unknown, "%s was deleted while you waited for its %s", s.name(), c.For)
		}
	}
}

// from is the mark that a wait begins at, and the session that does not count.
func (s *slot) from(c *Condition) (since uint64, own int) {
	if c.Since != nil {
		return *c.Since, 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(s.mark, s.answered[c.question()]), s.own
}

// answer notes the event that answered a question.
func (s *slot) answer(c *Condition, seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.answered) < 1000 {
		s.answered[c.question()] = seq
	}
}

func (p *Pool) waited(s *slot, e *Event) Waited {
	out := Waited{Event: e}
	if e != nil && e.Session != 0 {
		count, all := s.remembered()
		if k := e.Session - (count - len(all)) - 1; k >= 0 && k < len(all) { // it is over, and not forgotten
			session := viewSession(e.Session, all[k], false, false)
			out.Session = &session
		}
	}
	out.Device = p.view(s, false)
	return out
}

// told is how many things a late answer names.
const toldThings = 8

// late says what came in place of what was awaited.
func (p *Pool) late(s *slot, c *Condition, since uint64, own int, timeout time.Duration) error {
	list, lost := p.events.since(since, func(e *Event) bool { return e.Device == s.id })
	out := &Error{Cause: Late, Mark: p.events.mark()}
	var words []string
	hint, count := "", map[Kind]int{}
	for _, e := range list {
		out.Came = append(out.Came, *e)
		if e.Session == own && own != 0 {
			if c.meets(e) {
				hint = fmt.Sprintf("; session %d, which your last call ran itself, had it: give since to look there", own)
			}
			continue
		}
		if count[e.Kind]++; len(words) < toldThings {
			if w := e.words(); w != "" {
				words = append(words, w)
			}
		}
	}
	came := "nothing came"
	if len(words) > 0 {
		came = strings.Join(words, "; ")
	}
	if lost > 0 {
		hint += "; " + wording.Counted(lost, "older event is", "older events are") + " no longer kept"
	}
	out.Text = fmt.Sprintf("%s did not come to %s within %s. Since event %d: %s%s.%s", c.words(), s.name(), timeout, since, came, hint, s.why(count))
	if len(out.Came) > toldThings*4 {
		out.Came = out.Came[len(out.Came)-toldThings*4:]
	}
	return out
}

// why is what of the device's state explains that nothing came.
func (s *slot) why(came map[Kind]int) string {
	d := s.dev
	switch {
	case d.State() != dmclient.Enrolled:
		return " The device is " + d.State().String() + "."
	case s.running() != nil:
		return " A session is under way: the server has not answered its last message."
	case d.Condition().Power != dmclient.PowerNormal:
		return " The device's power is " + d.Condition().Power.String() + ", so no push starts a session."
	case came[Notification] == 0 && d.PFN() == "":
		return " The device has no channel: the server has set no PFN."
	case came[Notification] == 0 && d.ChannelURI() == "":
		return " The device has no channel for " + d.PFN() + "; see GET /v1/devices/" + s.id + "."
	case came[Notification] == 0:
		return " No push reached the device; GET /v1/journal?device=" + s.id + " shows what the server sent."
	}
	return ""
}

// words name the condition.
func (c *Condition) words() string {
	switch c.For {
	case "command":
		w := "a command"
		if c.Verb != "" {
			w = c.Verb
		}
		if c.LocURI != "" {
			w += " of " + c.LocURI
		}
		if c.Code != 0 {
			w += fmt.Sprintf(" answered with %d", c.Code)
		}
		if c.Origin != "" {
			w += " in a session by " + c.Origin
		}
		return redact.Text(w)
	case "session":
		return "a session" + map[bool]string{true: " by " + c.Origin}[c.Origin != ""]
	case "state":
		return "state " + c.State
	case "effect":
		return "an effect" + map[bool]string{true: " " + c.Effect}[c.Effect != ""]
	case "channel":
		return "a channel"
	case "enrolled":
		return "an enrollment"
	}
	return "a notification"
}

// words name an event in a late answer.
func (e *Event) words() string {
	r := e.Redacted()
	switch e.Kind {
	case Notification:
		return "a notification" + map[bool]string{true: " that started no session: " + r.Text}[e.Failed]
	case Executed:
		return fmt.Sprintf("%s of %s (%d)", e.Verb, cmp.Or(r.LocURI, "no node"), e.Code)
	case Ended:
		return fmt.Sprintf("session %d by %s: %s", e.Session, e.Origin, r.Text)
	case Entered:
		return "state " + e.State
	case Effected:
		return "effect " + e.Effect
	case NotEnrolled:
		return "an enrollment that failed: " + r.Text
	case Enrolled:
		return "an enrollment"
	}
	return ""
}
