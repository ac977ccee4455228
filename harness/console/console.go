// Package console is the lab's pages: what happens between a server, the fake WNS and
// the devices, and buttons that change it. The pages are made on the server and stay
// current by server-sent events. A browser needs nothing but the lab.
package console

import (
	"embed"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/control"
	"github.com/dmwake/dmwake/harness/guard"
	"github.com/dmwake/dmwake/harness/page"
)

//go:embed static templates
var files embed.FS

// Prefix is the path that all pages are below.
const Prefix = "/console/"

// maxForm bounds what a form may send, in bytes.
const maxForm = 64 << 10

// Options of the console. Only WNS is required.
type Options struct {
	WNS *fakewns.Server
	// Devices are the lab's own devices; nil: it holds none.
	Devices Devices
	// Load is a load test under way; nil: there is none, and no page for it.
	Load Load
	// Token has to be given in a form before any page is shown. If it is empty, the
	// console answers to loopback names only, as the control API does.
	Token string
	// Environment is what a server needs to reach the lab, as lines of a shell. Nil: it is
	// not shown.
	Environment func() string
	// Unreached says why no request reached the fake WNS, and what to do about it.
	Unreached func(entries []*fakewns.Entry) (saw, do string)
}

type console struct {
	Options
	door    *door
	streams chan struct{} // one place per open stream
	pressed atomic.Uint64 // buttons
}

// Part are the pages on the listener of a control API; / leads to them.
func Part(o Options) control.Part {
	return control.Part{Paths: []string{Prefix}, Handler: Handler(o), Home: true, Guarded: true}
}

// maxStreams bounds the pages that are kept current at the same time.
const maxStreams = 64

// Handler serves the pages below Prefix. It has its own guard, because a browser cannot
// send the token as the control API wants it.
func Handler(o Options) http.Handler {
	c := &console{Options: o, door: newDoor(o.Token), streams: make(chan struct{}, maxStreams)}
	m := http.NewServeMux()
	one := func(path string, f func(*http.Request) (*view, error)) {
		m.Handle("GET "+Prefix+path, c.page(maker{f, c.happened}))
	}
	journal := func(path string, f func(*http.Request) (*view, error)) {
		m.Handle("GET "+Prefix+path, c.page(maker{f, c.WNS.Journal().Changes}))
	}
	one("{$}", c.overview)
	journal("notifications", c.notifications)
	journal("notifications/{seq}", c.notification)
	one("channels", c.channels)
	one("faults", c.faults)
	one("clock", c.clock)
	if c.Load != nil {
		m.Handle("GET "+Prefix+"load", c.page(maker{c.load, c.Load.Mark}))
	}
	one("devices", c.devices)
	one("devices/{device}", c.device)
	one("devices/{device}/tree", c.tree)
	one("devices/{device}/sessions/{session}", c.session)
	one("", nothingHere)
	m.Handle("POST "+Prefix+"do/{what}", http.HandlerFunc(c.do))
	m.Handle("GET "+Prefix+"static/{file}", http.HandlerFunc(static))
	shared := http.StripPrefix(Prefix+"static", page.Handler())
	m.Handle("GET "+Prefix+"static/page.css", shared)
	m.Handle("GET "+Prefix+"static/page.js", shared)
	return guard.Handler(headers(c.door.keep(m)), guard.Options{Name: "console", Advice: guard.WithToken, AnyHost: o.Token != ""})
}

// happened changes with everything that happens to a device or to the fake WNS, and with
// each button.
func (c *console) happened() uint64 {
	n := c.WNS.Journal().Changes() + c.pressed.Load()
	if c.Devices != nil {
		n += c.Devices.Mark()
	}
	return n
}

// policy lets a page load what the lab serves, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		next.ServeHTTP(w, r)
	})
}

// kinds of the files that pages load.
var kinds = map[string]string{
	"console.css": "text/css; charset=utf-8", "console.js": "text/javascript; charset=utf-8", "htmx.min.js": "text/javascript; charset=utf-8",
	"NOTICE": "text/plain; charset=utf-8", "htmx.LICENSE": "text/plain; charset=utf-8", "icon.svg": "image/svg+xml",
}

func static(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	raw, err := files.ReadFile("static/" + name)
	if kind := kinds[name]; err == nil && kind != "" {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "no-cache")
		w.Write(raw) //nolint:errcheck,gosec // the browser is gone; a file of ours
		return
	}
	http.NotFound(w, r)
}

// moment is a time as the pages show it.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format("2006-01-02 15:04:05")
}
