package api_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/devices"
	"github.com/dmwake/dmwake/harness/devices/client"
)

const policy = "./Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength"

// fails reports whether err is that error reply.
func fails(t *testing.T, err error, status int, text ...string) *client.Error {
	t.Helper()
	var e *client.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want %d", err, status)
	}
	for _, want := range text {
		if e.Status != status || !strings.Contains(e.ErrorReply.Error, want) {
			t.Errorf("got %v, want %d %q", err, status, want)
		}
	}
	return e
}

// TestLife: what a test does with a device, from its creation to its end: the server
// pushes through the fake WNS, the command arrives, the tree and the effects show it.
func TestLife(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	d := must(r.Create(r.ctx, devices.Spec{Key: "ec", Labels: map[string]string{"test": "life"}, IDs: devices.IDs{Name: "PC-LIFE", Serial: "S1"}}))(t)
	if d.State != "not enrolled" || d.Namespace != "default" || d.Name != "PC-LIFE" || d.IDs.Serial != "S1" || d.Profile != "win11" {
		t.Errorf("%+v", d)
	}
	fails(t, second(r.Sync(r.ctx, d.ID, "")), http.StatusConflict, "PC-LIFE is not enrolled", "/enroll")
	d = must(r.Enroll(r.ctx, "pc-life", devices.Enrollment{}))(t)
	if d.State != "enrolled" || d.Sessions != 1 || d.Last == nil || d.Last.Origin != "enrollment" || len(d.Last.Commands) == 0 || d.Problem != "" || d.Next == nil {
		t.Fatalf("%+v", d)
	}
	if d.Push.PFN != fakewns.DefaultApp.PFN || !strings.Contains(d.Push.URI, "[redacted]") || d.Push.Status != "0" {
		t.Errorf("push: %+v", d.Push)
	}
	if shown := must(r.Device(r.ctx, d.ID, true))(t); strings.Contains(shown.Push.URI, "[redacted]") || shown.Push.URI == "" {
		t.Errorf("not revealed: %s", shown.Push.URI)
	}
	if e := fails(t, second(r.Enroll(r.ctx, d.ID, devices.Enrollment{})), http.StatusConflict, "again"); e.Code != "0x8018000a" {
		t.Errorf("code %q", e.Code)
	}
	must(r.Wait(r.ctx, d.ID, devices.Condition{For: "channel"}))(t)

	// The session may be over before the wait begins.
	r.queue(d.ID, "Replace", policy, "int", "8")
	w := must(r.Wait(r.ctx, d.ID, devices.Condition{For: "command", Verb: "replace", LocURI: "devicelock/mindevicepasswordlength"}))(t)
	if w.Event == nil || w.Event.Code != 200 || w.Event.Data != "8" || w.Event.Origin != "push" || w.Device.Woken != 1 {
		t.Errorf("%+v %+v", w.Event, w.Device)
	}
	s := must(r.Wait(r.ctx, d.ID, devices.Condition{For: "session", Origin: "push"}))(t)
	if s.Session == nil || s.Session.Number != w.Event.Session || s.Event.Seq <= w.Event.Seq {
		t.Errorf("%+v", s)
	}
	must(r.Wait(r.ctx, d.ID, devices.Condition{For: "notification"}))(t)
	// Asked again, each question has had its answer.
	e := fails(t, second(r.Wait(r.ctx, d.ID, devices.Condition{For: "notification", Timeout: "50ms"})), http.StatusGatewayTimeout, "a notification did not come to PC-LIFE within 50ms")
	if e.Mark == 0 {
		t.Errorf("%+v", e)
	}
	// With a mark it is found again.
	again := must(r.Wait(r.ctx, d.ID, devices.Condition{For: "command", LocURI: policy, Since: &d.Mark}))(t)
	if again.Event.Seq != w.Event.Seq {
		t.Errorf("event %d, want %d", again.Event.Seq, w.Event.Seq)
	}

	nodes := must(r.Tree(r.ctx, d.ID, policy, false))(t)
	if len(nodes) != 1 || nodes[0].Data != "8" || !nodes[0].Leaf {
		t.Errorf("%+v", nodes)
	}
	if all := must(r.Tree(r.ctx, d.ID, "./Vendor/MSFT/Policy", false))(t); len(all) < 3 {
		t.Errorf("the subtree: %+v", all)
	}
	if got := must(r.Effects(r.ctx, d.ID, false))(t); !slices.Contains(got.Policies, "DeviceLock/MinDevicePasswordLength=8") {
		t.Errorf("%+v", got)
	}
	last := must(r.Session(r.ctx, d.ID, 0, false))(t)
	if last.Number != s.Session.Number || len(last.Exchanges) == 0 || !strings.Contains(last.Exchanges[0].Request, "<SyncML") || !strings.Contains(last.Exchanges[0].Response, "MinDevicePasswordLength") {
		t.Errorf("%+v", last)
	}
	if list := must(r.Sessions(r.ctx, d.ID, false))(t); len(list) != 2 || list[0].Exchanges != nil || list[0].Origin != "enrollment" {
		t.Errorf("%+v", list)
	}
	ex := must(r.Enrollment(r.ctx, d.ID, false))(t)
	if len(ex) < 4 || strings.Contains(ex[len(ex)-1].Request, ">demo<") || !strings.Contains(ex[len(ex)-1].Request, "RequestSecurityToken") {
		t.Errorf("%d exchanges", len(ex))
	}

	r.queue(d.ID, "Exec", "./Vendor/MSFT/RemoteWipe/doWipe", "chr", "")
	w = must(r.Wait(r.ctx, d.ID, devices.Condition{For: "state", State: "wiped"}))(t)
	if w.Device.State != "wiped" || must(r.Effects(r.ctx, d.ID, false))(t).Wiped == "" {
		t.Errorf("%+v", w.Device)
	}
	must(r.Enroll(r.ctx, d.ID, devices.Enrollment{}))(t) // a wiped device can enroll anew
	if got := must(r.Unenroll(r.ctx, d.ID))(t); got.Error != "" {
		t.Errorf("%+v", got)
	}
	if got := must(r.Device(r.ctx, d.ID, false))(t); got.State != "unenrolled" {
		t.Errorf("%+v", got)
	}
	if err := r.Delete(r.ctx, d.ID); err != nil {
		t.Fatal(err)
	}
	fails(t, second(r.Device(r.ctx, d.ID, false)), http.StatusNotFound, "no device", "/v1/devices")
	if len(r.wns.Channels(d.ID)) != 0 {
		t.Error("the deleted device has a channel")
	}
	kinds := []devices.Kind{}
	for _, e := range must(r.Events(r.ctx, 0, nil))(t).Events {
		if !slices.Contains(kinds, e.Kind) {
			kinds = append(kinds, e.Kind)
		}
	}
	for _, want := range []devices.Kind{devices.Created, devices.Enrolled, devices.Entered, devices.Began, devices.Executed, devices.Ended, devices.Notification, devices.Effected, devices.Removed} {
		if !slices.Contains(kinds, want) {
			t.Errorf("no event %s in %v", want, kinds)
		}
	}
}

