package suite

import (
	"testing"

	"github.com/dmwake/dmwake/simulator/syncml"
)

func TestVerbs(t *testing.T) {
	status := syncml.Command{Verb: syncml.Status, Data: "200"}
	session := &syncml.Message{Body: []syncml.Command{{Verb: syncml.Alert, Data: "1201"}, status, status, {Verb: syncml.Status, Data: "404"},
		{Verb: syncml.Atomic, Commands: []syncml.Command{{Verb: syncml.Add}, {Verb: syncml.Add}, {Verb: syncml.Exec}}}}}
	const want = "Alert 1201, Status 200 ×2, Status 404, Atomic (Add ×2, Exec)"
	xml, err := syncml.Write(session)
	if err != nil {
		t.Fatal(err)
	}
	wbxml, err := syncml.WriteWBXML(session)
	if err != nil {
		t.Fatal(err)
	}
	var mixed []syncml.Command
	for range 20 {
		mixed = append(mixed, syncml.Command{Verb: syncml.Get}, syncml.Command{Verb: syncml.Add})
	}
	many, err := syncml.Write(&syncml.Message{Body: mixed})
	if err != nil {
		t.Fatal(err)
	}
	empty, err := syncml.Write(&syncml.Message{})
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{
		string(xml): want, string(wbxml): want, string(many): "Get, Add, Get, Add, Get, Add, Get, Add, 32 more", string(empty): "no command", "": "", "<html>": "",
		`<s:Envelope xmlns:s="x"><s:Header/><s:Body xmlns:a="y"> <Discover xmlns="z"/></s:Body></s:Envelope>`: "Discover",
		`<s:Envelope><s:Body><wst:RequestSecurityToken/></s:Body></s:Envelope>`:                               "RST",
		`<s:Envelope><s:Body><s:Fault><s:Code/></s:Fault></s:Body></s:Envelope>`:                              "Fault",
	} {
		if got := verbs([]byte(body)); got != want {
			t.Errorf("%.60q is told as %q, want %q", body, got, want)
		}
	}
}
