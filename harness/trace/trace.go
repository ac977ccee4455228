// Package trace records sessions as text, and replays the device's side of one
// against another server or another version of the same server.
package trace

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/csp"
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
	var b strings.Builder
	id := d.Identity()
	fmt.Fprintf(&b, "== %s (%s) session %s, started %s, %s\n", id.Name, id.DeviceID, s.ID, Origins[s.Origin], s.Started.UTC().Format("2006-01-02 15:04:05 UTC"))
	for i, ex := range s.Exchanges {
		fmt.Fprintf(&b, "-> message %d: POST %s (%d bytes)\n%s\n", i+1, report.Redact(ex.URL), len(ex.Request), report.Pretty(ex.Request))
		switch {
		case ex.Status == 0:
			fmt.Fprintf(&b, "<- no reply: %s\n", report.Redact(fmt.Sprint(ex.Err)))
		case len(ex.Response) == 0:
			fmt.Fprintf(&b, "<- HTTP %d, empty\n", ex.Status)
		default:
			fmt.Fprintf(&b, "<- HTTP %d (%d bytes)\n%s\n", ex.Status, len(ex.Response), report.Pretty(ex.Response))
		}
	}
	for _, c := range s.Commands {
		line := fmt.Sprintf("   %-8s %-70s %d", c.Verb, c.LocURI, c.Code)
		if c.Result != "" && !csp.Secret(c.LocURI) {
			line += "  " + report.Clip(c.Result, 60)
		}
		fmt.Fprintln(&b, report.Redact(line))
	}
	end := s.End
	if s.Err != nil {
		end = s.Err.Error()
	}
	fmt.Fprintf(&b, "== %s: %s\n", id.Name, report.Redact(end))
	return b.String()
}

// Keep writes the sessions of devices to a file in dir, which it creates if needed.
// It writes nothing if there was no session.
func Keep(dir, name string, devices ...*dmclient.Device) error {
	var b strings.Builder
	for _, d := range devices {
		for _, s := range d.Sessions() {
			b.WriteString(Session(d, s))
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
