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
	found := message.FindAllString(text, -1)
	if len(found) == 0 && strings.Contains(text, "&lt;SyncML") {
		found = message.FindAllString(html.UnescapeString(text), -1)
	}
	if len(found) == 0 {
		return nil, errors.New("it contains no SyncML message (<SyncML ...> to </SyncML>)")
	}
	at := map[string]int{} // the last session of that device and id
	for i, doc := range found {
		m, err := syncml.Read([]byte(doc))
		if err != nil {
			return nil, fmt.Errorf("message %d of %d: %w", i+1, len(found), err)
		}
		device, byDevice := m.Hdr.Source.LocURI, true
		if isURL(device) || !isURL(m.Hdr.Target.LocURI) {
			device, byDevice = m.Hdr.Target.LocURI, false
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

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}
