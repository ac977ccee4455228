// Package trace records sessions as text, and replays the device's side of one
// against another server or another version of the same server.
package trace

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/dmwake/dmwake/harness/printable"

	"github.com/dmwake/dmwake/harness/redact"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// Origins says in words why a session started.
var Origins = map[dmclient.Origin]string{
	dmclient.OriginUser: "by its user", dmclient.OriginSchedule: "by schedule", dmclient.OriginPush: "by push", dmclient.OriginLogin: "at login",
	dmclient.OriginEnrollment: "after enrollment", dmclient.OriginCSP: "by a CSP", dmclient.OriginAPI: "by the API",
}

// Session formats a session as text: every message indented, every command with its
// answer, secrets redacted.
func Session(d *dmclient.Device, s *dmclient.Session) string {
	return transcript(d, s, &form{redact.Text, report.Pretty, redact.Value})
}

// Revealed is Session with the secrets.
func Revealed(d *dmclient.Device, s *dmclient.Session) string {
	return transcript(d, s, &form{func(s string) string { return s }, report.Revealed, func(_, value string) string { return value }})
}

// form is how the parts of a session are shown.
type form struct {
	text    func(string) string
	message func([]byte) string
	value   func(locURI, value string) string
}

func (f *form) line(s string) string { return printable.Line(f.text(s)) }

func transcript(d *dmclient.Device, s *dmclient.Session, f *form) string {
	var b strings.Builder
	id := d.Identity()
	fmt.Fprintf(&b, "== %s (%s) session %s, started %s, %s\n", f.line(id.Name), id.DeviceID, f.line(s.ID), Origins[s.Origin], s.Started.UTC().Format("2006-01-02 15:04:05 UTC"))
	for i, ex := range s.Exchanges {
		fmt.Fprintf(&b, "-> message %d: POST %s (%d bytes)\n%s\n", i+1, f.line(ex.URL), len(ex.Request), f.message(ex.Request))
		switch {
		case ex.Status == 0:
			fmt.Fprintf(&b, "<- no reply: %s\n", f.line(fmt.Sprint(ex.Err)))
		case len(ex.Response) == 0:
			fmt.Fprintf(&b, "<- HTTP %d, empty\n", ex.Status)
		default:
			fmt.Fprintf(&b, "<- HTTP %d (%d bytes)\n%s\n", ex.Status, len(ex.Response), f.message(ex.Response))
		}
	}
	for _, c := range s.Commands {
		line := fmt.Sprintf("   %-8s %-70s %d", c.Verb, c.LocURI, c.Code)
		if c.Result != "" {
			line += "  " + report.Clip(f.value(c.LocURI, c.Result), 60)
		}
		fmt.Fprintln(&b, f.line(line))
	}
	end := s.End
	if s.Err != nil {
		end = s.Err.Error()
	}
	fmt.Fprintf(&b, "== %s: %s\n", f.line(id.Name), f.line(end))
	return b.String()
}

// Keep writes the sessions of devices to a file in dir, which it creates if needed, as
// text formats them: Session or Revealed. It writes nothing if there was no session.
func Keep(dir, name string, text func(*dmclient.Device, *dmclient.Session) string, devices ...*dmclient.Device) error {
	var b strings.Builder
	for _, d := range devices {
		for _, s := range d.Sessions() {
			b.WriteString(text(d, s))
			b.WriteString("\n")
		}
	}
	if b.Len() == 0 {
		return nil
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name+".txt"), []byte(b.String()), 0o600)
}
