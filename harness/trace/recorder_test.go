package trace

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/redact"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/syncml"
)

const password = "demo-secret-1"

// recording starts the reference server with a recorder. The function it returns makes
// a device that enrolled and had a session.
func recording(t *testing.T, dir string, o RecorderOptions, edit func(*mdmserver.Config)) (*Recorder, *httptest.Server, func() *dmclient.Device) {
	t.Helper()
	rec, err := NewRecorder(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	var server *mdmserver.Server
	front := httptest.NewUnstartedServer(rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { server.ServeHTTP(w, r) })))
	front.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	front.Config.ErrorLog = log.New(io.Discard, "", 0)
	front.StartTLS()
	t.Cleanup(front.Close)
	cfg := mdmserver.Config{BaseURL: front.URL, Username: "demo@mdm.example", Password: password, SessionAuth: mdmserver.AuthMD5}
	if edit != nil {
		edit(&cfg)
	}
	if server, err = mdmserver.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return rec, front, func() *dmclient.Device {
		d, err := dmclient.New(dmclient.Config{Discovery: front.URL + mdmserver.DiscoveryPath, Username: "demo@mdm.example", Password: password, NoRetry: true,
			TLS: &tls.Config{InsecureSkipVerify: true}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(d.Close)
		if err := d.Enroll(t.Context(), dmclient.EnrollOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Sync(t.Context(), dmclient.SyncOptions{}); err != nil {
			t.Fatal(err)
		}
		return d
	}
}

func fileOf(d *dmclient.Device) string { return "device-" + d.Identity().DeviceID + ".txt" }

func contents(t *testing.T, dir, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func exchanges(t *testing.T, text string) []Exchange {
	t.Helper()
	list, damaged, ok := ParseRecording(text)
	if !ok || damaged != 0 {
		t.Fatalf("no recording, or %d damaged exchanges:\n%.300s", damaged, text)
	}
	return list
}

// TestRecord: every exchange is recorded in its order, byte for byte but for secrets,
// in a private file, and a replay reads it.
func TestRecord(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	var told []error
	rec, _, device := recording(t, dir, RecorderOptions{Tell: func(err error) { told = append(told, err) }}, nil)
	d := device()
	rec.Close()
	if len(told) > 0 {
		t.Fatal(told)
	}
	text := contents(t, dir, fileOf(d))
	var sent []*dmclient.Exchange
	for _, s := range d.Sessions() {
		sent = append(sent, s.Exchanges...)
	}
	list := exchanges(t, text)
	if len(list) != 4+len(sent) || list[0].Method != http.MethodGet {
		t.Fatalf("%d exchanges, want %d", len(list), 4+len(sent))
	}
	for i, want := range sent {
		got := list[4+i]
		if string(got.Request) != redact.Text(string(want.Request)) || string(got.Response) != redact.Text(string(want.Response)) || got.Status != want.Status || got.URL != want.URL {
			t.Errorf("exchange %d is %s %s\n%s\nwant\n%s", i, got.Method, got.URL, got.Request, want.Request)
		}
		if got.Header.Get("MS-CV") != want.Header["MS-CV"][0] || got.Header.Get("client-request-id") == "" {
			t.Errorf("headers %v", got.Header)
		}
	}
	if !strings.Contains(text, "== "+d.Identity().Name+" enrolls: OSVersion 10.0.22631.3155") {
		t.Errorf("the build is not told: %.400s", text)
	}
	// The request of the certificate is there, and the document without its secrets.
	for _, x := range list {
		for _, m := range regexp.MustCompile(`<(?:[\w.-]+:)?BinarySecurityToken\b([^<>]*)>([^<]*)</`).FindAllStringSubmatch(string(x.Request)+string(x.Response), -1) {
			raw, err := base64.StdEncoding.DecodeString(m[2])
			if err != nil || strings.Contains(m[1], "Provision") && !strings.Contains(string(raw), `name="AAUTHSECRET" value="[redacted]"`) {
				t.Errorf("a token: %s %.80s %v", m[1], raw, err)
			}
		}
	}
	doc := d.Provisioning()
	for _, secret := range []string{password, doc.App.Auth[0].Secret, doc.App.Auth[1].Secret} {
		if secret == "" || strings.Contains(text, secret) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(secret))) {
			t.Errorf("the secret %q is in the recording", secret)
		}
	}
	sessions, _, err := Parse([]byte(text))
	if err != nil || len(sessions) != 1 || len(sessions[0].Sent) != len(sent) || sessions[0].Device != d.Identity().DeviceID {
		t.Errorf("a replay reads %+v, %v", sessions, err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for _, name := range []string{"", fileOf(d)} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// TestReveal: with it, secrets are recorded.
func TestReveal(t *testing.T) {
	dir := t.TempDir()
	rec, _, device := recording(t, dir, RecorderOptions{Reveal: true}, nil)
	d := device()
	rec.Close()
	if text := contents(t, dir, fileOf(d)); !strings.Contains(text, ">"+password+"<") || strings.Contains(text, "[redacted]") {
		t.Error("the password is not in the recording, or something is redacted")
	}
}

// TestWBXML: a body without a secret stays as it is; of one with a secret the
// redacted XML is kept.
func TestWBXML(t *testing.T) {
	dir := t.TempDir()
	rec, _, device := recording(t, dir, RecorderOptions{}, func(c *mdmserver.Config) { c.Encoding, c.SessionAuth = syncml.MediaTypeWBXML, "" })
	d := device()
	rec.Close()
	sent := d.Sessions()[0].Exchanges
	list := exchanges(t, contents(t, dir, fileOf(d)))
	if got := list[4]; string(got.Request) != string(sent[0].Request) || !wbxml(got.Request) {
		t.Errorf("%q, want %q", got.Request, sent[0].Request)
	}
	m := &syncml.Message{Hdr: syncml.SyncHdr{VerDTD: "1.2", VerProto: "DM/1.2", SessionID: "1", MsgID: "1", Cred: &syncml.Cred{Meta: &syncml.Meta{Type: "syncml:auth-basic"}, Data: "hunter2"}}}
	raw, err := syncml.WriteWBXML(m)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(redacted(raw)); !strings.HasPrefix(got, "<SyncML") || strings.Contains(got, "hunter2") {
		t.Errorf("%q", got)
	}
	for _, in := range []string{"\x03\x01\x6ahunter2", "\xff\xfeh\x00u\x00n\x00t\x00e\x00r\x002\x00"} {
		if got := string(redacted([]byte(in))); strings.Contains(got, "hunter2") || !strings.Contains(got, "that are not text") {
			t.Errorf("%q", got)
		}
	}
}

// TestRestart: a second run appends, also behind an exchange that was cut.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	rec, _, device := recording(t, dir, RecorderOptions{}, nil)
	d := device()
	rec.Close()
	before := contents(t, dir, fileOf(d))
	n := len(exchanges(t, before))
	path := filepath.Join(dir, fileOf(d))
	if err := os.WriteFile(path, []byte(before[:len(before)-100]), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := NewRecorder(dir, RecorderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	again.keep("192.0.2.1:5", session(d.Identity().DeviceID))
	again.Close()
	list, damaged, ok := ParseRecording(contents(t, dir, fileOf(d)))
	if !ok || damaged != 1 || len(list) != n || string(list[n-1].Response) != "answer" {
		t.Errorf("%d exchanges, want %d; %d damaged", len(list), n, damaged)
	}
}

// session is an exchange of a device's session.
func session(device string) Exchange {
	body := `<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>https://x/</LocURI></Target><Source><LocURI>` +
		device + `</LocURI></Source></SyncHdr><SyncBody><Final/></SyncBody></SyncML>`
	return Exchange{At: time.Now(), Method: "POST", URL: "https://x/", Proto: "HTTP/1.1", Request: []byte(body), Status: 200, Response: []byte("answer")}
}

// TestLimits: what cannot be recorded is told once, and the server goes on.
func TestLimits(t *testing.T) {
	var told []string
	o := RecorderOptions{MaxBytes: 1000, MaxDevices: 2, Tell: func(err error) { told = append(told, err.Error()) }}
	dir := t.TempDir()
	rec, err := NewRecorder(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		rec.keep("192.0.2.1:1", session("A")) // the file gets too large
	}
	rec.keep("192.0.2.1:2", session("B"))
	rec.keep("192.0.2.1:3", session("C")) // one device too many
	rec.keep("192.0.2.1:3", session("D"))
	if len(told) != 2 || !strings.Contains(told[0], "more than 1000 bytes") || !strings.Contains(told[1], "2 devices, and no more are recorded") {
		t.Errorf("%q", told)
	}
	if info, err := os.Stat(filepath.Join(dir, "device-A.txt")); err != nil || info.Size() > 1000 || info.Size() < 300 {
		t.Errorf("%v %v", info, err)
	}
}

// TestFullDisk: an exchange that does not fit is left out as a whole, which is told
// once until it works again.
func TestFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("NOT RUN: this machine has no /dev/full")
	}
	var told []string
	dir := t.TempDir()
	rec, _, device := recording(t, dir, RecorderOptions{Tell: func(err error) { told = append(told, err.Error()) }}, nil)
	path := filepath.Join(dir, "device-A.txt")
	if err := os.Symlink("/dev/full", path); err != nil {
		t.Fatal(err)
	}
	rec.keep("192.0.2.1:1", session("A"))
	rec.keep("192.0.2.1:1", session("A"))
	if len(told) != 1 || !strings.Contains(told[0], "no space left on device") || !strings.Contains(told[0], "not recorded until it can be") {
		t.Errorf("%q", told)
	}
	os.Remove(path)
	rec.keep("192.0.2.1:1", session("A"))
	if n := len(exchanges(t, contents(t, dir, "device-A.txt"))); n != 1 || len(told) != 1 {
		t.Errorf("%d exchanges, %q", n, told)
	}
	device() // others are served and recorded all the time
}

// TestFolder: a folder that cannot be used is an error at the start.
func TestFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{path, filepath.Join(path, "x"), "/proc/dmwake"} {
		if _, err := NewRecorder(dir, RecorderOptions{}); err == nil || !strings.Contains(err.Error(), "name a folder that this user may write to") {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// TestNames: whatever a device calls itself, its file is in the folder, and no two
// devices share one.
func TestNames(t *testing.T) {
	seen := map[string]string{}
	for _, id := range []string{"1E08C6E95D8BB843B1278FF45BC60CC6", "1e08c6e95d8bb843b1278ff45bc60cc6", "../../etc/passwd", "a/b", "a_b", `a\b`, "", ".", "CON", "con", unnamed, "x\x00y", "ü",
		strings.Repeat("A", 64), strings.Repeat("A", 65), strings.Repeat("A", 66), strings.Repeat("ü", 4000)} {
		if id == unnamed {
			id = "UNNAMED"
		}
		name := fileName(id)
		fold := strings.ToLower(name)
		if seen[fold] != "" || filepath.Base(name) != name || len(name) > 100 || strings.Trim(fold, "abcdefghijklmnopqrstuvwxyz0123456789-_~.") != "" {
			t.Errorf("%q is %q, as %q", id, name, seen[fold])
		}
		seen[fold] = id + "!"
	}
}

// TestRefused: an enrollment that was refused, and so tells no DeviceID, is kept in a
// file of its own.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	rec, front, _ := recording(t, dir, RecorderOptions{}, nil)
	d, err := dmclient.New(dmclient.Config{Discovery: front.URL + mdmserver.DiscoveryPath, Username: "demo@mdm.example", Password: "wrong", NoRetry: true, TLS: &tls.Config{InsecureSkipVerify: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Enroll(t.Context(), dmclient.EnrollOptions{}); err == nil {
		t.Fatal("a wrong password enrolls")
	}
	rec.Close()
	if list := exchanges(t, contents(t, dir, "unnamed.txt")); len(list) != 3 || list[2].Status != http.StatusInternalServerError {
		t.Errorf("%d exchanges", len(list))
	}
}

// TestCrowd: devices that enroll at the same time from one machine, each on its own
// connection, do not get each other's messages.
func TestCrowd(t *testing.T) {
	dir := t.TempDir()
	rec, _, device := recording(t, dir, RecorderOptions{}, nil)
	var devices [6]*dmclient.Device
	var wg sync.WaitGroup
	for i := range devices {
		wg.Go(func() { devices[i] = device() })
	}
	wg.Wait()
	rec.Close()
	for _, d := range devices {
		var kinds []string
		for _, x := range exchanges(t, contents(t, dir, fileOf(d))) {
			kinds = append(kinds, filepath.Base(strings.SplitN(x.URL, "?", 2)[0]))
		}
		if got := fmt.Sprint(kinds[:4]); got != "[Discovery.svc Discovery.svc Policy.svc Enrollment.svc]" || len(kinds) < 6 {
			t.Errorf("%v", kinds)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "unnamed.txt")); !errors.Is(err, os.ErrNotExist) {
		t.Error("some messages have no device")
	}
}

// TestHandler: the handler sees the request as it was, and a panic of it is recorded
// as no answer.
func TestHandler(t *testing.T) {
	dir := t.TempDir()
	rec, err := NewRecorder(dir, RecorderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	body := session("A").Request
	h := rec.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, err := io.ReadAll(r.Body)
		if string(got) != string(body) || err != nil {
			t.Errorf("%s, %v", got, err)
		}
		if r.Header.Get("X-Panic") != "" {
			panic(http.ErrAbortHandler)
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		io.WriteString(w, "answer")
	}))
	front := httptest.NewServer(h)
	defer front.Close()
	for _, header := range []string{"X-Other", "X-Panic"} {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, front.URL, strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(header, "1")
		req.Header.Set("Authorization", "Bearer hunter2")
		req.Header.Set("X-Forwarded-For", "192.0.2.1")
		if resp, err := http.DefaultClient.Do(req); err == nil {
			// A device reads the whole answer before it goes on.
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				t.Error(err)
			}
			resp.Body.Close()
		}
	}
	front.Close()
	text := contents(t, dir, "device-A.txt")
	list := exchanges(t, text)
	if len(list) != 2 || list[0].Status != 200 || string(list[0].Response) != "answer" || list[1].Status != 0 || list[0].Header.Get("X-Other") != "1" {
		t.Errorf("%+v", list)
	}
	if strings.Contains(text, "hunter2") || strings.Contains(text, "Forwarded") || list[0].Header.Get("Authorization") != "Bearer [redacted] (7 characters)" {
		t.Errorf("headers %v", list[0].Header)
	}
}
