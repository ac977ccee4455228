package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// printer writes lines of several devices at once, one block after another.
type printer struct {
	mu      sync.Mutex
	w       io.Writer
	verbose bool
}

func (p *printer) line(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.w, format+"\n", args...)
}

// session prints how a session went; with -v all of its messages.
func (p *printer) session(d *dmclient.Device, s *dmclient.Session, err error) {
	switch {
	case s == nil && err != nil:
		p.line("%-16s %v", d.Identity().Name, err)
	case s != nil && p.verbose:
		p.line("%s", transcript(d, s))
	}
}

var origins = map[dmclient.Origin]string{
	dmclient.OriginUser: "by its user", dmclient.OriginSchedule: "by schedule", dmclient.OriginPush: "by push", dmclient.OriginLogin: "at login",
	dmclient.OriginEnrollment: "after enrollment", dmclient.OriginCSP: "by a CSP", dmclient.OriginAPI: "by the API",
}

// transcript is a session as text: every message indented, every command with
// its answer, secrets redacted.
func transcript(d *dmclient.Device, s *dmclient.Session) string {
	var b strings.Builder
	id := d.Identity()
	fmt.Fprintf(&b, "== %s (%s) session %s, started %s, %s\n", id.Name, id.DeviceID, s.ID, origins[s.Origin], s.Started.UTC().Format("2006-01-02 15:04:05 UTC"))
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
			line += "  " + clipped(c.Result, 60)
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

func clipped(s string, n int) string {
	if len(s) > n {
		return s[:n] + "..."
	}
	return s
}
