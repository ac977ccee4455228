package api_test

import (
	"bufio"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns/control"
	"github.com/dmwake/dmwake/fakewns/faults"
	"github.com/dmwake/dmwake/harness/devices"
	"github.com/dmwake/dmwake/harness/devices/api"
)

// TestWaits: a wait that begins before its event gets it; one whose device is deleted
// ends; what the last call ran itself does not count, and a wait in vain says so.
func TestWaits(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	d := r.enrolled(devices.Spec{IDs: devices.IDs{Name: "PC-WAIT"}})
	got := make(chan error, 1)
	wait := func(c devices.Condition) {
		go func() {
			_, err := r.Wait(r.ctx, d.ID, c)
			got <- err
		}()
	}
	wait(devices.Condition{For: "command", LocURI: policy, Verb: "Replace", Code: 200})
	r.queue(d.ID, "Replace", policy, "int", "9")
	if err := <-got; err != nil {
		t.Error(err)
	}
	must(r.Wait(r.ctx, d.ID, devices.Condition{For: "session", Origin: "push"}))(t) // the command's session may go on
	r.admin(http.MethodPost, "/devices/"+d.ID+"/commands", map[string]string{"verb": "Get", "locURI": policy, "format": "int"})
	s := must(r.Sync(r.ctx, d.ID, "login"))(t)
	if s.Origin != "login" || s.Number != 3 {
		t.Errorf("%+v", s)
	}
	fails(t, second(r.Wait(r.ctx, d.ID, devices.Condition{For: "command", Verb: "Get", LocURI: policy, Timeout: "20ms"})), http.StatusGatewayTimeout,
		"Get of "+policy+" did not come to PC-WAIT within 20ms", "nothing came", "session 3, which your last call ran itself, had it: give since", "No push reached the device", "/v1/journal?device="+d.ID)
	if w := must(r.Wait(r.ctx, d.ID, devices.Condition{For: "command", Verb: "Get", LocURI: policy, Since: &d.Mark}))(t); w.Event.Session != 3 || w.Event.Result != "9" {
		t.Errorf("%+v", w.Event)
	}
	r.queue(d.ID, "Get", "./DevDetail/SwV", "", "")
	must(r.Wait(r.ctx, d.ID, devices.Condition{For: "session"}))(t)
	fails(t, second(r.Wait(r.ctx, d.ID, devices.Condition{For: "command", Verb: "Replace", LocURI: policy, Timeout: "20ms"})), http.StatusGatewayTimeout,
		"Replace of "+policy+" did not come", ": a notification", "Get of ./DevDetail/SwV (200)", "session 4 by push")
	wait(devices.Condition{For: "effect", Effect: "lock"})
	list := must(r.Devices(r.ctx, devices.Filter{}))(t)
	if len(list) != 1 {
		t.Fatal(list)
	}
	if err := r.Delete(r.ctx, d.ID); err != nil {
		t.Fatal(err)
	}
	fails(t, <-got, http.StatusNotFound, "") // before the wait began, or while it waited
}

// TestServerGone: a server that does not answer, or is away, is told as what it is.
func TestServerGone(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	d, other := r.enrolled(devices.Spec{IDs: devices.IDs{Name: "PC-GONE"}}), must(r.Create(r.ctx, devices.Spec{Key: "ec"}))(t)
	r.front.CloseClientConnections()
	r.front.Close()
	fails(t, second(r.Enroll(r.ctx, other.ID, devices.Enrollment{})), http.StatusBadGateway, "is not enrolled", "connect")
	fails(t, second(r.Sync(r.ctx, d.ID, "")), http.StatusBadGateway, "session 2 of PC-GONE failed", "connect")
	if got := must(r.Device(r.ctx, d.ID, false))(t); got.Problem == "" || got.Last.Error == "" || got.State != "enrolled" {
		t.Errorf("%+v", got)
	}
	fails(t, second(r.Wait(r.ctx, d.ID, devices.Condition{For: "session", Timeout: "20ms"})), http.StatusGatewayTimeout, "a session did not come", "had it")
	fails(t, second(r.Unenroll(r.ctx, d.ID)), http.StatusBadGateway, "was not told")
	if got := must(r.Device(r.ctx, d.ID, false))(t); got.State != "unenrolled" {
		t.Errorf("%+v", got)
	}
}

