package console

import (
	"testing"

	"github.com/dmwake/dmwake/harness/devices"
	"github.com/dmwake/dmwake/harness/page"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

func TestVerbs(t *testing.T) {
	t.Parallel()
	status := func(code string) syncml.Command { return syncml.Command{Verb: syncml.Status, Data: code} }
	get := syncml.Command{Verb: syncml.Get}
	for want, list := range map[string][]syncml.Command{
		"no command":                                     nil,
		"Status 200 ×2, Get":                             {status("200"), status("200"), get},
		"Status 200, Get, Status 200":                    {status("200"), get, status("200")},
		"Alert 1201, Atomic (Get ×2)":                    {{Verb: syncml.Alert, Data: "1201"}, {Verb: syncml.Atomic, Commands: []syncml.Command{get, get}}},
		"Status, Status 404":                             {status("a text that is no code"), status("404")},
		"Get, Add, Get, Add, Get, Add, Get, Add, 2 more": {get, {Verb: syncml.Add}, get, {Verb: syncml.Add}, get, {Verb: syncml.Add}, get, {Verb: syncml.Add}, get, get},
	} {
		if got := verbs(&syncml.Message{Body: list}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestDrawnSession: a session that failed shows where, and marks the command that failed
// and the device's status of it, and nothing else.
func TestDrawnSession(t *testing.T) {
	t.Parallel()
	s := devices.Session{
		Number: 2, ID: "7", Error: "the server answered with HTTP 500",
		Commands: []devices.Command{{Message: 1, Verb: "Get", LocURI: "./A", Code: 200}, {Message: 1, Verb: "Get", LocURI: "./B", Code: 404}},
		Exchanges: []devices.Exchange{
			{Method: "POST", URL: "https://mdm.example/", Request: "<a/>", Status: 200, Response: "<LocURI>./A</LocURI>"},
			{Method: "POST", URL: "https://mdm.example/", Request: "<Data>404</Data>", Status: 500},
		},
		Raw: &dmclient.Session{
			Sent:     []*syncml.Message{{Body: []syncml.Command{{Verb: syncml.Alert, Data: "1201"}}}, {Body: []syncml.Command{{Verb: syncml.Status, Data: "404"}}}},
			Received: []*syncml.Message{{Body: []syncml.Command{{Verb: syncml.Get}}}},
		},
	}
	p := sessionPage{sessionRow: sessionOf("D", s)}
	p.draw(&s, nil)
	if p.Result != (chip{"failed", "bad"}) || len(p.Messages) != 2 || len(p.Diagram.Arrows) != 4 {
		t.Fatalf("%+v", p)
	}
	var texts []string
	for i, a := range p.Diagram.Arrows {
		texts = append(texts, a.Text)
		if wrong := a.Culprit != ""; wrong != (i == 3) {
			t.Errorf("arrow %d: culprit %q", i+1, a.Culprit)
		}
	}
	for i, want := range []string{"Alert 1201", "Get", "Status 404", "HTTP 500"} {
		if texts[i] != want {
			t.Errorf("arrow %d is %q, want %q", i+1, texts[i], want)
		}
	}
	if got := p.Messages[0].Response.Marks; len(got) != 1 || got[0] != (page.Mark{Name: "LocURI", Value: "./B"}) || len(p.Messages[0].Request.Marks) != 0 {
		t.Errorf("marks of the server's message: %v", got)
	}
	if got := p.Messages[1].Request.Marks; len(got) != 1 || got[0] != (page.Mark{Name: "Data", Value: "404"}) || len(p.Messages[1].Response.Marks) != 0 {
		t.Errorf("marks of the device's answer: %v", got)
	}
}
