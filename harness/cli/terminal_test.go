package cli

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/internal/tty"
)

// narrow fails if a line is wider than the terminal was, unless it is for copying or a
// word of its own.
func narrow(t *testing.T, out string, columns int) {
	t.Helper()
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\r\n")
		text := strings.TrimPrefix(strings.TrimSpace(line), "# ")
		if n := len([]rune(line)); n > columns && strings.Contains(text, " ") && !strings.Contains(text, "export ") && !strings.Contains(text, "curl ") && !strings.HasPrefix(text, "-H ") && !strings.Contains(text, "dmwake ") {
			t.Errorf("a line of %d columns: %q", n, line)
		}
	}
}

// TestDeviceRunOnATerminal: a table of what the devices do, which follows pushes and the
// window's size, and leaves the terminal as it was.
func TestDeviceRunOnATerminal(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.enroll("--count", "8", "--name", "PC")
	all := w.list()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	v := tty.Start(t, 80, 24, command(ctx, w.dir, []string{"TERM=xterm"}, "device", "run", "--wns-listen", w.wns, "--proxy", w.proxy, "--ca-dir", "ca"))
	v.Await("a row for each device with its session", func(seen string) bool {
		return strings.Contains(seen, "device           state") && strings.Count(seen, "CSP, 2 commands") == 8 && strings.Contains(seen, "8 of 8 enrolled")
	})
	w.post("/devices/"+all[2].DeviceID+"/push", "")
	seen := v.Await("the push and its session", func(seen string) bool { return strings.Contains(seen, "push, ") && strings.Contains(seen, "1 push") })
	if !strings.Contains(seen, "  1  poll ") {
		t.Errorf("no row with one push, and what is next:\n%s", seen)
	}
	for _, line := range strings.Split(seen[strings.Index(seen, "device  "):], "\n") {
		if len([]rune(line)) > 79 {
			t.Errorf("a row of more than 79 columns: %q", line)
		}
	}
	v.Resize(60, 9)
	seen = v.Await("fewer rows", func(seen string) bool { return strings.Contains(seen, "and 3 more") })
	if !strings.Contains(seen, "push, ") {
		t.Errorf("the device with the newest session is not among the rows:\n%s", seen)
	}
	v.Interrupt()
	if code := v.End(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	v.Restored()
	if seen := v.Seen(); strings.Contains(seen, "device  ") || !strings.Contains(seen, "8 of 8 enrolled") {
		t.Errorf("after Ctrl-C:\n%s", seen)
	}
	if !strings.Contains(v.All(), "\x1b[1mdevice") {
		t.Error("the heading has no colour")
	}
}

// TestSuiteOnATerminal: colours, the progress with what runs, and nothing wider than the
// window. NO_COLOR takes the colours away and leaves the progress.
func TestSuiteOnATerminal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		env    []string
		colour bool
		live   bool
	}{{[]string{"TERM=xterm"}, true, true}, {[]string{"TERM=xterm", "NO_COLOR=1"}, false, true}, {[]string{"TERM=dumb"}, false, false}} {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		v := tty.Start(t, 70, 30, command(ctx, t.TempDir(), c.env, "test", "--only", "SES-01,PFN-01", "--mutant", "pfn-never", "--seed", "7"))
		code := v.End()
		out := v.All()
		if code != exitFailed {
			t.Errorf("%v: exit code %d\n%s", c.env, code, out)
		}
		if colour := strings.Contains(out, "\x1b[31mFAIL\x1b[0m"); colour != c.colour {
			t.Errorf("%v: colours: %v\n%q", c.env, colour, out)
		}
		if live := strings.Contains(out, "1 of 2") && strings.Contains(out, "running "); live != c.live {
			t.Errorf("%v: progress: %v\n%q", c.env, live, out)
		}
		if strings.Contains(v.Seen(), "running ") {
			t.Errorf("%v: the progress is left:\n%s", c.env, v.Seen())
		}
		v.Restored()
	}
}

// TestLabOnATerminal: a coloured verdict for each request, and a summary after Ctrl-C.
func TestLabOnATerminal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	v := tty.Start(t, 80, 60, command(ctx, dir, []string{"TERM=xterm"}, "lab", "--wns-listen", "127.0.0.1:0", "--proxy", "127.0.0.1:0", "--control", "127.0.0.1:0", "--ca-dir", "ca"))
	v.Await("the addresses", func(seen string) bool { return strings.Contains(seen, "ready; Ctrl-C") })
	addr := map[string]string{}
	for _, m := range labAddr.FindAllStringSubmatch(strings.ReplaceAll(v.All(), "\r", ""), -1) {
		addr[m[1]] = m[2]
	}
	for _, args := range [][]string{nil, {"--header", "Content-Type: text/plain"}} {
		cmd := command(ctx, dir, nil, append([]string{"push", "--ca-dir", "ca", "--wns-listen", addr["fake WNS"], "--control", "http://" + addr["control API"], "--device", sampleDevice}, args...)...)
		cmd.Run() // its exit codes are another test's
	}
	v.Await("the second notification", func(seen string) bool { return strings.Contains(seen, "#3") })
	v.Interrupt()
	if code := v.End(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	out := v.All()
	for _, want := range []string{"\x1b[32mok      \x1b[0m", "\x1b[31mBROKEN  \x1b[0m", "requests    4: 2 for tokens, 2 notifications", "verdicts    \x1b[32m3 ok\x1b[0m, \x1b[31m1 BROKEN\x1b[0m", "rules       broken: 1 × content-type"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%q", want, out)
		}
	}
	narrow(t, strings.NewReplacer("\x1b[32m", "", "\x1b[31m", "", "\x1b[0m", "").Replace(out), 80)
	v.Restored()
}
