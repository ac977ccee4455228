package fakewns

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dmwake/dmwake/fakewns/intercept"
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

// redacted takes the place of a secret.
const redacted = "[redacted]"

// secretHeaders hold credentials.
var secretHeaders = []string{"Authorization", "Proxy-Authorization", "Cookie"}

// MarshalJSON writes the entry without secrets.
func (e *Entry) MarshalJSON() ([]byte, error) {
	out := entryJSON{
		Seq: e.Seq, At: e.At, Kind: e.Kind, Method: e.Method, Host: e.Host, Target: e.redactedTarget(), Proto: e.Proto, TLS: e.TLS,
		Chunked: e.Chunked, ContentLength: e.ContentLength, Peer: e.Peer, App: e.App, Channel: e.channelID, Device: e.Device,
		Status: e.Status, WNSStatus: e.WNSStatus, MsgID: e.MsgID, Error: e.Error, RetryAfter: e.RetryAfter, Fault: e.Fault, Cause: string(e.Cause), Delivery: e.Delivery,
		Violations: e.Violations, Notes: e.Notes, Cut: e.Cut, Session: e.Session,
	}
	if out.Violations == nil {
		out.Violations = []Violation{}
	}
	out.Headers = e.Header.Clone()
	for _, name := range secretHeaders {
		if values, ok := e.Header[name]; ok {
			hidden := make([]string, len(values))
			for i, v := range values {
				scheme, _, found := strings.Cut(v, " ")
				if hidden[i] = redacted; found {
					hidden[i] = scheme + " " + redacted
				}
			}
			out.Headers[name] = hidden
		}
	}
	switch {
	case e.Kind == Token:
		// The body is the form, with the secret in it.
		if e.Form != nil {
			out.Form = url.Values{}
			for k, v := range e.Form {
				if k != "grant_type" && k != "scope" && k != "client_id" {
					v = slices.Repeat([]string{redacted}, len(v))
				}
				out.Form[k] = v
			}
		}
	case utf8.Valid(e.Body):
		out.Body = string(e.Body)
	default:
		out.BodyBase64 = e.Body
	}
	return json.Marshal(out)
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
