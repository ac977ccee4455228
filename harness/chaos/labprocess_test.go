package chaos

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/control"
	"github.com/dmwake/dmwake/fakewns/link"
	"github.com/dmwake/dmwake/harness/internal/testenv"
)

// await is a condition with a generous limit.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

// lab is "dmwake lab --state", always at the same addresses.
type lab struct {
	t                *testing.T
	dir              string
	wnsAddr, ctlAddr string
	api              *control.Client
	cmd              *exec.Cmd
	done             chan error

	mu   sync.Mutex
	text strings.Builder
}

func newLab(t *testing.T, dir string) *lab {
	l := &lab{t: t, dir: dir, wnsAddr: testenv.Addr(t), ctlAddr: testenv.Addr(t)}
	l.api = &control.Client{URL: "http://" + l.ctlAddr}
	t.Cleanup(func() {
		if l.cmd != nil {
			l.kill()
		}
		if t.Failed() {
			_, after, _ := strings.Cut(l.output(), "\nready")
			t.Log(after)
		}
	})
	return l
}

func (l *lab) output() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start starts it and waits until it is ready.
func (l *lab) start(args ...string) {
	l.t.Helper()
	args = append([]string{"lab", "--wns", "direct", "--wns-listen", l.wnsAddr, "--control", l.ctlAddr, "--ca-dir", "ca", "--quiet"}, args...)
	l.cmd = exec.Command(binary(l.t), args...)
	l.cmd.Dir = l.dir
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	l.cmd.Stderr = l.cmd.Stdout
	if err := l.cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.mu.Lock()
	l.text.Reset()
	l.mu.Unlock()
	up, done := make(chan struct{}), make(chan error, 1)
	l.done = done
	cmd := l.cmd
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			l.mu.Lock()
			fmt.Fprintln(&l.text, lines.Text())
			l.mu.Unlock()
			if strings.HasPrefix(lines.Text(), "ready") {
				close(up)
			}
		}
		done <- cmd.Wait()
	}()
	select {
	case <-up:
	case err := <-done:
		l.cmd = nil
		l.t.Fatalf("the lab ended: %v\n%s", err, l.output())
	case <-time.After(time.Minute):
		l.t.Fatalf("the lab did not get ready:\n%s", l.output())
	}
}

// kill ends it as a crash does.
func (l *lab) kill() {
	l.cmd.Process.Kill()
	<-l.done
	l.cmd = nil
}

// stop ends it as a user does.
func (l *lab) stop(sig os.Signal) {
	l.t.Helper()
	l.cmd.Process.Signal(sig)
	select {
	case err := <-l.done:
		if err != nil {
			l.t.Errorf("the lab ended with %v:\n%s", err, l.output())
		}
	case <-time.After(time.Minute):
		l.t.Fatalf("the lab does not end:\n%s", l.output())
	}
	l.cmd = nil
}

// book is what became of each notification, by its payload.
type book struct {
	mu       sync.Mutex
	accepted map[string]bool
	refused  int // 503
	reason   string
	unknown  int // no answer came
	got      map[string]int
	told     map[string]fakewns.Delivery // by the journal: dropped, replaced, expired
	n        atomic.Int64
	taken    atomic.Int64 // len(accepted)
}

func newBook() *book {
	return &book{accepted: map[string]bool{}, got: map[string]int{}, told: map[string]fakewns.Delivery{}}
}

func (b *book) wake(payload []byte) {
	id, _, _ := strings.Cut(string(payload), " ")
	b.mu.Lock()
	b.got[id]++
	b.mu.Unlock()
}

// missing are the accepted notifications that nobody has and nobody told of.
func (b *book) missing() (ids []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id := range b.accepted {
		if b.got[id] == 0 && b.told[id] == "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// sum tells what became of all; both is the number that count twice.
func (b *book) sum() (accepted, delivered, told, both, again int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id := range b.accepted {
		if b.got[id] > 0 {
			delivered++
		}
		if b.told[id] != "" {
			told++
		}
		if b.got[id] > 0 && b.told[id] != "" {
			both++
		}
		again += max(0, b.got[id]-1)
	}
	return len(b.accepted), delivered, told, both, again
}

// senders push to the channels until stop is closed or the lab is gone.
type senders struct {
	wg   sync.WaitGroup
	stop chan struct{}
}

func (l *lab) token() string {
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"notify.windows.com"}, "client_id": {fakewns.DefaultApp.PackageSID}, "client_secret": {fakewns.DefaultApp.Secret}}
	c := client()
	defer c.CloseIdleConnections()
	resp, err := c.PostForm("https://"+l.wnsAddr+fakewns.TokenPath, form)
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || out.Token == "" {
		l.t.Fatalf("no token: %s %v", resp.Status, err)
	}
	return out.Token
}

func client() *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: 64}}
}

