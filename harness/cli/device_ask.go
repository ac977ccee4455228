package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/simulator/dmclient/faults"
	"github.com/dmwake/dmwake/simulator/fleet"
)

// Only one process can have a state file open. One that has it for long serves a
// socket beside the file, and does there what others ask for.

// errand is a command for the devices of a file.
type errand struct {
	Command            string // list, show or sync
	Devices            []string
	JSON, NoTranscript bool
	Path               string
	Faults             []string
	Verbose, Reveal    bool
}

// answer is a line of what the other process answers: text for one of the streams, or
// the end.
type answer struct {
	Out  string `json:",omitempty"`
	Err  string `json:",omitempty"`
	Done bool   `json:",omitempty"`
	Code int    `json:",omitempty"`
	Says string `json:",omitempty"` // the error, for the user
}

// ask runs a command in the process that has the file, or else in this one.
func (f *deviceFlags) ask(c *cobra.Command, s *streams, a errand) error {
	a.Verbose, a.Reveal, a.Faults = f.verbose, f.reveal, f.faults
	if conn := f.dial(); conn != nil {
		if err := f.elsewhere(c, s); err != nil {
			conn.Close()
			return usage(err)
		}
		return f.forward(c.Context(), conn, s, a)
	}
	if a.Command == "list" && f.found() != nil {
		return (&bench{s: s, f: f}).printList(nil, a.JSON)
	}
	b, err := f.open(s, nil)
	if err != nil {
		return err
	}
	defer b.close()
	return b.do(c.Context(), a)
}

func (b *bench) do(ctx context.Context, a errand) error {
	switch a.Command {
	case "list":
		return b.list(a)
	case "show":
		return b.showOne(a)
	case "sync":
		if b.host != nil && !b.host.syncs {
			return usage(fmt.Errorf("%s is in use by another dmwake, which enrolls devices; only dmwake device run answers sync meanwhile", b.f.state))
		}
		return b.sync(ctx, a)
	}
	return usage(fmt.Errorf("unknown command %q; are both processes the same version of dmwake?", a.Command))
}

// longestSocket is what the shortest sockaddr_un in use holds (macOS; Linux and
// Windows have 108), with its zero byte.
const longestSocket = 104

// socket is where the process that has a file can be asked: beside the file. A path
// that is too long for a socket is taken from the current folder, if that helps.
func socket(state string) (string, error) {
	if whole, err := filepath.EvalSymlinks(state); err == nil {
		state = whole
	}
	path := state + ".sock"
	if len(path) < longestSocket {
		return path, nil
	}
	if whole, err := filepath.Abs(path); err == nil {
		if dir, err := os.Getwd(); err == nil {
			if short, err := filepath.Rel(dir, whole); err == nil && len(short) < longestSocket {
				return short, nil
			}
		}
	}
	return "", fmt.Errorf("the path of its socket, %s, has more than %d bytes; use a shorter --state", path, longestSocket-1)
}

// dial connects to the process that has the file; nil: there is none that answers.
func (f *deviceFlags) dial() net.Conn {
	path, err := socket(f.state)
	if err != nil {
		return nil
	}
	conn, err := net.DialTimeout("unix", path, 5*time.Second)
	if err != nil {
		return nil
	}
	return conn
}

// taken says who has the file.
func (f *deviceFlags) taken(err error) error {
	if !errors.Is(err, fleet.ErrInUse) {
		return err
	}
	conn := f.dial()
	if conn == nil {
		return err
	}
	conn.Close()
	return fmt.Errorf("%w; stopping it keeps all devices; dmwake device list and show work meanwhile, and sync beside dmwake device run", err)
}

// elsewhere refuses flags that the process with the file cannot take over, and names
// those that it does not need.
func (f *deviceFlags) elsewhere(c *cobra.Command, s *streams) error {
	for _, name := range []string{"quirk", "accept-unknown", "ddf", "entra-token"} {
		if c.Flags().Changed(name) {
			return fmt.Errorf("--%s cannot be used while another dmwake has %s: its devices run there; give the flag to that process", name, f.state)
		}
	}
	for _, spec := range f.faults {
		if _, err := faults.New(spec); err != nil {
			return err
		}
	}
	var unused []string
	for _, name := range []string{"config", "discovery", "username", "ca", "connect"} {
		if c.Flags().Changed(name) {
			unused = append(unused, "--"+name)
		}
	}
	if len(unused) > 0 {
		fmt.Fprintf(s.err, "dmwake: %s: another dmwake has %s and reaches the server by its own flags\n", strings.Join(unused, ", ")+" not used", f.state)
	}
	return nil
}

