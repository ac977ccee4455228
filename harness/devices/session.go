package devices

import (
	"time"
	"unicode/utf8"

	"github.com/dmwake/dmwake/harness/redact"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// Session is one session of a device.
type Session struct {
	Number   int       `json:"number"` // of the device, from 1; a retry is a session
	ID       string    `json:"id"`     // SessionID
	Origin   string    `json:"origin"`
	Started  time.Time `json:"started"` // on the device's clock
	Ended    time.Time `json:"ended"`
	Commands []Command `json:"commands"`
	// End says in words how it ended. Error is why it failed; empty if it did not.
	End   string `json:"end"`
	Error string `json:"error,omitempty"`
	// Messages is how many messages the device sent.
	Messages int `json:"messages"`
	// Exchanges are the messages themselves, where they were asked for.
	Exchanges []Exchange `json:"exchanges,omitempty"`

	// Raw is the session as the device recorded it, with its secrets. It does not change.
	Raw *dmclient.Session `json:"-"`
}

// Command is a command of the server, and the device's answer.
type Command struct {
	Message int    `json:"message"` // of the server, from 1
	Verb    string `json:"verb"`
	LocURI  string `json:"locURI,omitempty"`
	Format  string `json:"format,omitempty"`
	Data    string `json:"data,omitempty"`
	Code    int    `json:"code"`
	Result  string `json:"result,omitempty"`
	Nested  bool   `json:"nested,omitempty"` // within an Atomic or Sequence
}

// Exchange is an HTTP request of a device and the reply.
type Exchange struct {
	At       time.Time           `json:"at"`
	Duration float64             `json:"ms"`
	Method   string              `json:"method"`
	URL      string              `json:"url"`
	Headers  map[string][]string `json:"headers,omitempty"`
	Request  string              `json:"request"`
	// Status is 0 without a reply; Error then says why.
	Status       int                 `json:"status"`
	ReplyHeaders map[string][]string `json:"replyHeaders,omitempty"`
	Response     string              `json:"response"`
	Error        string              `json:"error,omitempty"`
}

var origins = map[dmclient.Origin]string{
	dmclient.OriginUser: "user", dmclient.OriginSchedule: "schedule", dmclient.OriginPush: "push", dmclient.OriginLogin: "login",
	dmclient.OriginEnrollment: "enrollment", dmclient.OriginCSP: "csp", dmclient.OriginAPI: "api",
}

// viewSession is a session for its readers.
func viewSession(n int, s *dmclient.Session, reveal, whole bool) Session {
	out := Session{Number: n, ID: s.ID, Origin: origins[s.Origin], Started: s.Started, Ended: s.Ended, Commands: make([]Command, 0, len(s.Commands)),
		End: shown(s.End, reveal), Messages: len(s.Sent), Raw: s}
	if s.Err != nil {
		out.Error = shown(s.Err.Error(), reveal)
	}
	for _, c := range s.Commands {
		out.Commands = append(out.Commands, viewCommand(c, reveal))
	}
	if whole {
		out.Exchanges = viewExchanges(s.Exchanges, reveal)
	}
	return out
}

func viewCommand(c dmclient.Executed, reveal bool) Command {
	out := Command{Message: c.Msg + 1, Verb: string(c.Verb), LocURI: c.LocURI, Format: c.Format, Data: c.Data, Code: c.Code, Result: c.Result, Nested: c.Nested}
	if !reveal {
		out.LocURI, out.Data, out.Result = redact.Text(c.LocURI), redact.Value(c.LocURI, c.Data), redact.Value(c.LocURI, c.Result)
	}
	return out
}

func viewExchanges(list []*dmclient.Exchange, reveal bool) []Exchange {
	out := make([]Exchange, 0, len(list))
	for _, ex := range list {
		v := Exchange{At: ex.At, Duration: float64(ex.Duration.Microseconds()) / 1000, Method: ex.Method, URL: ex.URL, Headers: ex.Header, Status: ex.Status, ReplyHeaders: ex.Reply}
		if ex.Err != nil {
			v.Error = shown(ex.Err.Error(), reveal)
		}
		if reveal {
			v.Request, v.Response = text(ex.Request), text(ex.Response)
		} else {
			v.URL, v.Headers, v.ReplyHeaders = redact.Text(ex.URL), redact.Headers(ex.Header), redact.Headers(ex.Reply)
			v.Request, v.Response = report.Pretty(ex.Request), report.Pretty(ex.Response)
		}
		out = append(out, v)
	}
	return out
}

// text is a revealed body: as it is, or what WBXML and other bytes mean.
func text(body []byte) string {
	if utf8.Valid(body) && (len(body) == 0 || body[0] >= 0x09) {
		return string(body)
	}
	return report.Revealed(body)
}

// shown is a text of the server or of an error.
func shown(s string, reveal bool) string {
	if reveal {
		return s
	}
	return redact.Text(s)
}

func viewEffect(e csp.Effect, reveal bool) Effect {
	out := Effect{Kind: string(e.Kind), Detail: shown(e.Detail, reveal), At: e.At}
	if e.Kind == csp.EffectNewPIN && !reveal {
		out.Detail = redact.Hidden
	}
	return out
}
