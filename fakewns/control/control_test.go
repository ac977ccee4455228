package control

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns/control/openapi"

	"github.com/gorilla/mux"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/faults"
	"github.com/dmwake/dmwake/harness/redact"
)

var device = "D0000000000000000000000000000001"

// desk is a push service with its control API on a real socket.
type desk struct {
	*Client
	wns   *fakewns.Server
	woken chan []byte
	srv   *httptest.Server
}

func newDesk(t *testing.T, opts Options) *desk {
	t.Helper()
	d := &desk{wns: fakewns.New(fakewns.Config{Seed: 1, SigningKey: []byte("k")}), woken: make(chan []byte, 100)}
	d.srv = httptest.NewServer(Handler(d.wns, opts))
	t.Cleanup(d.srv.Close)
	d.Client = &Client{URL: d.srv.URL, Token: opts.Token, HTTP: &http.Client{Transport: &openapi.Transport{T: t, Doc: openapi.Document(t, openAPI)}}}
	if _, _, err := d.wns.OpenChannel(t.Context(), device, fakewns.DefaultApp.PFN, func(b []byte) { d.woken <- b }); err != nil {
		t.Fatal(err)
	}
	return d
}

func fails(t *testing.T, err error, status int, text string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Status != status || !strings.Contains(e.Text, text) {
		t.Errorf("got %v, want %d %q", err, status, text)
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestApps(t *testing.T) {
	d, ctx := newDesk(t, Options{}), t.Context()
	apps := must(d.Apps(ctx))(t)
	if len(apps) != 1 || apps[0].PFN != fakewns.DefaultApp.PFN || apps[0].Secret != redact.Hidden {
		t.Fatalf("%+v", apps)
	}
	other := fakewns.App{PFN: "my.app_8wekyb3d8bbwe", PackageSID: "ms-app://s-1-15-2-7", Secret: "one"}
	if err := d.SetApps(ctx, append(apps, other)); err != nil { // the first keeps its secret
		t.Fatal(err)
	}
	if got := d.wns.Apps(); len(got) != 2 || got[0].Secret != fakewns.DefaultApp.Secret || got[1].Secret != "one" {
		t.Errorf("%+v", got)
	}
	other.Secret, other.Blocked = "", true
	if err := d.PutApp(ctx, other); err != nil {
		t.Fatal(err)
	}
	if got := d.wns.Apps()[1]; got.Secret != "one" || !got.Blocked {
		t.Errorf("%+v", got)
	}
	if err := d.DeleteApp(ctx, other.PFN); err != nil {
		t.Fatal(err)
	}
	fails(t, d.DeleteApp(ctx, other.PFN), 404, "unknown app")
	fails(t, d.PutApp(ctx, other), 400, "needs a secret")
	fails(t, d.SetApps(ctx, []fakewns.App{{PFN: "x", PackageSID: "ms-app://s", Secret: "s"}}), 400, "Name_PublisherHash")
	fails(t, d.SetApps(ctx, []fakewns.App{}), 400, "at least one app")
	fails(t, d.DeleteApp(ctx, fakewns.DefaultApp.PFN), 400, "at least one app")
	if len(d.wns.Apps()) != 1 {
		t.Error("a refused change was made")
	}
}

func TestChannelsAndPush(t *testing.T) {
	d, ctx := newDesk(t, Options{}), t.Context()
	list := must(d.Channels(ctx, device))(t)
	if len(list) != 1 || list[0].Connection != fakewns.Connected || !strings.Contains(list[0].URI, "token=AwY") {
		t.Fatalf("%+v", list)
	}
	pushed := must(d.Push(ctx, Push{Device: device}))(t)
	if pushed.Status != 200 || pushed.Headers["X-WNS-STATUS"] != "received" || pushed.Entry == nil || pushed.Entry.Delivery != fakewns.Woken {
		t.Errorf("%+v", pushed)
	}
	if got := string(<-d.woken); got != "dmwake" {
		t.Errorf("delivered %q", got)
	}
	if got := must(d.Push(ctx, Push{Channel: list[0].ID, Headers: map[string]string{"Content-Type": "text/plain"}}))(t); got.Status != 400 || len(got.Entry.Violations) == 0 {
		t.Errorf("a wrong header: %+v", got)
	}
	if err := d.SetConnection(ctx, device, fakewns.Disconnected); err != nil {
		t.Fatal(err)
	}
	if got := must(d.Push(ctx, Push{Device: device, Payload: "later"}))(t); got.Entry.Delivery != fakewns.Cached {
		t.Errorf("offline: %+v", got.Entry)
	}
	if got := must(d.Channels(ctx, device))(t)[0]; !got.Cached || got.Connection != fakewns.Disconnected {
		t.Errorf("%+v", got)
	}
	if err := d.SetConnection(ctx, device, fakewns.Connected); err != nil {
		t.Fatal(err)
	}
	if got := string(<-d.woken); got != "later" {
		t.Errorf("delivered %q", got)
	}

	own := must(d.OpenChannel(ctx, "nobody", fakewns.DefaultApp.PFN))(t)
	for _, step := range []struct {
		do     func(context.Context, string) error
		status int
	}{{d.ExpireChannel, 410}, {d.RevokeChannel, 410}} {
		if err := step.do(ctx, own.ID); err != nil {
			t.Fatal(err)
		}
		if got := must(d.Push(ctx, Push{Channel: own.ID}))(t).Status; got != step.status {
			t.Errorf("answered %d, want %d", got, step.status)
		}
	}
	if err := d.ForgetChannel(ctx, own.ID); err != nil {
		t.Fatal(err)
	}
	fails(t, d.ForgetChannel(ctx, own.ID), 404, "unknown channel")
	_, err := d.Push(ctx, Push{Channel: own.ID})
	fails(t, err, 404, "unknown channel")
	_, err = d.Push(ctx, Push{})
	fails(t, err, 400, "either device or channel")
	_, err = d.Push(ctx, Push{Device: "stranger"})
	fails(t, err, 404, "has no channel")
	_, err = d.OpenChannel(ctx, "x", "unknown.app_8wekyb3d8bbwe")
	fails(t, err, 409, "unknown")
	fails(t, d.SetConnection(ctx, "x", "asleep"), 400, "known states: connected")

	raw := must(http.Get(d.srv.URL + "/v1/channels"))(t)
	defer raw.Body.Close()
	text, _ := io.ReadAll(raw.Body)
	if strings.Contains(string(text), "token=AwY") || !strings.Contains(string(text), redact.Hidden) {
		t.Errorf("a channel's secret is shown: %s", text)
	}
}

func TestFaultsClockTokens(t *testing.T) {
	d, ctx := newDesk(t, Options{}), t.Context()
	f := must(d.AddFault(ctx, faults.Rule{Fault: "status=503", Device: device, For: "10m"}))(t)
	if got := must(d.Push(ctx, Push{Device: device}))(t).Status; got != 503 {
		t.Errorf("under the fault: %d", got)
	}
	if list := must(d.Faults(ctx))(t); len(list) != 1 || list[0].Hits != 1 || list[0].ID != f.ID {
		t.Errorf("%+v", list)
	}
	before := must(d.Now(ctx))(t)
	if now := must(d.Advance(ctx, 10*time.Minute))(t); now.Sub(before) < 10*time.Minute {
		t.Errorf("the clock went from %v to %v", before, now)
	}
	if got := must(d.Push(ctx, Push{Device: device}))(t).Status; got != 200 {
		t.Errorf("after its window: %d", got)
	}
	if err := d.RemoveFault(ctx, f.ID); err != nil {
		t.Fatal(err)
	}
	fails(t, d.RemoveFault(ctx, f.ID), 404, "unknown fault")
	must(d.AddFault(ctx, faults.Rule{Fault: "lost"}))(t)
	if err := d.RemoveFault(ctx, 0); err != nil || len(d.wns.Faults()) != 0 {
		t.Errorf("%v %v", err, d.wns.Faults())
	}
	_, err := d.AddFault(ctx, faults.Rule{Fault: "gremlins"})
	fails(t, err, 400, "known faults: appthrottled, bad-headers")
	_, err = d.Advance(ctx, -time.Hour)
	fails(t, err, 400, "not a positive duration")
	if kinds := must(d.FaultKinds(ctx))(t); len(kinds) != len(faults.All()) {
		t.Errorf("%d kinds", len(kinds))
	}
	if err := d.RevokeTokens(ctx); err != nil {
		t.Fatal(err)
	}
	if s := must(d.Stats(ctx))(t); s.Notifications[200] != 1 || s.Notifications[503] != 1 || s.Deliveries[fakewns.Woken] != 1 || s.Channels != 1 {
		t.Errorf("%+v", s)
	}
}

func TestJournal(t *testing.T) {
	d, ctx := newDesk(t, Options{}), t.Context()
	opened := make(chan struct{})
	stream := make(chan *fakewns.Entry, 10)
	sctx, stop := context.WithCancel(ctx)
	ended := make(chan error)
	go func() {
		ended <- d.Stream(sctx, url.Values{"device": {device}}, func() { close(opened) }, func(e *fakewns.Entry) error { stream <- e; return nil })
	}()
	<-opened
	must(d.Push(ctx, Push{Device: device, Payload: "one"}))(t)
	must(d.Push(ctx, Push{Device: device, Payload: "two", Headers: map[string]string{"Content-Type": "text/plain"}}))(t)
	want := []struct{ body, session string }{{"one", ""}, {"two", ""}, {"one", "17"}}
	for i, w := range want {
		if i == 2 { // an entry that was not streamed yet would have it at once
			d.wns.Led(device, "17")
		}
		if e := <-stream; string(e.Body) != w.body || e.Session != w.session {
			t.Errorf("streamed %s %q, want %v", e.Body, e.Session, w)
		}
	}
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the stream ended with %v", err)
	}
	for query, n := range map[string]int{
		"": 2, "kind=token": 0, "kind=notification": 2, "device=" + device: 2, "device=x": 0, "status=400": 1, "delivery=woken": 1, "since=1": 1,
		"limit=1": 1, "violated=content-type": 1, "violated=size": 0, "app=" + fakewns.DefaultApp.PFN: 2, "channel=" + must(d.Channels(ctx, device))(t)[0].ID: 2, "fault=x": 0,
	} {
		q, _ := url.ParseQuery(query)
		if got := len(must(d.Journal(ctx, q))(t)); got != n {
			t.Errorf("%s: %d entries, want %d", query, got, n)
		}
	}
	for _, bad := range []string{"colour=red", "status=x", "since=-1"} {
		q, _ := url.ParseQuery(bad)
		if _, err := d.Journal(ctx, q); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
	req, _ := http.NewRequest(http.MethodGet, d.srv.URL+"/v1/journal", nil)
	req.Header.Set("Accept", "application/x-ndjson")
	resp := must(http.DefaultClient.Do(req))(t)
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != 2 || resp.Header.Get("Content-Type") != "application/x-ndjson" {
		t.Errorf("%d lines: %s", len(lines), text)
	}
	for _, secret := range []string{"Bearer EgA", "token=AwY" + must(url.Parse(must(d.Channels(ctx, device))(t)[0].URI))(t).Query().Get("token")[3:]} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the journal shows %s", secret)
		}
	}
	if err := d.ClearJournal(ctx); err != nil || len(must(d.Journal(ctx, nil))(t)) != 0 {
		t.Errorf("not cleared: %v", err)
	}
	must(d.Push(ctx, Push{Device: device}))(t)
	if list := must(d.Journal(ctx, nil))(t); len(list) != 1 || list[0].Seq != 2 {
		t.Errorf("after clearing: %v", list)
	}
}