// second is the error of a call.
func second[T any](_ T, err error) error { return err }

// TestSet: a device is changed from within, and all or nothing of a change is done.
func TestSet(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	d := r.enrolled(devices.Spec{Faults: []string{"slow=1ms"}, Clock: "-10m"})
	if d.Clock.Offset != "-10m0s" || !slices.Equal(d.Faults, []string{"slow=1ms"}) {
		t.Errorf("%+v", d)
	}
	yes, clock, none, labels := true, "48h", []string{}, map[string]string{"a": "b"}
	d = must(r.Set(r.ctx, d.ID, devices.Change{Offline: &yes, Clock: &clock, Faults: &none, Labels: &labels, Quirks: []string{"-never-renews", "alert-1200"}}))(t)
	if d.Power != "off" || d.Clock.Offset != "48h0m0s" || len(d.Faults) != 0 || d.Labels["a"] != "b" || !slices.Contains(d.Quirks, "alert-1200") {
		t.Errorf("%+v", d)
	}
	// Two days later a poll is due, which needs no network of WNS.
	must(r.Wait(r.ctx, d.ID, devices.Condition{For: "session", Origin: "schedule"}))(t)
	e := fails(t, second(r.Wait(r.ctx, d.ID, devices.Condition{For: "notification", Timeout: "20ms"})), http.StatusGatewayTimeout, "a notification did not come", "power is off")
	if len(e.Came) == 0 {
		t.Errorf("%+v", e)
	}
	bad, off := "sideways", []string{"slow=2ms"}
	fails(t, second(r.Set(r.ctx, d.ID, devices.Change{Power: &bad, Faults: &off})), 400, "power \"sideways\"", "normal, saver")
	if got := must(r.Device(r.ctx, d.ID, false))(t); len(got.Faults) != 0 {
		t.Errorf("a refused change was made: %v", got.Faults)
	}
	if n := must(r.SetNode(r.ctx, d.ID, "./DevDetail/Ext/Microsoft/DeviceName", "PC-9"))(t); n.Data != "PC-9" {
		t.Errorf("%+v", n)
	}
	fails(t, second(r.SetNode(r.ctx, d.ID, "./Vendor/MSFT/NoSuchCSP/X", "1")), 404, "no CSP")
	must(r.SetNode(r.ctx, d.ID, policy, "4"))(t)
	if err := r.RemoveNode(r.ctx, d.ID, policy); err != nil {
		t.Fatal(err)
	}
	fails(t, second(r.Tree(r.ctx, d.ID, policy, false)), 404, "has no node")
	if got := must(r.Devices(r.ctx, devices.Filter{Labels: labels, State: "enrolled", Text: d.Name}))(t); len(got) != 1 {
		t.Errorf("%+v", got)
	}
	if got := must(r.Devices(r.ctx, devices.Filter{Labels: map[string]string{"a": "c"}}))(t); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	if got := must(r.Wipe(r.ctx, d.ID))(t); got.State != "wiped" {
		t.Errorf("%+v", got)
	}
}

