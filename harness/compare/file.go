// Package compare holds what a real Windows device sent against what the simulated
// one sends in its place, message by message. A difference is a place where the
// simulated device is not true yet.
package compare

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode/utf16"

	"github.com/dmwake/dmwake/harness/bounded"
	"github.com/dmwake/dmwake/harness/redact"
	"github.com/dmwake/dmwake/harness/trace"
	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// File is what real devices sent, and how their servers answered.
type File struct {
	Devices []*Device
	// Notes say what of the file is not used.
	Notes []string
}

// Device is one device of a file, with its exchanges in their order.
type Device struct {
	ID    string // the DeviceID; empty if only a Discover or GetPolicies is there
	Steps []*Step
}

// Step is one request of a real device.
type Step struct {
	trace.Exchange
	Kind Kind
	// Number counts the device's messages in the file, from 1.
	Number int
	// Headers say how much of the headers the file has.
	Headers Headers
	// Exact: the body has the bytes that were sent, apart from redacted secrets.
	Exact bool

	envelope *enroll.Envelope
	message  *syncml.Message
	reply    *syncml.Message
}

// Kind is a step of the protocol.
type Kind string

// The kinds of requests.
const (
	Reach    Kind = "discovery GET"
	Discover Kind = "Discover"
	Policies Kind = "GetPolicies"
	Token    Kind = "RST"
	Renewal  Kind = "renewal"
	Message  Kind = "message"
)

// Headers is how much of a request's headers a file has.
type Headers int

// From nothing to everything.
const (
	NoHeaders Headers = iota
	SomeHeaders
	AllHeaders
)

// maxFile bounds a file, in bytes, and maxSteps the requests in it.
const (
	maxFile  = 64 << 20
	maxSteps = 10_000
)

// Read reads a recording of "dmwake mdm --record", a file of "dmwake test --trace",
// a log that contains the messages, or one message.
func Read(path string) (*File, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, fmt.Errorf("%s is a folder; name one of its files", path)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%s has %d bytes; the limit is %d: cut it to the sessions that matter", path, info.Size(), maxFile)
	}
	raw, err := bounded.ReadFile(path, bounded.Results)
	if err != nil {
		return nil, err
	}
	f, err := Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Parse is Read for a file in memory.
func Parse(raw []byte) (*File, error) {
	f := &File{}
	var steps []*Step
	var err error
	if m, e := syncml.ReadWBXML(raw, syncml.Limits{}); e == nil {
		steps = []*Step{{Exchange: trace.Exchange{Request: raw}, Kind: Message, message: m, Exact: true}}
	} else {
		text := utf8Text(raw)
		list, damaged, recording := trace.ParseRecording(text)
		switch {
		case !recording:
			steps, err = f.log(text)
		default:
			if damaged > 0 {
				f.note("%d incomplete exchanges of the recording are left out", damaged)
			}
			steps = f.recorded(list)
		}
	}
	if err != nil {
		return nil, err
	}
	if len(steps) > maxSteps {
		return nil, fmt.Errorf("it has %d requests; the limit is %d: cut it to the sessions that matter", len(steps), maxSteps)
	}
	f.Devices = byDevice(steps)
	if len(f.Devices) == 0 {
		return nil, errors.New("it has no message of a device: neither SyncML (a device's Source is its id, and its Target a URL) nor a request of an enrollment")
	}
	return f, nil
}

func (f *File) note(format string, args ...any) {
	f.Notes = append(f.Notes, fmt.Sprintf(format, args...))
}

