package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/control"
	"github.com/dmwake/dmwake/fakewns/faults"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/fakewns/link"
	"github.com/dmwake/dmwake/harness/internal/testenv"
)

// labProcess is "dmwake lab" as a process of its own.
type labProcess struct {
	t    *testing.T
	cmd  *exec.Cmd
	api  *control.Client
	wns  string // address
	done chan error

	mu   sync.Mutex
	text strings.Builder
}

var labAddr = regexp.MustCompile(`(?m)^(fake WNS|control API) +https?://([0-9.:]+)`)

// startLab starts it on ports of the system's choice and waits until it is
// ready, or until the output says what ready says.
func startLab(t *testing.T, dir, ready string, args ...string) *labProcess {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	args = append([]string{"lab", "--wns-listen", "127.0.0.1:0", "--proxy", "127.0.0.1:0", "--control", "127.0.0.1:0", "--ca-dir", "ca"}, args...)
	p := &labProcess{t: t, cmd: command(ctx, dir, []string{"DMWAKE_PASSWORD=secret-1"}, args...), done: make(chan error, 1)}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stderr = p.cmd.Stdout
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	up := make(chan struct{})
	go func() {
		lines := bufio.NewScanner(out)
		seen := false
		for lines.Scan() {
			p.mu.Lock()
			fmt.Fprintln(&p.text, lines.Text())
			p.mu.Unlock()
			if !seen && strings.HasPrefix(lines.Text(), ready) {
				seen = true
				close(up)
			}
		}
		p.done <- p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Signal(os.Interrupt)
		<-p.done
		if t.Failed() {
			t.Log(p.output())
		}
	})
	select {
	case <-up:
	case err := <-p.done:
		t.Fatalf("the lab ended: %v\n%s", err, p.output())
	case <-time.After(time.Minute):
		t.Fatalf("the lab did not get ready:\n%s", p.output())
	}
	for _, m := range labAddr.FindAllStringSubmatch(p.output(), -1) {
		if m[1] == "fake WNS" {
			p.wns = m[2]
		} else {
			p.api = &control.Client{URL: "http://" + m[2]}
		}
	}
	return p
}

func (p *labProcess) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// kill ends it as a crash does.
func (p *labProcess) kill() {
	p.cmd.Process.Kill()
	<-p.done
}

func (p *labProcess) await(what string, ok func() bool) {
	p.t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(end) {
			p.t.Fatalf("never: %s\n%s", what, p.output())
		}
		if _, err := p.api.Now(p.t.Context()); err != nil { // a round trip, in place of a pause
			p.t.Fatal(err)
		}
	}
}

