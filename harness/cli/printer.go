package cli

import (
	"fmt"
	"io"
	"sync"

	"github.com/dmwake/dmwake/harness/trace"
	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// printer writes lines from several devices, one block at a time.
type printer struct {
	mu      sync.Mutex
	w       io.Writer
	verbose bool
	reveal  bool // secrets, too
}

func (p *printer) line(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reveal {
		put(p.w, format+"\n", args...)
		return
	}
	say(p.w, format+"\n", args...)
}

// messages prints all messages of a session.
func (p *printer) messages(d *dmclient.Device, s *dmclient.Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := trace.Session
	if p.reveal {
		text = trace.Revealed
	}
	fmt.Fprintln(p.w, text(d, s))
}

// session prints how a session went; with -v, all its messages.
func (p *printer) session(d *dmclient.Device, s *dmclient.Session, err error) {
	switch {
	case s == nil && err != nil:
		p.line("%-16s %s", d.Identity().Name, wording.Error(err))
	case s != nil && p.verbose:
		p.messages(d, s)
	}
}
