package trace

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/dmwake/dmwake/simulator/enroll"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// RecorderOptions of a Recorder. The zero value is for real devices.
type RecorderOptions struct {
	// Reveal records secrets, too.
	Reveal bool
	// MaxBytes of one file, default 32 MiB; MaxDevices in the folder, default 1,000.
	MaxBytes   int64
	MaxDevices int
	// Tell is told what could not be recorded, once for each cause and device.
	Tell func(error)
	Now  func() time.Time
}

// Recorder records what devices and an MDM server send each other, in one file for
// each device. What it cannot write it leaves out; it never stops the server.
type Recorder struct {
	opts RecorderOptions

	mu    sync.Mutex
	files *folder
	// conns name the device of a connection, by the remote address.
	conns map[string]string
	// waiting are exchanges of devices that have not told their DeviceID yet: only
	// the third message of an enrollment does.
	waiting []waiting
}

type waiting struct {
	addr string
	x    Exchange
}

const (
	maxWaiting  = 64
	maxConns    = 10_000
	maxRecorded = 1 << 20 // of one body; the reference server reads no more
)

// NewRecorder makes a recorder that appends to the files in dir. It creates the
// folder, and fails if it cannot write there.
func NewRecorder(dir string, o RecorderOptions) (*Recorder, error) {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 32 << 20
	}
	if o.MaxDevices <= 0 {
		o.MaxDevices = 1000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Tell == nil {
		o.Tell = func(error) {}
	}
	files, err := openFolder(dir, &o)
	if err != nil {
		return nil, err
	}
	return &Recorder{opts: o, files: files, conns: map[string]string{}}, nil
}

// Wrap records the exchanges of a handler that serves devices. It leaves out the
// pages that a user sees.
func (r *Recorder) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == mdmserver.SignInPath || req.URL.Path == mdmserver.HelpPath {
			next.ServeHTTP(w, req)
			return
		}
		x := Exchange{At: r.opts.Now(), Method: req.Method, Proto: req.Proto, Header: req.Header.Clone(),
			URL: "https://" + req.Host + req.URL.RequestURI()}
		body, err := io.ReadAll(io.LimitReader(req.Body, maxRecorded))
		x.Request = body
		req.Body = &again{io.MultiReader(bytes.NewReader(body), failing{err}, req.Body), req.Body}
		out := &copied{ResponseWriter: w}
		out.whole = sync.OnceFunc(func() {
			x.Status, x.Reply, x.Response = out.status, out.header, out.body.Bytes()
			r.keep(req.RemoteAddr, x)
		})
		defer out.whole() // a handler may panic
		next.ServeHTTP(out, req)
		if out.status == 0 {
			out.note(http.StatusOK)
		}
	})
}

// again is a body that was read, and what follows it.
type again struct {
	io.Reader
	io.Closer
}

// failing repeats the error of a body that could not be read; without one it is
// empty.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return 0, io.EOF
}

// copied is a ResponseWriter that keeps what was written.
type copied struct {
	http.ResponseWriter
	// whole is called before the last byte is sent: with it the device may send its
	// next request, which is recorded later.
	whole  func()
	status int
	header http.Header
	body   bytes.Buffer
}

func (c *copied) note(status int) {
	if c.status == 0 {
		c.status, c.header = status, c.Header().Clone()
	}
}

func (c *copied) WriteHeader(status int) {
	c.note(status)
	c.ResponseWriter.WriteHeader(status)
}

func (c *copied) Write(b []byte) (int, error) {
	c.note(http.StatusOK)
	c.body.Write(b[:min(len(b), max(0, maxRecorded-c.body.Len()))])
	if n, err := strconv.Atoi(c.header.Get("Content-Length")); err == nil && c.body.Len() >= min(n, maxRecorded) {
		c.whole()
	}
	return c.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (c *copied) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// keep writes an exchange to the file of its device, or lets it wait for the
// DeviceID.
func (r *Recorder) keep(addr string, x Exchange) {
	about := who(&x)
	x.Header, x.Reply = shown(x.Header, r.opts.Reveal), shown(x.Reply, r.opts.Reveal)
	if !r.opts.Reveal {
		x.Request, x.Response = redacted(x.Request), redacted(x.Response)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case about.device == "" && about.session && r.conns[addr] != "":
		about.device = r.conns[addr] // its message could not be read
	case about.device == "":
		if r.waiting = append(r.waiting, waiting{addr, x}); len(r.waiting) > maxWaiting {
			r.files.add(unnamed, "", r.waiting[:1])
			r.waiting = r.waiting[1:]
		}
		return
	}
	if len(r.conns) >= maxConns {
		clear(r.conns)
	}
	r.conns[addr] = about.device
	var before []waiting
	if about.enrolls || about.renews {
		before = r.before(addr, about.enrolls)
	}
	r.files.add(about.device, about.words, append(before, waiting{addr, x}))
}

// before takes the exchanges that began an enrollment or a renewal: those of the same
// connection. An enrollment begins with a Discover; if the connection had none, they
// are the last ones of the same machine, from its last Discover on.
func (r *Recorder) before(addr string, enrolls bool) (out []waiting) {
	same := func(of func(string) string) []int {
		var list []int
		for i := range r.waiting {
			if of(r.waiting[i].addr) == of(addr) {
				list = append(list, i)
			}
		}
		return list
	}
	list := same(func(a string) string { return a })
	if enrolls && !slices.ContainsFunc(list, func(i int) bool { return discovers(&r.waiting[i].x) }) {
		list = same(machine)
		for k := len(list) - 1; k >= 0; k-- {
			if !discovers(&r.waiting[list[k]].x) {
				continue
			}
			if k > 0 && r.waiting[list[k-1]].x.Method == http.MethodGet {
				k--
			}
			list = list[k:]
			break
		}
	}
	var rest []waiting
	for i := range r.waiting {
		if slices.Contains(list, i) {
			out = append(out, r.waiting[i])
		} else {
			rest = append(rest, r.waiting[i])
		}
	}
	r.waiting = rest
	return out
}

func machine(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return host
}

func discovers(x *Exchange) bool { return bytes.Contains(x.Request, []byte(enroll.ActionDiscover)) }

// Close writes the exchanges of devices that never told their DeviceID, such as
// refused enrollments, to the file "unnamed.txt".
func (r *Recorder) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) > 0 {
		r.files.add(unnamed, "", r.waiting)
		r.waiting = nil
	}
}

// subject is whose exchange it is.
type subject struct {
	device                   string
	session, enrolls, renews bool
	words                    string // about the device, for people
}

func who(x *Exchange) (s subject) {
	if e, err := enroll.ReadEnvelope(x.Request); err == nil {
		if req, err := e.TokenRequest(); err == nil {
			s.device, s.enrolls, s.renews = req.Item("DeviceID"), !req.Renewal, req.Renewal
			if s.enrolls {
				s.words = fmt.Sprintf("%s enrolls: OSVersion %s, ApplicationVersion %s, OSEdition %s, DeviceType %s", req.Item("DeviceName"),
					req.Item("OSVersion"), req.Item("ApplicationVersion"), req.Item("OSEdition"), req.Item("DeviceType"))
			}
		}
		return s
	}
	s.session = x.Method == http.MethodPost
	if m, err := ReadMessage(x.Request); err == nil {
		s.device = m.Hdr.Source.LocURI
	}
	return s
}