func (l *lab) send(b *book, token string, uris []string, size int) *senders {
	s := &senders{stop: make(chan struct{})}
	c := client()
	filler := strings.Repeat("x", size)
	for range 8 {
		s.wg.Go(func() {
			for {
				select {
				case <-s.stop:
					return
				default:
				}
				n := b.n.Add(1)
				id := fmt.Sprintf("n%d", n)
				req, err := http.NewRequest(http.MethodPost, uris[int(n)%len(uris)], strings.NewReader(id+" "+filler))
				if err != nil {
					l.t.Error(err)
					return
				}
				req.Header.Set("Authorization", "Bearer "+token)
				req.Header.Set("Content-Type", "application/octet-stream")
				req.Header.Set("X-WNS-Type", "wns/raw")
				if n%5 != 0 { // else it may be dropped, if the device is away
					req.Header.Set("X-WNS-Cache-Policy", "cache")
				} else {
					req.Header.Set("X-WNS-Cache-Policy", "no-cache")
				}
				resp, err := c.Do(req)
				if err != nil {
					b.mu.Lock()
					b.unknown++
					b.mu.Unlock()
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				b.mu.Lock()
				switch resp.StatusCode {
				case http.StatusOK:
					b.accepted[id] = true
					b.taken.Add(1)
					if resp.Header.Get("X-WNS-STATUS") == "dropped" {
						b.told[id] = fakewns.Dropped
					}
				case http.StatusServiceUnavailable:
					b.refused++
					b.reason = resp.Header.Get("X-WNS-ERROR-DESCRIPTION")
				default:
					l.t.Errorf("%s answered %d %v", id, resp.StatusCode, resp.Header)
				}
				b.mu.Unlock()
			}
		})
	}
	return s
}

// read takes over what the journal tells of notifications that came to nothing, and
// gives those that wait for their device.
func (l *lab) read(b *book) (waiting int) {
	l.t.Helper()
	list, err := l.api.Journal(l.t.Context(), nil)
	if err != nil {
		l.t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range list {
		id, _, _ := strings.Cut(string(e.Body), " ")
		switch e.Delivery {
		case fakewns.Dropped, fakewns.Replaced, fakewns.Expired:
			b.told[id] = e.Delivery
		case fakewns.Cached:
			waiting++
		default:
			delete(b.told, id)
		}
	}
	return waiting
}

// devices are devices of another process, over one link that outlives the lab.
func (l *lab) devices(b *book, n int) (*link.Client, []string) {
	c, err := link.Dial(l.t.Context(), l.api.URL, link.Options{Lost: func(uri string) { l.t.Errorf("the channel %s is lost", uri) }})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(c.Close)
	uris := make([]string, n)
	for i := range n {
		if uris[i], _, err = c.OpenChannel(l.t.Context(), fmt.Sprint("D", i), fakewns.DefaultApp.PFN, b.wake); err != nil {
			l.t.Fatal(err)
		}
	}
	return c, uris
}

// connected waits until all devices are within reach.
func (l *lab) connected(n int) {
	l.t.Helper()
	await(l.t, "all devices are connected", func() bool {
		list, err := l.api.Channels(l.t.Context(), "")
		up := 0
		for _, c := range list {
			if strings.HasPrefix(c.Device, "D") && c.Connection == fakewns.Connected {
				up++
			}
		}
		return err == nil && up == n
	})
}

func (l *lab) metric(name string) string {
	resp, err := http.Get(l.api.URL + "/metrics")
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if v, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return v
		}
	}
	return ""
}

// account checks that accepted = delivered + kept + told as dropped, when all that is
// kept has been delivered.
func (l *lab) account(b *book, what string) {
	l.t.Helper()
	end := time.Now().Add(30 * time.Second)
	for l.read(b) > 0 || len(b.missing()) > 0 {
		if time.Now().After(end) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	waiting, missing := l.read(b), b.missing()
	accepted, delivered, told, both, again := b.sum()
	if len(missing) > 0 || both > 0 || accepted != delivered+told || waiting > 0 {
		l.t.Errorf("%s: accepted %d = delivered %d + told as dropped %d - both %d + missing %d %.100v; %d wait", what, accepted, delivered, told, both, len(missing), missing, waiting)
	}
	if again > 0 {
		l.t.Errorf("%s: %d were delivered again", what, again)
	}
	l.t.Logf("%s: accepted %d = delivered %d + told as dropped %d; refused %d, without an answer %d, delivered again %d", what, accepted, delivered, told, b.refused, b.unknown, again)
}

// command runs dmwake to its end. It must say one sentence and no stack.
func command(t *testing.T, dir string, args ...string) (out string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary(t), args...)
	cmd.Dir = dir
	raw, _ := cmd.CombinedOutput()
	if bytes.Contains(raw, []byte("goroutine ")) || bytes.Contains(raw, []byte("panic")) || bytes.Contains(raw, []byte("SIGSEGV")) {
		t.Errorf("dmwake %v:\n%s", args, raw)
	}
	return string(raw), cmd.ProcessState.ExitCode()
}
