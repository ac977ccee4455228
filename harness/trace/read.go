package trace

import (
	"errors"
	"fmt"
	"html"
	"net/url"
	"os"
	"regexp"
	"strings"

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

// maxFile limits the size of a transcript, in bytes.
const maxFile = 64 << 20

// message matches a SyncML document in a text, whatever surrounds it: text of a log,
// or other messages.
var message = regexp.MustCompile(`(?s)<(?:[\w.-]+:)?SyncML\b.*?</(?:[\w.-]+:)?SyncML\s*>`)

// Read reads the sessions in a file: one that --trace wrote, or any text that
// contains SyncML, one message after another, such as a Windows log. It also reads
// escaped messages (&lt;SyncML).
func Read(path string) ([]Recorded, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%s has %d bytes; the limit is %d", path, info.Size(), maxFile)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	list, err := Parse(string(raw))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}

// Parse is Read for a text in memory.
func Parse(text string) (out []Recorded, err error) {
	list, err := messages(text)
	if err != nil {
		return nil, err
	}
	at := map[string]int{} // the last session of that device and id
	for _, m := range list {
		device, byDevice := m.Hdr.Source.LocURI, ByDevice(m)
		if !byDevice {
			device = m.Hdr.Target.LocURI
		}
		key := device + " " + m.Hdr.SessionID
		k, known := at[key]
		if byDevice && (!known || m.Hdr.MsgID == "1" && len(out[k].Sent) > 0) {
			// SessionIDs repeat.
			out = append(out, Recorded{Device: device, Session: m.Hdr.SessionID})
			k = len(out) - 1
			at[key] = k
		} else if !known {
			continue // an answer to a missing message
		}
		r := &out[k]
		switch {
		case byDevice:
			r.Sent, r.Received = append(r.Sent, m), append(r.Received, nil)
		case r.Received[len(r.Received)-1] == nil:
			r.Received[len(r.Received)-1] = m
		}
	}
	if len(out) == 0 {
		return nil, errors.New("it has only answers of a server, and no message of a device: a device's Source is its id, and its Target a URL")
	}
	return out, nil
}

// ByDevice reports whether a device sent the message: its Target is a URL, and its
// Source is not.
func ByDevice(m *syncml.Message) bool {
	return !isURL(m.Hdr.Source.LocURI) && isURL(m.Hdr.Target.LocURI)
}

// messages are all SyncML messages of a text, in their order.
func messages(text string) (out []*syncml.Message, err error) {
	if list, _, ok := ParseRecording(text); ok {
		for i := range list {
			for _, body := range [][]byte{list[i].Request, list[i].Response} {
				if m, err := ReadMessage(body); err == nil {
					out = append(out, m)
				}
			}
		}
		if len(out) == 0 {
			return nil, errors.New("the recording has no session: the device sent no SyncML message")
		}
		return out, nil
	}
	found := message.FindAllString(text, -1)
	if len(found) == 0 && strings.Contains(text, "&lt;SyncML") {
		found = message.FindAllString(html.UnescapeString(text), -1)
	}
	if len(found) == 0 {
		return nil, errors.New("it contains no SyncML message (<SyncML ...> to </SyncML>)")
	}
	for i, doc := range found {
		m, err := syncml.Read([]byte(doc))
		if err != nil {
			return nil, fmt.Errorf("message %d of %d: %w", i+1, len(found), err)
		}
		out = append(out, m)
	}
	return out, nil
}

// ReadMessage reads a session message, XML or WBXML.
func ReadMessage(body []byte) (*syncml.Message, error) {
	if wbxml(body) {
		return syncml.ReadWBXML(body, syncml.Limits{})
	}
	return syncml.Read(body)
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}
