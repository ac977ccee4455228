package console

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/devices"
	"github.com/dmwake/dmwake/harness/page"
	"github.com/dmwake/dmwake/harness/redact"
)

// sessionPage is one session with every message.
type sessionPage struct {
	sessionRow
	Name, Device string
	Diagram      page.Diagram
	Messages     []exchange
	Failed       []devices.Command
	Pushes       []entryRow
	Earlier      string
	Later        string
}

// exchange is a request of a device and the reply.
type exchange struct {
	N                  int
	ID                 string
	Line, Verbs        string
	Took               string
	Request, Response  page.Message
	Headers, Replied   []header
	Status             string
	ReplyVerbs, Failed string
}

// sessionNumber reads the number in a URL. "id-3" is the newest session with the
// SessionID 3, as the journal knows it.
func (c *console) sessionNumber(device, text string) (int, error) {
	id, byID := strings.CutPrefix(text, "id-")
	if !byID {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return 0, missing{"A session has a number from 1."}
		}
		return n, nil
	}
	list, err := c.Devices.Sessions(device, false)
	if err != nil {
		return 0, gone(err)
	}
	for _, s := range slices.Backward(list) {
		if s.ID == id {
			return s.Number, nil
		}
	}
	return 0, missing{"The device keeps no session with the SessionID " + id + " any more, or it has not ended yet."}
}

// session shows one session as a sequence diagram and message by message.
func (c *console) session(r *http.Request) (*view, error) {
	d, _, err := c.oneDevice(r.PathValue("device"))
	if err != nil {
		return nil, err
	}
	if d.Device == nil {
		return nil, missing{"The lab does not run the device " + d.ID + ", so it has no sessions of it."}
	}
	n, err := c.sessionNumber(d.ID, r.PathValue("session"))
	if err != nil {
		return nil, err
	}
	s, err := c.Devices.Session(d.ID, n, false)
	if err != nil {
		return nil, gone(err)
	}
	p := sessionPage{sessionRow: sessionOf(d.ID, s), Name: d.Name, Device: d.Link}
	for _, cmd := range s.Commands {
		if cmd.Code >= http.StatusBadRequest {
			p.Failed = append(p.Failed, cmd)
		}
	}
	led := c.WNS.Journal().Since(0, func(e *fakewns.Entry) bool { return e.Device == d.ID && e.Session == s.ID && e.Session != "" })
	for _, e := range led {
		p.Pushes = append(p.Pushes, rowOf(e))
	}
	p.draw(&s, led)
	if n > 1 {
		p.Earlier = d.Link + "/sessions/" + strconv.Itoa(n-1)
	}
	if n < d.Device.Sessions {
		p.Later = d.Link + "/sessions/" + strconv.Itoa(n+1)
	}
	return &view{Title: fmt.Sprintf("Session %d of %s", n, d.Name), Nav: "devices", body: "session", Data: p}, nil
}

// The lanes of the diagram, by the words of the reports.
const (
	laneDevice = "device"
	laneServer = "server"
	laneWNS    = "WNS"
)

// draw makes the diagram and the messages.
func (p *sessionPage) draw(s *devices.Session, led []*fakewns.Entry) {
	d := page.Diagram{ID: "step", Lanes: []string{laneDevice, laneServer, laneWNS}}
	for _, e := range led {
		to := Prefix + "notifications/" + itoa(e.Seq)
		d.Arrows = append(d.Arrows, page.Arrow{From: laneServer, To: laneWNS, Text: e.Method + " notification", Note: "#" + itoa(e.Seq), Href: to},
			page.Arrow{From: laneWNS, To: laneServer, Text: strings.TrimSpace(strconv.Itoa(e.Status) + " " + e.WNSStatus), Href: to},
			page.Arrow{From: laneWNS, To: laneDevice, Text: "raw notification"})
	}
	for i := range s.Exchanges {
		x := &s.Exchanges[i]
		m := exchange{N: i + 1, ID: "message-" + strconv.Itoa(i+1), Line: x.Method + " " + redact.Text(x.URL), Headers: lines(x.Headers), Replied: lines(x.ReplyHeaders),
			Took: (time.Duration(x.Duration * float64(time.Millisecond))).Round(100 * time.Microsecond).String()}
		if s.Raw != nil && i < len(s.Raw.Sent) {
			m.Verbs = verbs(s.Raw.Sent[i])
		}
		if s.Raw != nil && i < len(s.Raw.Received) {
			m.ReplyVerbs = verbs(s.Raw.Received[i])
		}
		wrong, _ := marksOf(s.Commands, i+1)
		m.Request = page.Message{ID: m.ID + "-request", Text: x.Request}
		_, m.Request.Marks = marksOf(s.Commands, i) // it answers the message before
		m.Response = page.Message{ID: m.ID + "-reply", Text: x.Response, Marks: wrong}
		note := "message " + strconv.Itoa(i+1)
		d.Arrows = append(d.Arrows, page.Arrow{From: laneDevice, To: laneServer, Text: or(m.Verbs, x.Method), Note: note, Href: "#" + m.ID})
		reply := page.Arrow{From: laneServer, To: laneDevice, Href: "#" + m.ID + "-reply"}
		if x.Status == 0 {
			m.Failed = or(x.Error, "no reply")
			reply.Text, reply.Culprit = "no reply", m.Failed
		} else {
			m.Status = strconv.Itoa(x.Status) + " " + http.StatusText(x.Status)
			reply.Text, reply.Note = or(m.ReplyVerbs, "HTTP "+strconv.Itoa(x.Status)), "HTTP "+strconv.Itoa(x.Status)+", "+m.Took
		}
		if i == len(s.Exchanges)-1 && s.Error != "" && reply.Culprit == "" {
			reply.Culprit = s.Error
		}
		d.Arrows = append(d.Arrows, reply)
		p.Messages = append(p.Messages, m)
	}
	p.Diagram = d
}

func or(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// marksOf are the elements of a server's message, and of the device's answer to it, that
// belong to commands which failed.
func marksOf(list []devices.Command, message int) (commands, answers []page.Mark) {
	for _, c := range list {
		if c.Message != message || c.Code < http.StatusBadRequest {
			continue
		}
		if c.LocURI != "" {
			commands = append(commands, page.Mark{Name: "LocURI", Value: c.LocURI})
		}
		answers = append(answers, page.Mark{Name: "Data", Value: strconv.Itoa(c.Code)})
	}
	return commands, answers
}