// TestNamespaces: tests that run at the same time do not meet: each sees, disturbs and
// resets its own devices only.
func TestNamespaces(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	wns := &control.Client{URL: r.URL, HTTP: r.HTTP}
	clients := func(t *testing.T, space string, status int) {
		d := r.enrolled(devices.Spec{Namespace: space})
		if status != http.StatusOK {
			if _, err := wns.AddFault(r.ctx, faults.Rule{Fault: "status=410", Namespace: space}); err != nil {
				t.Error(err)
			}
		}
		if p, err := wns.Push(r.ctx, control.Push{Device: d.ID}); err != nil || p.Status != status {
			t.Errorf("%s: %+v %v", space, p, err)
		}
		if status == http.StatusOK {
			must(r.Wait(r.ctx, d.ID, devices.Condition{For: "session", Origin: "push"}))(t)
		}
		if list := must(r.Devices(r.ctx, devices.Filter{Namespace: space}))(t); len(list) != 1 || list[0].ID != d.ID {
			t.Errorf("%s: %+v", space, list)
		}
	}
	t.Run("side by side", func(t *testing.T) {
		t.Run("one", func(t *testing.T) { t.Parallel(); clients(t, "one", http.StatusOK) })
		t.Run("two", func(t *testing.T) { t.Parallel(); clients(t, "two", http.StatusGone) })
	})
	if list := must(r.Namespaces(r.ctx))(t); len(list) != 2 || list[0].Name != "one" || list[1].Devices != 1 {
		t.Errorf("%+v", list)
	}
	got := must(r.Reset(r.ctx, "two"))(t)
	if got != (api.Removed{Namespace: "two", Devices: 1, Channels: 1, Faults: 1, Journal: 1}) {
		t.Errorf("%+v", got)
	}
	if list := must(r.Devices(r.ctx, devices.Filter{}))(t); len(list) != 1 || list[0].Namespace != "one" {
		t.Errorf("%+v", list)
	}
	if status, body := r.raw(http.MethodGet, "/v1/journal?namespace=one&kind=notification", ""); status != 200 || !strings.Contains(body, `"seq"`) {
		t.Errorf("the other namespace's journal: %s", body)
	}
	must(wns.Advance(r.ctx, time.Hour))(t)
	if got := must(r.Reset(r.ctx, ""))(t); got.Devices != 1 || got.Channels != 1 || got.Journal == 0 || got.Clock != "1h0m0s" {
		t.Errorf("%+v", got)
	}
	if len(r.wns.Journal().Since(0, nil)) != 0 || r.wns.Settings().Offset != 0 || len(must(r.Devices(r.ctx, devices.Filter{}))(t)) != 0 {
		t.Error("the lab is not as it started")
	}
}

// TestStream: events arrive as they happen.
func TestStream(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	req := must(http.NewRequestWithContext(r.ctx, http.MethodGet, r.URL+"/v1/events/stream?namespace=s", nil))(t)
	resp := must(r.HTTP.Do(req))(t)
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Scan() // the comment that opens it
	must(r.Create(r.ctx, devices.Spec{Namespace: "other"}))(t)
	must(r.Create(r.ctx, devices.Spec{Namespace: "s", IDs: devices.IDs{Name: "PC-S"}}))(t)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			if !strings.Contains(data, `"kind":"created"`) || !strings.Contains(data, "PC-S") {
				t.Error(data)
			}
			return
		}
	}
	t.Error("no event came", lines.Err())
}

// TestThousand: an idle device costs no goroutine and little memory.
func TestThousand(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	var made atomic.Int64
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for range 1000 {
		if _, err := r.pool.Create(devices.Spec{Key: "ec"}); err != nil {
			t.Fatal(err)
		}
		made.Add(1)
	}
	began := time.Now()
	list := r.pool.List(devices.Filter{})
	t.Logf("%d devices, %d bytes of heap each, listed in %s, %d goroutines", made.Load(), (int64(heap())-int64(before))/made.Load(), time.Since(began), runtime.NumGoroutine())
	if len(list) != 1000 || runtime.NumGoroutine() > 500 {
		t.Errorf("%d devices, %d goroutines", len(list), runtime.NumGoroutine())
	}
}