// TestLabOutlivesAKill: apps, channels, a cached notification, tokens and the
// journal are there again after kill -9, and the device gets what it missed.
func TestLabOutlivesAKill(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	first := startLab(t, dir, "ready", "--state", "lab.db")
	if info, err := os.Stat(filepath.Join(dir, "lab.db")); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("state file: %v %v", info, err)
	}
	app := fakewns.App{PFN: "my.app_8wekyb3d8bbwe", PackageSID: "ms-app://s-1-15-2-9", Secret: "s e c r e t"}
	if err := first.api.PutApp(ctx, app); err != nil {
		t.Fatal(err)
	}
	c, err := link.Dial(ctx, first.api.URL, link.Options{})
	if err != nil {
		t.Fatal(err)
	}
	uri, _, err := c.OpenChannel(ctx, "D1", app.PFN, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Close() // the device is away
	first.await("the device is away", func() bool {
		list, err := first.api.Channels(ctx, "D1")
		return err == nil && list[0].Connection == fakewns.Disconnected
	})
	push := func(want int, args ...string) string {
		cmd := command(ctx, dir, []string{"DMWAKE_WNS_SECRET=" + app.Secret}, append([]string{"push", "--ca-dir", "ca", "--sid", app.PackageSID, "--channel", uri}, args...)...)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != want {
			t.Fatalf("dmwake push exits with %d, want %d:\n%s", code, want, out)
		}
		return string(out)
	}
	if out := push(0, "--wns-listen", first.wns, "--payload", "while it was away"); !strings.Contains(out, "X-WNS-DeviceConnectionStatus: disconnected") {
		t.Errorf("push:\n%s", out)
	}
	before, err := first.api.Journal(ctx, nil)
	if err != nil || len(before) != 2 || before[1].Delivery != fakewns.Cached {
		t.Fatalf("journal: %v %v", before, err)
	}
	first.kill()

	second := startLab(t, dir, "ready", "--state", "lab.db")
	after, err := second.api.Journal(ctx, nil)
	if err != nil || len(after) != 2 || after[1].String() != before[1].String() {
		t.Fatalf("journal after the restart: %v %v", after, err)
	}
	woken := make(chan string, 1)
	if c, err = link.Dial(ctx, second.api.URL, link.Options{}); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if ok, err := c.Attach(ctx, uri, func(b []byte) { woken <- string(b) }); !ok || err != nil {
		t.Fatalf("the channel is not known any more: %v", err)
	}
	if got := <-woken; got != "while it was away" {
		t.Errorf("woken with %q", got)
	}
	second.await("the journal says so", func() bool {
		list, err := second.api.Journal(ctx, url.Values{"delivery": {"woken"}})
		return err == nil && len(list) == 1 && list[0].Seq == before[1].Seq
	})
	push(0, "--wns-listen", second.wns, "--payload", "and now")
	if got := <-woken; got != "and now" {
		t.Errorf("woken with %q", got)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "lab.db"))
	if err != nil || strings.Contains(string(raw), "Bearer EgA") {
		t.Errorf("a token is in the state file: %v", err)
	}
	other := command(ctx, dir, nil, "lab", "--state", "lab.db", "--wns-listen", "127.0.0.1:0", "--proxy", "127.0.0.1:0", "--control", "127.0.0.1:0")
	out, _ := other.CombinedOutput()
	if other.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "in use by another dmwake") {
		t.Errorf("a second lab on the same file: %s", out)
	}
}