// TestDocument: every route is in openapi.yaml and everything in it is a
// route.
func TestDocument(t *testing.T) {
	doc := openapi.Document(t, openAPI)
	var described, served []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	r := routes(&api{fakewns.New(fakewns.Config{}), Options{Link: http.NotFoundHandler()}})
	err := r.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := route.GetPathTemplate()
		if err != nil {
			return err
		}
		methods, err := route.GetMethods()
		if err != nil {
			return err
		}
		for _, m := range methods {
			served = append(served, m+" "+strings.ReplaceAll(path, ":[0-9]+", ""))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(described)
	slices.Sort(served)
	if !slices.Equal(described, served) {
		t.Errorf("openapi.yaml and the routes differ:\n%q\n%q", described, served)
	}
}

// TestMetrics: what Prometheus reads.
func TestMetrics(t *testing.T) {
	d, ctx := newDesk(t, Options{}), t.Context()
	must(d.Push(ctx, Push{Device: device}))(t)
	must(d.AddFault(ctx, faults.Rule{Fault: "status=500"}))(t)
	must(d.Push(ctx, Push{Device: device}))(t)
	resp := must(http.Get(d.srv.URL + "/metrics"))(t)
	defer resp.Body.Close()
	raw, _ := io.ReadAll(resp.Body)
	for _, want := range []string{
		`dmwake_wns_requests_total{kind="notification",status="200"} 1`, `dmwake_wns_requests_total{kind="notification",status="500"} 1`,
		`dmwake_wns_deliveries_total{outcome="woken"} 1`, `dmwake_wns_channels{state="open"} 1`, `dmwake_wns_fault_hits_total{fault="status=500"} 1`,
		`dmwake_wns_faults 1`, `dmwake_wns_journal_entries_total 2`, "go_goroutines ",
	} {
		if !strings.Contains(string(raw), want+"\n") && !strings.Contains(string(raw), "\n"+want) {
			t.Errorf("%s is missing in:\n%s", want, raw)
		}
	}
}

func FuzzAPI(f *testing.F) {
	f.Add("POST", "/v1/push", "", []byte(`{"device":"d","headers":{"X-WNS-Type":"wns/toast"}}`))
	f.Add("POST", "/v1/faults", "", []byte(`{"fault":"status=503,A=b","times":1}`))
	f.Add("PUT", "/v1/apps", "", []byte(`[{"pfn":"a.b.c_8wekyb3d8bbwe","packageSID":"ms-app://s","secret":"x"}]`))
	f.Add("GET", "/v1/journal", "status=200&limit=3&since=1", []byte{})
	f.Add("POST", "/v1/clock", "", []byte(`{"advance":"1h"}`))
	f.Fuzz(func(t *testing.T, method, path, query string, body []byte) {
		if strings.Contains(path, "stream") {
			return // it does not end
		}
		s := fakewns.New(fakewns.Config{SigningKey: []byte("k")})
		if _, _, err := s.OpenChannel(context.Background(), "d", fakewns.DefaultApp.PFN, nil); err != nil {
			t.Fatal(err)
		}
		r := &http.Request{Method: method, URL: &url.URL{Path: path, RawQuery: query}, Host: "localhost", Header: http.Header{},
			Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body))}
		w := httptest.NewRecorder()
		Handler(s, Options{}).ServeHTTP(w, r)
		if w.Code < 200 || w.Code > 499 {
			t.Fatalf("%s %s: answered %d: %s", method, path, w.Code, w.Body)
		}
		if len(s.Apps()) == 0 {
			t.Fatal("no app is left")
		}
	})
}
