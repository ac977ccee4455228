package fakewns

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/printable"
	"github.com/dmwake/dmwake/harness/redact"
)

// entryJSON is an Entry without secrets, as it leaves the process.
type entryJSON struct {
	Seq           uint64      `json:"seq"`
	At            time.Time   `json:"at"`
	Kind          Kind        `json:"kind"`
	Method        string      `json:"method,omitempty"`
	Host          string      `json:"host,omitempty"`
	Target        string      `json:"target,omitempty"`
	Proto         string      `json:"proto,omitempty"`
	TLS           bool        `json:"tls"`
	Headers       http.Header `json:"headers,omitempty"`
	Chunked       bool        `json:"chunked,omitempty"`
	ContentLength int64       `json:"contentLength"`
	Body          string      `json:"body,omitempty"`
	BodyBase64    []byte      `json:"bodyBase64,omitempty"` // if it is not text
	Peer          string      `json:"peer,omitempty"`
	Form          url.Values  `json:"form,omitempty"`

	App     string `json:"app,omitempty"`
	Channel string `json:"channel,omitempty"` // its id
	Device  string `json:"device,omitempty"`

	Status     int         `json:"status"`
	WNSStatus  string      `json:"wnsStatus,omitempty"`
	MsgID      string      `json:"msgID,omitempty"`
	Error      string      `json:"error,omitempty"`
	RetryAfter string      `json:"retryAfter,omitempty"`
	Fault      string      `json:"fault,omitempty"`
	Cause      string      `json:"cause,omitempty"`
	Delivery   Delivery    `json:"delivery,omitempty"`
	Violations []Violation `json:"violations"`
	Notes      []Violation `json:"notes,omitempty"`
	Cut        string      `json:"cut,omitempty"`
	Session    string      `json:"session,omitempty"`
}

// MarshalJSON writes the entry without secrets: of headers, fields and paths only what
// is known to be none (package redact).
func (e *Entry) MarshalJSON() ([]byte, error) {
	out := e.fields()
	out.Target, out.Host, out.Error = redact.Target(e.Target), redact.Text(e.Host), redact.Text(e.Error)
	out.Headers, out.Violations, out.Notes = redact.Headers(e.Header), shown(e.Violations), shown(e.Notes)
	if out.Violations == nil {
		out.Violations = []Violation{}
	}
	contentType := first(e.Header, "Content-Type")
	switch {
	case e.Kind == Token && len(e.Form) > 0:
		out.Form = redact.Form(e.Form) // the body is the form
	case e.Kind == Token:
		out.Body = redact.Body("application/x-www-form-urlencoded", e.Body)
	case utf8.Valid(e.Body):
		out.Body = redact.Body(contentType, e.Body)
	default:
		out.BodyBase64 = e.Body
		if shown := redact.Body(contentType, e.Body); shown != string(e.Body) {
			out.Body, out.BodyBase64 = strings.ToValidUTF8(shown, "\ufffd"), nil
		}
	}
	return out.json()
}

// Revealed is the entry as JSON with its secrets.
func (e *Entry) Revealed() ([]byte, error) {
	out := e.fields()
	out.Target, out.Host, out.Error, out.Headers, out.Form, out.Violations, out.Notes = e.Target, e.Host, e.Error, e.Header, e.Form, e.Violations, e.Notes
	if out.Violations == nil {
		out.Violations = []Violation{}
	}
	if utf8.Valid(e.Body) {
		out.Body = string(e.Body)
	} else {
		out.BodyBase64 = e.Body
	}
	return out.json()
}

// json is what a terminal may print, too.
func (e *entryJSON) json() ([]byte, error) {
	raw, err := json.Marshal(e)
	return printable.JSON(raw), err
}

// shown are violations without secrets: they quote what was sent.
func shown(list []Violation) []Violation {
	if list == nil {
		return nil
	}
	out := make([]Violation, len(list))
	for i, v := range list {
		out[i] = Violation{v.Rule, redact.Text(v.Text)}
	}
	return out
}

// fields gives the fields of an entry that hold no secret.
func (e *Entry) fields() *entryJSON {
	return &entryJSON{
		Seq: e.Seq, At: e.At, Kind: e.Kind, Method: e.Method, Proto: e.Proto, TLS: e.TLS,
		Chunked: e.Chunked, ContentLength: e.ContentLength, Peer: e.Peer, App: e.App, Channel: e.channelID, Device: e.Device,
		Status: e.Status, WNSStatus: e.WNSStatus, MsgID: e.MsgID, RetryAfter: e.RetryAfter, Fault: e.Fault, Cause: string(e.Cause), Delivery: e.Delivery,
		Cut: e.Cut, Session: e.Session,
	}
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (e *Entry) UnmarshalJSON(b []byte) error {
	var in entryJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	*e = Entry{
		Seq: in.Seq, At: in.At, Kind: in.Kind, Method: in.Method, Host: in.Host, Target: in.Target, Proto: in.Proto, TLS: in.TLS,
		Header: in.Headers, Chunked: in.Chunked, ContentLength: in.ContentLength, Body: in.BodyBase64, Peer: in.Peer, Form: in.Form,
		App: in.App, channelID: in.Channel, Device: in.Device,
		Status: in.Status, WNSStatus: in.WNSStatus, MsgID: in.MsgID, Error: in.Error, RetryAfter: in.RetryAfter, Fault: in.Fault, Cause: intercept.Cause(in.Cause), Delivery: in.Delivery,
		Violations: in.Violations, Notes: in.Notes, Cut: in.Cut, Session: in.Session,
	}
	if in.Body != "" {
		e.Body = []byte(in.Body)
	}
	return nil
}
