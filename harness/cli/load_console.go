package cli

import (
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/spf13/pflag"

	"github.com/dmwake/dmwake/harness/console"
	"github.com/dmwake/dmwake/harness/guard"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/load"
	"github.com/dmwake/dmwake/harness/load/result"
)

// loadConsole serves the console's pages during a load. Nil serves nothing.
type loadConsole struct {
	recent *load.Recent
	http   *http.Server
}

func consoleFlag(fl *pflag.FlagSet, address *string) {
	fl.StringVar(address, "console", "", "show the run while it goes on, at this loopback address, such as 127.0.0.1:8090, or auto")
}

// listenConsole opens the listener that --console asks for, if any. The pages have
// buttons and no password, so that only this machine may reach them.
func listenConsole(address string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	ln, err := lab.Listen("--console", address)
	if err == nil && !guard.Loopback(ln.Addr().String()) {
		ln.Close()
		return nil, errors.New("--console: other machines could reach " + address + ", and the pages have no password; give an address of loopback, such as 127.0.0.1:8090")
	}
	return ln, err
}

// serveConsole starts the pages; without a listener it serves nothing.
func serveConsole(w io.Writer, l *lab.Lab, o *load.Options, ln net.Listener) *loadConsole {
	if ln == nil {
		return nil
	}
	c := &loadConsole{recent: load.NewRecent()}
	m := http.NewServeMux()
	m.Handle(console.Prefix, console.Handler(console.Options{WNS: l.WNS, Load: c.recent, Unreached: l.Unreached}))
	m.Handle("/", guard.Handler(http.RedirectHandler(console.Prefix+"load", http.StatusFound), guard.Options{Name: "console", Advice: "it has no password"}))
	c.http = lab.NewHTTPServer(m)
	progress, observe, enrolled := o.Progress, o.Observe, o.Enrolled
	o.Progress = func(p load.Progress) {
		c.recent.Progress(p)
		progress(p)
	}
	o.Observe = func(part string, stage result.Stage, d time.Duration) {
		c.recent.Observe(stage, d)
		if observe != nil {
			observe(part, stage, d)
		}
	}
	o.Enrolled = func(done, failed int) {
		c.recent.Say(enrolledText(done, failed, int(o.Share.Count(int64(o.Devices)))))
		enrolled(done, failed)
	}
	go c.http.Serve(ln) //nolint:errcheck // ends with the command
	say(w, "console    http://%s%sload\n", ln.Addr(), console.Prefix)
	return c
}

// doing tells the pages what the run does now.
func (c *loadConsole) doing(text string) {
	if c != nil {
		c.recent.Say(text)
	}
}

// close ends the pages: they have nothing more to show.
func (c *loadConsole) close() {
	if c != nil {
		c.http.Close()
	}
}