// TestTranscripts: each device keeps its last sessions, and all together keep no more
// bytes than they may; a session that is gone is told as such.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *devices.Config) { c.Bytes = 512 << 10 })
	d := r.enrolled(devices.Spec{IDs: devices.IDs{Name: "PC-KEEP"}})
	for range devices.KeptSessions + 3 {
		must(r.pool.Sync(r.ctx, d.ID, devices.Sync{}))(t)
	}
	list := must(r.Sessions(r.ctx, d.ID, false))(t)
	if len(list) != devices.KeptSessions || list[0].Number != 5 {
		t.Errorf("%d sessions from %d", len(list), list[0].Number)
	}
	fails(t, second(r.Session(r.ctx, d.ID, 4, false)), http.StatusNotFound, "session 4 of PC-KEEP is no longer kept; the oldest that is kept is 5")
	other := r.enrolled(devices.Spec{})
	const big = 40_000
	for range 8 { // of which four are all that may be kept
		r.admin(http.MethodPost, "/devices/"+other.ID+"/commands", map[string]string{"verb": "Replace", "locURI": "./Vendor/MSFT/WiFi/Profile/x/WlanXml", "format": "chr", "data": strings.Repeat("x", big)})
		must(r.pool.Sync(r.ctx, other.ID, devices.Sync{}))(t)
	}
	if list := must(r.Sessions(r.ctx, d.ID, false))(t); len(list) != 0 {
		t.Errorf("%d sessions of the first device are kept", len(list))
	}
	if list := must(r.Sessions(r.ctx, other.ID, false))(t); len(list) == 0 || len(list) > 4 || list[len(list)-1].Number != 9 {
		t.Errorf("%d sessions of the second", len(list))
	}
	if got := must(r.Device(r.ctx, d.ID, false))(t); got.Sessions != devices.KeptSessions+4 || got.Last != nil {
		t.Errorf("%+v", got)
	}
}

