package chaos

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/control"
	"github.com/dmwake/dmwake/fakewns/faults"
	"github.com/dmwake/dmwake/fakewns/link"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
)

// scene is every API at once, over real sockets, in this process, where the race
// detector sees all of it.
type scene struct {
	t     *testing.T
	wns   *fakewns.Local
	links *link.Server
	api   *control.Client
	admin string
	ids   []string // of enrolled devices
	fault atomic.Bool
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, wns: fakewns.NewServer(fakewns.Config{Seed: 1, JournalSize: 200, JournalBytes: 1 << 20})}
	t.Cleanup(s.wns.Close)
	s.links = link.NewServer(s.wns.Server, nil)
	api := httptest.NewServer(control.Handler(s.wns.Server, control.Options{Link: s.links}))
	t.Cleanup(api.Close)
	t.Cleanup(s.links.Close)
	s.api = &control.Client{URL: api.URL}

	front := httptest.NewUnstartedServer(nil)
	base := "https://" + front.Listener.Addr().String()
	app := fakewns.DefaultApp
	mdm, err := mdmserver.New(mdmserver.Config{BaseURL: base, Username: "demo@mdm.example", Password: "demo", PFN: app.PFN, PackageSID: app.PackageSID, Secret: app.Secret,
		TokenURL: s.wns.TokenURL, HTTP: s.wns.Client(), ChannelHosts: []string{".notify.windows.com"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mdm.Close)
	front.Config.Handler, front.TLS = mdm, mdm.TLS(&tls.Config{MinVersion: tls.VersionTLS12})
	front.StartTLS()
	t.Cleanup(front.Close)
	admin := httptest.NewServer(mdm.Admin(""))
	t.Cleanup(admin.Close)
	s.admin = admin.URL
	devices, err := link.Dial(t.Context(), api.URL, link.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(devices.Close)
	roots := front.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs //nolint:forcetypeassert // httptest made it
	for range 2 {
		d, err := dmclient.New(dmclient.Config{Discovery: base + mdmserver.DiscoveryPath, Username: "demo@mdm.example", Password: "demo", Roots: roots, WNS: devices})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(d.Close)
		if err := d.Enroll(t.Context(), dmclient.EnrollOptions{PlainCSR: true}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Sync(t.Context(), dmclient.SyncOptions{}); err != nil {
			t.Fatal(err)
		}
		s.ids = append(s.ids, d.Identity().DeviceID)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			d.Run(ctx) // ends with the test
		}()
		t.Cleanup(func() { cancel(); <-done })
	}
	return s
}

// request sends one and reports an answer that is the server's own failure.
func (s *scene) request(client *http.Client, method, to, body string, header map[string]string) {
	req, err := http.NewRequestWithContext(s.t.Context(), method, to, strings.NewReader(body))
	if err != nil {
		s.t.Error(err)
		return
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := client.Do(req)
	if err != nil {
		s.t.Errorf("%s %s: %v", method, req.URL.Path, err)
		return
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	if resp.StatusCode >= 500 && !s.fault.Load() {
		s.t.Errorf("%s %s: %s", method, req.URL.Path, resp.Status)
	}
}

// control does what a test does with the control API. An error reply is fine: others
// change the same things.
func (s *scene) control(i int) {
	ctx, device := s.t.Context(), fmt.Sprintf("D%d", i%7)
	var err error
	switch i % 16 {
	case 0:
		_, err = s.api.Apps(ctx)
	case 1:
		err = s.api.PutApp(ctx, fakewns.App{PFN: fakewns.DefaultApp.PFN, PackageSID: fakewns.DefaultApp.PackageSID, Secret: fakewns.DefaultApp.Secret})
	case 2, 3:
		_, err = s.api.OpenChannel(ctx, device, fakewns.DefaultApp.PFN)
	case 4:
		_, err = s.api.Channels(ctx, "")
	case 5, 6:
		list, _ := s.api.Channels(ctx, device)
		for k, c := range list {
			if err = s.api.RevokeChannel(ctx, c.ID); k%2 == 0 {
				err = s.api.ForgetChannel(ctx, c.ID)
			}
		}
	case 7:
		err = s.api.SetConnection(ctx, device, []fakewns.Connection{fakewns.Connected, fakewns.Disconnected}[i/16%2])
	case 8:
		err = s.api.RevokeTokens(ctx)
	case 9:
		s.fault.Store(true)
		_, err = s.api.AddFault(ctx, faults.Rule{Fault: "status=503", Times: 2})
	case 10:
		err = s.api.RemoveFault(ctx, 0)
	case 11:
		_, err = s.api.Advance(ctx, time.Second)
	case 12:
		_, err = s.api.Journal(ctx, url.Values{"kind": {"notification"}})
	case 13:
		if i%48 == 13 {
			err = s.api.ClearJournal(ctx)
		}
		s.request(http.DefaultClient, http.MethodGet, s.api.URL+"/metrics", "", nil)
	case 14:
		_, err = s.api.Push(ctx, control.Push{Device: device})
	case 15:
		read, cancel := context.WithCancel(ctx)
		err = s.api.Stream(read, nil, cancel, func(*fakewns.Entry) error { return nil })
		cancel()
	}
	var reply *control.Error
	if err != nil && !errors.As(err, &reply) && !errors.Is(err, context.Canceled) {
		s.t.Errorf("control %d: %v", i%16, err)
	}
}

// operate is what the operator of the reference server does.
func (s *scene) operate(i int) {
	id := s.ids[i%len(s.ids)]
	switch i % 5 {
	case 0:
		s.request(http.DefaultClient, http.MethodGet, s.admin+"/devices", "", nil)
	case 1:
		s.request(http.DefaultClient, http.MethodGet, s.admin+"/devices/"+id, "", nil)
	case 2, 3:
		s.request(http.DefaultClient, http.MethodPost, s.admin+"/devices/"+id+"/commands", `{"verb":"Get","locURI":"./DevInfo/Man"}`, nil)
	case 4:
		s.request(http.DefaultClient, http.MethodPost, s.admin+"/devices/"+id+"/push", "", nil)
	}
}

// linked is a process with devices: it connects, breaks and comes back.
func (s *scene) linked(i int) {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	c, err := link.Dial(ctx, s.api.URL, link.Options{})
	if err != nil {
		s.t.Errorf("link: %v", err)
		return
	}
	defer c.Close()
	device := fmt.Sprintf("L%d", i) // one that was disconnected opens no channel
	uri, _, err := c.OpenChannel(ctx, device, fakewns.DefaultApp.PFN, func([]byte) {})
	if err != nil {
		s.t.Errorf("link: %v", err)
		return
	}
	c.Led(device, "1")
	c.SetConnected(device, i%2 == 0)
	if i%3 == 0 {
		c.Cut()
		s.links.Cut()
	}
	if _, err := c.Attach(ctx, uri, func([]byte) {}); err != nil {
		s.t.Errorf("attach: %v", err)
	}
	c.CloseChannel(uri)
}

// send is what senders and strangers send to WNS.
func (s *scene) send(i int) {
	client, form := s.wns.Client(), map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	switch i % 4 {
	case 0:
		s.request(client, http.MethodPost, s.wns.TokenURL, "grant_type=client_credentials&scope=notify.windows.com&client_id="+
			url.QueryEscape(fakewns.DefaultApp.PackageSID)+"&client_secret="+url.QueryEscape(fakewns.DefaultApp.Secret), form)
	case 1:
		s.request(client, http.MethodPost, s.wns.URL+"/?token=stranger", "x", nil)
	case 2:
		many := map[string]string{"X-WNS-Type": "wns/raw"}
		for k := range 300 {
			many[fmt.Sprintf("X-%d", k)] = ""
		}
		s.request(client, http.MethodPost, s.wns.URL+"/?token=stranger", "x", many)
	case 3:
		for k, c := range s.wns.Channels(fmt.Sprintf("D%d", i%7)) {
			if k == 0 {
				s.wns.Push(s.t.Context(), c, "wns/raw", []byte("x"), nil) // the channel may be gone
			}
		}
	}
	client.CloseIdleConnections()
}

// TestRace: all APIs at once, in turn by several hands, under the race detector (make
// ci; without it, this shows that nothing deadlocks or fails). What must work before
// works afterwards, and the journal kept its bounds.
func TestRace(t *testing.T) {
	s := newScene(t)
	n := 48
	if *full {
		n = 3000
	}
	var all sync.WaitGroup
	for _, f := range []func(int){s.control, s.control, s.operate, s.send, s.send, s.linked} {
		all.Go(func() {
			for i := range n {
				f(i)
			}
		})
	}
	all.Wait()
	ctx := t.Context()
	if err := s.api.RemoveFault(ctx, 0); err != nil {
		t.Fatal(err)
	}
	woken := make(chan []byte, 1)
	if _, _, err := s.wns.OpenChannel(ctx, "last", fakewns.DefaultApp.PFN, func(b []byte) { woken <- b }); err != nil {
		t.Fatal(err)
	}
	if p, err := s.api.Push(ctx, control.Push{Device: "last", Payload: "awake"}); err != nil || p.Status != http.StatusOK {
		t.Fatalf("%+v %v", p, err)
	}
	select {
	case b := <-woken:
		if string(b) != "awake" {
			t.Errorf("woken by %q", b)
		}
	case <-time.After(time.Minute):
		t.Error("a push does not wake any more")
	}
	if st := s.wns.Stats(); st.JournalBytes > 1<<20 || st.Journal < uint64(n) {
		t.Errorf("the journal holds %d bytes, of %d entries in all", st.JournalBytes, st.Journal)
	}
}