// recorded are the steps of a recording.
func (f *File) recorded(list []trace.Exchange) (out []*Step) {
	other := 0
	for i := range list {
		s := &Step{Exchange: list[i], Headers: AllHeaders, Exact: true}
		if !s.identify() {
			other++
			continue
		}
		if s.message != nil {
			// WBXML with a secret is kept as XML.
			s.Exact = strings.HasPrefix(s.Header.Get("Content-Type"), syncml.MediaTypeWBXML) == (len(s.Request) > 0 && s.Request[0] < ' ')
			s.reply, _ = trace.ReadMessage(s.Response)
		}
		out = append(out, s)
	}
	if other > 0 {
		f.note("%s left out: neither of an enrollment nor of a session", wording.Counted(other, "request of the recording is", "requests of the recording are"))
	}
	return out
}

// identify finds out what a request is; false for anything else.
func (s *Step) identify() bool {
	if s.Method == "GET" {
		s.Kind = Reach
		return strings.Contains(strings.ToLower(s.URL), "discovery")
	}
	if s.Kind, s.envelope = envelopeKind(string(s.Request)); s.envelope != nil {
		return s.Kind != ""
	}
	m, err := trace.ReadMessage(s.Request)
	if err != nil || !trace.ByDevice(m) {
		return false
	}
	s.Kind, s.message = Message, m
	return true
}

// envelopeKind reads a message of an enrollment. If a server sent it, the kind is
// empty. If the body is not SOAP, the envelope is nil, too.
func envelopeKind(body string) (Kind, *enroll.Envelope) {
	e, err := enroll.ReadEnvelope([]byte(readable(body)))
	if err != nil {
		return "", nil
	}
	switch e.BodyName() {
	case "Discover":
		return Discover, e
	case "GetPolicies":
		return Policies, e
	case "RequestSecurityToken":
		if req, err := e.TokenRequest(); err == nil && req.Renewal {
			return Renewal, e
		}
		return Token, e
	}
	return "", e
}

// redactedToken is base64 of what stands where a secret stood.
const redactedToken = "W3JlZGFjdGVkXQ=="

// readable lets a message be read whose security token was redacted.
func readable(body string) string {
	if !strings.Contains(body, hidden) {
		return body
	}
	return strings.ReplaceAll(body, ">"+hidden+"</wsse:BinarySecurityToken", ">"+redactedToken+"</wsse:BinarySecurityToken")
}

// hidden stands for a secret.
const hidden = redact.Hidden

// byDevice sorts steps by device. The messages before an RST do not name theirs.
func byDevice(steps []*Step) (out []*Device) {
	at := map[string]*Device{}
	var early []*Step
	add := func(id string, list ...*Step) {
		d := at[id]
		if d == nil {
			d = &Device{ID: id}
			at[id] = d
			out = append(out, d)
		}
		for _, s := range list {
			d.Steps = append(d.Steps, s)
			s.Number = len(d.Steps)
		}
	}
	for _, s := range steps {
		switch {
		case s.message != nil:
			add(s.message.Hdr.Source.LocURI, append(early, s)...)
			early = nil
		case s.Kind == Token || s.Kind == Renewal:
			id := ""
			if req, err := s.envelope.TokenRequest(); err == nil {
				id = req.Item("DeviceID")
			}
			add(id, append(early, s)...)
			early = nil
		default:
			early = append(early, s)
		}
	}
	if len(early) > 0 {
		id := ""
		if len(out) == 1 {
			id = out[0].ID
		}
		add(id, early...)
	}
	return out
}

// utf8Text is the text of a file; logs of Windows are often in UTF-16.
func utf8Text(raw []byte) string {
	var order binary.ByteOrder
	switch {
	case len(raw) >= 2 && raw[0] == 0xFF && raw[1] == 0xFE:
		order = binary.LittleEndian
	case len(raw) >= 2 && raw[0] == 0xFE && raw[1] == 0xFF:
		order = binary.BigEndian
	default:
		return strings.TrimPrefix(string(raw), "\uFEFF")
	}
	words := make([]uint16, 0, len(raw)/2)
	for i := 2; i+1 < len(raw); i += 2 {
		words = append(words, order.Uint16(raw[i:]))
	}
	return string(utf16.Decode(words))
}