// forward lets the other process run a command, and prints what it prints.
func (f *deviceFlags) forward(ctx context.Context, conn net.Conn, s *streams, a errand) error {
	ended := fmt.Errorf("the dmwake that has %s ended before it answered", f.state)
	body, err := json.Marshal(a)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil }}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://devices/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	switch {
	case ctx.Err() != nil:
		return &exitError{exitInterrupted, errSilent}
	case err != nil:
		return usage(fmt.Errorf("%w: %w", ended, err))
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	for {
		line, err := lines.ReadBytes('\n')
		var a answer
		if err == nil {
			err = json.Unmarshal(line, &a)
		}
		switch {
		case ctx.Err() != nil:
			return &exitError{exitInterrupted, errSilent}
		case err != nil:
			return usage(ended)
		case a.Done && a.Code == exitOK:
			return nil
		case a.Done && a.Says == "":
			return &exitError{a.Code, errSilent}
		case a.Done:
			return &exitError{a.Code, errors.New(a.Says)}
		}
		for _, v := range []struct {
			to   io.Writer
			text string
		}{{s.out, a.Out}, {s.err, a.Err}} {
			if _, err := io.WriteString(v.to, v.text); err != nil {
				return usage(err)
			}
		}
	}
}

// endTime is how long the end waits for those who asked.
const endTime = 5 * time.Second

// serve lets other processes ask this one, until stop is called. as is how this
// process calls itself.
func (b *bench) serve(as string) (stop func()) {
	path, err := socket(b.f.state)
	var ln net.Listener
	if err == nil {
		ln, err = listenAlone(path)
	}
	if err != nil {
		fmt.Fprintf(b.s.err, "dmwake: while %s runs, dmwake device list, show and sync cannot reach it: %v\n", as, err)
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	srv := lab.NewHTTPServer(http.HandlerFunc(b.answer))
	srv.BaseContext = func(net.Listener) context.Context { return ctx }
	srv.ReadTimeout, srv.WriteTimeout = 0, 0 // a session takes as long as its server does
	go srv.Serve(ln)                         //nolint:errcheck // ends with the command
	return func() {
		cancel() // what is under way ends with it
		limit, stop := context.WithTimeout(context.Background(), endTime)
		defer stop()
		if srv.Shutdown(limit) != nil {
			srv.Close()
		}
	}
}

// listenAlone listens at a socket that only this user can reach. This process has the
// file's lock, so a socket that is there was left by a process that was killed.
func listenAlone(path string) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil {
		if info.Mode().IsRegular() || info.IsDir() {
			return nil, fmt.Errorf("%s is in the way and is no socket", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	return listenPrivate(path)
}

// maxAsked bounds an errand: 200,000 DeviceIDs and more.
const maxAsked = 16 << 20

func (b *bench) answer(w http.ResponseWriter, r *http.Request) {
	out := &answers{w: w}
	var a errand
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAsked)).Decode(&a); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	flags := *b.f
	flags.verbose, flags.reveal, flags.faults = a.Verbose, a.Reveal, a.Faults
	guest := *b
	guest.host, guest.f, guest.closing = b, &flags, nil
	guest.s = &streams{out: answerStream{out, false}, err: answerStream{out, true}}
	guest.print = &printer{w: guest.s.out, verbose: a.Verbose, reveal: a.Reveal}
	end := answer{Done: true}
	err := guest.renew()
	if err == nil {
		err = guest.do(r.Context(), a)
	}
	if err != nil {
		end.Code, end.Says = exitUsage, err.Error()
		var e *exitError
		if errors.As(err, &e) {
			end.Code = e.code
		}
		if errors.Is(err, errSilent) {
			end.Says = ""
		}
	}
	out.put(end) //nolint:errcheck // the other side is gone
}

// renew takes the devices as they are in the file now, unless none come and go. Their
// places in the fleet are those that this process knows.
func (b *bench) renew() error {
	if b.host.syncs {
		return nil
	}
	at := map[string]int{}
	for _, r := range b.host.rows {
		at[r.id] = r.i
	}
	b.rows = nil
	err := b.store.Each(func(e fleet.Entry) error {
		d, err := b.stored(e)
		if err == nil {
			b.rows = append(b.rows, row{i: at[e.DeviceID], number: e.Number, id: e.DeviceID, name: d.Identity().Name, begun: e.Begun})
		}
		return err
	})
	if err != nil {
		return usage(err)
	}
	return nil
}

// answers writes an answer as it comes.
type answers struct {
	mu sync.Mutex
	w  http.ResponseWriter
}

func (a *answers) put(v answer) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := json.NewEncoder(a.w).Encode(v); err != nil {
		return err
	}
	return http.NewResponseController(a.w).Flush()
}

// answerStream is a stream of the process that asks.
type answerStream struct {
	to    *answers
	isErr bool
}

func (s answerStream) Write(p []byte) (int, error) {
	v := answer{Out: string(p)}
	if s.isErr {
		v = answer{Err: string(p)}
	}
	return len(p), s.to.put(v)
}
