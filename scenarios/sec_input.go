package scenarios

import (
	"fmt"
	"strings"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios/suite"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// hostileInput are the SEC scenarios about malicious messages.
var hostileInput = []Scenario{
	{ID: "SEC-09", Level: report.Must, Title: "entities are harmless",
		Rule:    "A DOCTYPE is refused, with any status, or ignored: external entities are not fetched, entity expansion does not stall the server, and the device's next session works normally.",
		Source:  "CWE-611, CWE-776",
		Fix:     "Turn off DOCTYPE and external entities in the XML parser.",
		Mutants: []*mutants.Mutant{mutants.SecXXE, mutants.SecDoctypeDies},
		Run:     entities,
	},
	{ID: "SEC-10", Level: report.Must, Title: "a device's name is text",
		Rule:    "Quotes, angle brackets, semicolons and the like in DeviceName are stored as text: the device enrolls and its sessions complete.",
		Source:  "CWE-89, CWE-79; XML 1.0 section 2.4",
		Fix:     "Use query parameters in SQL, and escape names in pages and XML.",
		Mutants: []*mutants.Mutant{mutants.SecName},
		Run: func(t *T) {
			soundDevice(t) // if plain devices fail as well, this proves nothing
			d := t.DeviceWith(func(c *dmclient.Config) { c.Identity.Name = `O'Brien"; DROP TABLE devices;-- <b>&amp;` })
			if err := d.Enroll(); err != nil {
				ours(t, err)
				t.Excused(err)
				keepsEnrollment(d, "the last step of the enrollment")
				t.Fail("a device with the name "+d.Identity().Name+" enrolls", said(err))
			}
			d.Sync(dmclient.SyncOptions{Origin: dmclient.OriginEnrollment}) // SES-01 judges the first one
			for range 2 {
				if s := d.Sync(dmclient.SyncOptions{}); suite.Broken(s) != nil {
					t.Exchanges(s)
					t.Fail("a device with the name "+d.Identity().Name+" completes its sessions", broke(t, s))
				}
			}
		}},
}

// entities sends a message with an external entity that leads to a trap, one with
// an external DTD, and one whose entities expand to a gigabyte.
func entities(t *T) {
	withEntity := func(d *Device) string { return messageOf(d, `<Alert><CmdID>2</CmdID><Data>&x;</Data></Alert>`) }
	plain := func(d *Device) string { return messageOf(d, `<Alert><CmdID>2</CmdID><Data>1201</Data></Alert>`) }
	var growing strings.Builder
	growing.WriteString(`<!DOCTYPE SyncML [<!ENTITY a0 "0123456789">`)
	for i := range 8 {
		fmt.Fprintf(&growing, `<!ENTITY a%d "%s">`, i+1, strings.Repeat(fmt.Sprintf("&a%d;", i), 10))
	}
	growing.WriteString(`<!ENTITY x "&a8;">]>`)
	external := func(what, declaration string, message func(*Device) string) input {
		var trap *suite.Trap
		return input{what: what, body: func(d *Device) string {
			trap = t.Trap()
			return fmt.Sprintf(declaration, trap.Addr) + message(d)
		}, after: func() {
			t.Check(trap.Caught() == 0, "no connection to a host that a DOCTYPE names", "the server connected to it")
		}}
	}
	tryInputs(t, func(d *Device, what, body string) { outlives(d, what, body) },
		external("an external entity", `<!DOCTYPE SyncML [<!ENTITY x SYSTEM "http://%s/x">]>`, withEntity),
		external("an external DTD", `<!DOCTYPE SyncML SYSTEM "http://%s/dtd">`, plain),
		input{what: "entities that expand to a gigabyte", body: func(d *Device) string { return growing.String() + withEntity(d) }})
}

// outlives sends a body that may be refused in any way. It fails if no answer
// comes in time, or the next session does not complete.
func outlives(d *Device, what, body string) {
	t := d.T
	ex := d.Post(what, syncml.MediaType, body, dmclient.SyncOptions{})
	switch {
	case ex.Err == nil:
		t.Evidence("%s: HTTP status %d", what, ex.Status)
	case late(ex.Err):
		t.Fail("an answer to a DOCTYPE", unanswered(t, ex.Err))
	default:
		t.Evidence("%s: %s", what, unanswered(t, ex.Err))
	}
	runsAsEver(d, "a DOCTYPE")
}
