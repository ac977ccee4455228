package compare

import (
	"net/http"
	"strconv"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// act is a part of a device's life that the simulated device plays as one: an
// enrollment, a renewal or a session.
type act struct {
	kind  Kind // Token for an enrollment
	steps []*Step
}

// acts cuts the steps of a device into acts.
func acts(steps []*Step) (out []act) {
	for i, s := range steps {
		kind := s.Kind
		switch kind {
		case Reach, Discover, Policies:
			kind = Token
		}
		if s.Status == 0 && i+1 < len(steps) && string(steps[i+1].Request) == string(s.Request) && s.Headers == AllHeaders {
			continue // the device got no answer, and sent it again
		}
		n := len(out) - 1
		if n >= 0 && out[n].kind == kind && !begins(out[n].steps, s) {
			out[n].steps = append(out[n].steps, s)
			continue
		}
		if n >= 0 && kind == Renewal && asks(out[n].steps) {
			out[n].kind, out[n].steps = Renewal, append(out[n].steps, s)
			continue
		}
		out = append(out, act{kind, []*Step{s}})
	}
	return out
}

// asks reports whether steps only ask the discovery service, as a device does before
// it renews its certificate.
func asks(steps []*Step) bool {
	for _, s := range steps {
		if s.Kind != Discover && s.Kind != Reach {
			return false
		}
	}
	return true
}

// begins reports whether s starts an act of its own after such steps.
func begins(before []*Step, s *Step) bool {
	last := before[len(before)-1]
	switch s.Kind {
	case Renewal:
		return true
	case Message:
		if s.message.Hdr.SessionID != last.message.Hdr.SessionID {
			return true
		}
		again := last.Status >= 400 && string(s.Request) == string(last.Request) // after 429
		return opens(s.message) && !challenged(s.message) && !again
	case Reach:
		return last.Kind == Policies || last.Kind == Token || last.Kind == Discover && !moved(last)
	case Discover:
		return last.Kind == Policies || last.Kind == Token || last.Kind == Discover && !moved(last)
	}
	return last.Kind == Token
}

func moved(s *Step) bool { return s.Status >= 300 && s.Status < 400 }

// opens reports whether m is package 1: it has an Alert 1200 or 1201.
func opens(m *syncml.Message) bool {
	for i := range m.Body {
		if c := &m.Body[i]; c.Verb == syncml.Alert && (c.Code() == syncml.AlertServerInitiated || c.Code() == syncml.AlertClientInitiated) {
			return true
		}
	}
	return false
}

// challenged reports whether m answers the header of a server's message.
func challenged(m *syncml.Message) bool { return headerStatus(m) != nil }

// headerStatus is the Status for the header of a server's message.
func headerStatus(m *syncml.Message) *syncml.Command {
	for i := range m.Body {
		if c := &m.Body[i]; c.Verb == syncml.Status && c.CmdRef == "0" {
			return c
		}
	}
	return nil
}

// answerOf is what a step was answered; an empty 200 if the file does not tell.
func answerOf(s *Step) (status int, h http.Header, body []byte) {
	if s.Status == 0 {
		return http.StatusOK, http.Header{}, nil
	}
	return s.Status, s.Reply, s.Response
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

// hasVerb reports whether a message has such a command.
func hasVerb(m *syncml.Message, verb syncml.Verb, code int) bool {
	found := false
	m.Walk(func(c *syncml.Command) { found = found || c.Verb == verb && c.Code() == code })
	return found
}