// TestRefused: what cannot be is one sentence with the cause and what to do.
func TestRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *devices.Config) { c.Max = 1 })
	for _, c := range []struct {
		method, path, body string
		status             int
		text               string
	}{
		{"POST", "/v1/devices", `{"profil":"win11"}`, 400, `unknown field \"profil\"; did you mean profile?`},
		{"POST", "/v1/devices", `{"deviceID":"X"}`, 400, `did you mean ids.deviceID?`},
		{"POST", "/v1/devices", `{"profile":"win12"}`, 400, "win11"},
		{"POST", "/v1/devices", `{"profile":7}`, 400, "profile is a number"},
		{"POST", "/v1/devices", `{"namespace":"a b"}`, 400, "1 to 64 letters"},
		{"POST", "/v1/devices", `{"ids":{"deviceID":"a/b"}}`, 400, "not allowed in a URL"},
		{"POST", "/v1/devices", `{"faults":["slov"]}`, 400, "did you mean slow"},
		{"POST", "/v1/devices", `{"quirks":["x"]}`, 400, "known quirks"},
		{"POST", "/v1/devices", `{"key":"dsa"}`, 400, "neither rsa nor ec"},
		{"POST", "/v1/devices", `{"server":{"discovery":"http://mdm.example"}}`, 400, "not an https URL"},
		{"POST", "/v1/devices", `{"enroll":{"token":"good"}}`, 400, "target.directory"},
		{"POST", "/v1/devices", `{"enroll":{"certificate":"x"}}`, 400, "together"},
		{"POST", "/v1/devices", `{"clock":"soon"}`, 400, "such as 25h"},
		{"POST", "/v1/devices", `{"power":"on"}`, 400, "normal, saver"},
		{"POST", "/v1/devices", ``, 400, "the body is empty"},
		{"POST", "/v1/devices", `{}{}`, 400, "goes on"},
		{"POST", "/v1/devices", `{"ids":{"name":"` + strings.Repeat("x", 5000) + `"}}`, 400, "at most 2048"},
		{"POST", "/v1/devices", `{"ids":{"name":"` + strings.Repeat("x", 2<<20) + `"}}`, 413, "over 1048576 bytes"},
		{"GET", "/v1/devices?namspace=a", ``, 400, "did you mean namespace?"},
		{"GET", "/v1/devices?label=a", ``, 400, "NAME=VALUE"},
		{"GET", "/v1/devices/none", ``, 404, "no device"},
		{"GET", "/v1/events?since=x", ``, 400, "not a number"},
		{"DELETE", "/v1/namespaces/a%20b", ``, 400, "1 to 64 letters"},
	} {
		if status, body := r.raw(c.method, c.path, c.body); status != c.status || !strings.Contains(body, c.text) {
			t.Errorf("%s %s %.80s: %d %s, want %d %s", c.method, c.path, c.body, status, body, c.status, c.text)
		}
	}
	d := must(r.Create(r.ctx, devices.Spec{Key: "ec"}))(t)
	for _, c := range []struct {
		want devices.Condition
		text string
	}{
		{devices.Condition{For: "rain"}, "for \"rain\" is not session"},
		{devices.Condition{For: "state"}, "which needs it"},
		{devices.Condition{For: "session", LocURI: "./x"}, "are for a command"},
		{devices.Condition{For: "session", Timeout: "1h"}, "up to 10m"},
	} {
		fails(t, second(r.Wait(r.ctx, d.ID, c.want)), 400, c.text)
	}
	fails(t, second(r.Create(r.ctx, devices.Spec{Key: "ec"})), http.StatusInsufficientStorage, "1 devices, which is its limit", "DELETE")
	fails(t, second(r.Sync(r.ctx, d.ID, "boredom")), 400, "known origins: api, csp")
	fails(t, second(r.Session(r.ctx, d.ID, 0, false)), 404, "no session yet")
	fails(t, second(r.Tree(r.ctx, d.ID, "./%zz", false)), 400, "LocURI")

	srv := r.URL
	resp := must(http.Post(srv+"/v1/devices/"+d.ID, "application/json", nil))(t)
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("a wrong method: %d", resp.StatusCode)
	}
}
