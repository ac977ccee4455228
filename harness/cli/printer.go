package cli

import (
	"fmt"
	"io"
	"sync"

	"github.com/dmwake/dmwake/harness/trace"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// printer writes lines from several devices, one block at a time.
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

// session prints how a session went; with -v, all its messages.
func (p *printer) session(d *dmclient.Device, s *dmclient.Session, err error) {
	switch {
	case s == nil && err != nil:
		p.line("%-16s %v", d.Identity().Name, err)
	case s != nil && p.verbose:
		p.line("%s", trace.Session(d, s))
	}
}