// TestPushExplains: exit codes and the words for each answer.
func TestPushExplains(t *testing.T) {
	dir, ctx := t.TempDir(), t.Context()
	p := startLab(t, dir, "ready")
	cases := []struct {
		name  string
		fault string
		env   string
		args  []string
		code  int
		says  string
	}{
		{"received", "", "", nil, 0, "200 received"},
		{"dropped", "dropped", "", nil, 1, "thrown away"},
		{"throttled", "status=406,Retry-After=7", "", nil, 1, "Retry-After: 7"},
		{"revoked", "status=410", "", nil, 1, "set the PFN again in the next session"},
		{"wrong header", "", "", []string{"--header", "Content-Type: text/plain"}, 1, "not exactly application/octet-stream"},
		{"toast", "", "", []string{"--type", "wns/toast"}, 0, "200 received"},
		{"wrong secret", "", "DMWAKE_WNS_SECRET=x", nil, 1, "invalid_client"},
		{"redirect is not followed", "redirect", "", nil, 1, "Location: https://db3.notify.windows.com/"},
		{"reset", "reset", "", nil, 3, "no answer from"},
		{"no token but a page", "html on=token", "", nil, 1, "the body has no token"},
		{"unknown device", "", "", []string{"--device", "nobody"}, 3, "knows no channel"},
		{"old header only", "header-names=old", "", nil, 0, "200 received"},
	}
	for _, c := range cases {
		if c.fault != "" {
			rule, err := faults.Parse(c.fault)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.api.AddFault(ctx, rule); err != nil {
				t.Fatal(err)
			}
		}
		args := []string{"push", "--ca-dir", "ca", "--wns-listen", p.wns, "--control", p.api.URL, "--device", sampleDevice}
		cmd := command(ctx, dir, []string{c.env}, append(args, c.args...)...)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(strings.ReplaceAll(string(out), "threw the notification away", "thrown away"), c.says) {
			t.Errorf("%s: exit code %d, want %d and %q:\n%s", c.name, code, c.code, c.says, out)
		}
		if strings.Contains(string(out), "EgA") || strings.Contains(string(out), fakewns.DefaultApp.Secret) {
			t.Errorf("%s: a secret is shown:\n%s", c.name, out)
		}
		if err := p.api.RemoveFault(ctx, 0); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLabRunsAServer: a server that is started by the lab finds the fake WNS by
// its environment, and devices of a third process are woken over the link.
func TestLabRunsAServer(t *testing.T) {
	w := &workshop{t, t.TempDir(), testenv.Addr(t), testenv.Addr(t), "", ""}
	p := startLab(t, w.dir, "ready", "--", os.Args[0], "mdm", "--listen", w.devices, "--admin", w.admin, "--ca-dir", "ca")
	w.enroll("--count", "2")
	devices := w.list()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	run := command(ctx, w.dir, []string{"DMWAKE_PASSWORD=secret-1"}, "device", "run", "--link", p.api.URL)
	run.Cancel = func() error { return run.Process.Signal(os.Interrupt) }
	var text strings.Builder
	run.Stdout, run.Stderr = &text, &text
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	p.await("the devices have channels", func() bool {
		n := 0
		for _, d := range devices {
			list, err := p.api.Channels(ctx, d.DeviceID)
			if err == nil && len(list) > 0 && list[0].Connection == fakewns.Connected {
				n++
			}
		}
		return n == 2
	})
	p.await("a push leads to a session", func() bool {
		resp, err := http.Post("http://"+w.admin+"/devices/"+devices[0].DeviceID+"/push", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		list, err := p.api.Journal(ctx, url.Values{"delivery": {"woken"}, "device": {devices[0].DeviceID}})
		// Of several that came at once one led to the session.
		return err == nil && slices.ContainsFunc(list, func(e *fakewns.Entry) bool { return e.Session != "" })
	})
	cancel()
	if err := run.Wait(); err != nil && run.ProcessState.ExitCode() != 0 {
		t.Errorf("device run: %v\n%s", err, &text)
	}
	p.cmd.Process.Signal(os.Interrupt)
	if err := <-p.done; err != nil {
		t.Errorf("the lab ended with %v", err)
	}
	if !strings.Contains(p.output(), "led to session") {
		t.Error("the lab's own output does not tell")
	}
}

// TestLabCommand: what a command gets, in both ways, and its exit code.
func TestLabCommand(t *testing.T) {
	run := func(args ...string) (string, int) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := command(ctx, t.TempDir(), nil, append([]string{"lab", "--proxy", "127.0.0.1:0", "--control", "127.0.0.1:0", "--ca-dir", "ca"}, args...)...)
		out, err := cmd.CombinedOutput()
		var ended *exec.ExitError
		if err != nil && !errors.As(err, &ended) {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	if out, code := run("--wns-listen", "127.0.0.1:0", "--", "sh", "-c", "echo proxy=$HTTPS_PROXY ca=$(basename $NODE_EXTRA_CA_CERTS); exit 7"); code != 7 ||
		!regexp.MustCompile(`(?m)^proxy=http://127.0.0.1:\d+ ca=ca.pem$`).MatchString(out) {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if out, code := run("--wns-listen", "127.0.0.1:0", "--", "no-such-command-here"); code != 2 || !strings.Contains(out, "command no-such-command-here not found") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	// A command that does not trust the CA, or asks the proxy for another host, is
	// told what to do, once. The request after both shows that all was printed.
	const wrong = `for i in 1 2; do env -u CURL_CA_BUNDLE -u SSL_CERT_FILE curl -s https://login.live.com/; curl -s https://www.example.com/; done; curl -s https://login.live.com/accesstoken.srf; exit 0`
	if _, err := exec.LookPath("curl"); err != nil {
		t.Log("NOT RUN: curl is not on this machine")
	} else if out, _ := run("--wns-listen", "127.0.0.1:0", "--", "sh", "-c", wrong); strings.Count(out, "does not trust the certificate of login.live.com (") != 2+1 || // the summary
		!strings.Contains(out, "no request  2 × the sender does not trust") ||
		strings.Count(out, "to do:  let the server trust the lab's CA: SSL_CERT_FILE") != 1 || strings.Count(out, "to do:  if the server needs www.example.com:443") != 1 {
		t.Errorf("what a command that does not get through is told:\n%s", out)
	}
	if err := intercept.Supported(t.Context()); err != nil {
		t.Logf("NOT RUN with hosts: %v", err)
		return
	}
	out, code := run("--wns", "hosts", "--wns-listen", "127.44.3.2:443", "--", "sh", "-c", "getent hosts db5p.notify.windows.com login.live.com")
	if code != 0 || strings.Count(out, "\n127.44.3.2 ") < 2 {
		t.Errorf("exit code %d\n%s", code, out)
	}
}
