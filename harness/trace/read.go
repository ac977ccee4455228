package trace

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/dmwake/dmwake/harness/paste"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Recorded is one recorded session of one device.
type Recorded struct {
	Device  string // the DeviceID
	Session string
	// Sent are the device's messages, and Received[i] the server's answer to
	// Sent[i]; nil if none was recorded.
	Sent, Received []*syncml.Message
}

// Read reads the sessions in a file, or in standard input ("-"): one that --trace
// wrote, or any text with SyncML in it, such as a Windows log (package paste). notes
// say what of it cannot be replayed.
func Read(path string, stdin io.Reader) (list []Recorded, notes []string, err error) {
	raw, err := paste.Load(path, stdin)
	if err != nil {
		return nil, nil, err
	}
	if list, notes, err = Parse(raw); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, notes, nil
}

// Parse is Read for a text in memory.
func Parse(raw []byte) (out []Recorded, notes []string, err error) {
	l, err := Log(raw)
	if err != nil {
		return nil, nil, err
	}
	if len(l.Messages) == 0 {
		if len(l.Events) > 0 {
			return nil, nil, errors.New("it has events of Windows, but no SyncML message (<SyncML ...> to </SyncML>); dmwake read says what they tell")
		}
		if len(l.Cuts) > 0 {
			return nil, nil, fmt.Errorf("it contains no SyncML message that can be read; line %d: %s", l.Cuts[0].Line, l.Cuts[0].What)
		}
		return nil, nil, errors.New("it contains no SyncML message (<SyncML ...> to </SyncML>)")
	}
	notes = l.Notes
	for _, c := range l.Cuts {
		notes = append(notes, fmt.Sprintf("line %d: %s", c.Line, c.What))
	}
	for _, s := range l.Sessions() {
		r := Recorded{Device: s.Device, Session: s.ID}
		for _, t := range s.Turns {
			switch {
			case t.Sent == nil:
				continue // an answer to a missing message
			case t.Sent.Cut:
				notes = append(notes, "message "+t.Sent.Hdr.MsgID+" of session "+s.ID+" is cut, and is not sent")
				continue
			}
			r.Sent = append(r.Sent, t.Sent.Message)
			var answer *syncml.Message
			if t.Got != nil && !t.Got.Cut {
				answer = t.Got.Message
			}
			r.Received = append(r.Received, answer)
		}
		if len(r.Sent) > 0 {
			out = append(out, r)
			notes = append(notes, s.Missing()...)
		}
	}
	if len(out) == 0 {
		return nil, nil, errors.New("it has only answers of a server, and no whole message of a device: a device's Source is its id, and its Target a URL")
	}
	return out, notes, nil
}

// Log finds the messages of a text, or of a recording, which may have WBXML.
func Log(raw []byte) (*paste.Log, error) {
	list, damaged, ok := ParseRecording(string(raw))
	if !ok {
		return paste.Read(raw)
	}
	l := &paste.Log{}
	for i := range list {
		for _, body := range [][]byte{list[i].Request, list[i].Response} {
			if m, err := ReadMessage(body); err == nil {
				l.Messages = append(l.Messages, &paste.Message{Message: m, Raw: body, ByDevice: paste.ByDevice(m)})
			}
		}
	}
	if damaged > 0 {
		l.Notes = append(l.Notes, strconv.Itoa(damaged)+" exchanges of the recording are incomplete, and are left out")
	}
	if len(l.Messages) == 0 {
		return nil, errors.New("the recording has no session: the device sent no SyncML message")
	}
	return l, nil
}

// ByDevice reports whether a device sent the message: its Target is a URL, and its
// Source is not.
func ByDevice(m *syncml.Message) bool { return paste.ByDevice(m) }

// ReadMessage reads a session message, XML or WBXML.
func ReadMessage(body []byte) (*syncml.Message, error) {
	if wbxml(body) {
		return syncml.ReadWBXML(body, syncml.Limits{})
	}
	return syncml.Read(body)
}
