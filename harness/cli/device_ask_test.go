package cli

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// runner is "dmwake device run" in another process.
type runner struct {
	*exec.Cmd
	out, errs strings.Builder
	over      chan struct{} // its output ended
}

// runDevices starts it and waits until all devices run.
func (w *workshop) runDevices(args ...string) *runner {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	w.t.Cleanup(cancel)
	r := &runner{Cmd: command(ctx, w.dir, nil, append([]string{"device", "run", "--wns-listen", w.wns, "--proxy", w.proxy, "--ca-dir", "ca"}, args...)...), over: make(chan struct{})}
	out, err := r.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	r.Stderr = &r.errs
	if err := r.Start(); err != nil {
		w.t.Fatal(err)
	}
	lines, ready := bufio.NewScanner(out), make(chan bool)
	go func() {
		defer close(r.over)
		for lines.Scan() {
			if r.out.WriteString(lines.Text() + "\n"); strings.Contains(lines.Text(), "running; Ctrl-C ends it") {
				ready <- true
			}
		}
		close(ready)
	}()
	if !<-ready {
		w.t.Fatalf("device run ended: %v\n%s%s", r.Wait(), r.out.String(), r.errs.String())
	}
	return r
}

// end interrupts or kills it, and gives what it printed.
func (r *runner) end(t *testing.T, by os.Signal) string {
	t.Helper()
	if err := r.Process.Signal(by); err != nil {
		t.Fatal(err)
	}
	<-r.over
	if err := r.Wait(); err != nil && by != syscall.SIGKILL {
		t.Errorf("device run ended with %v", err)
	}
	return r.out.String() + r.errs.String()
}

// TestDevicesOfARunningProcess: while "device run" has the file, list, show and sync
// ask it, and what cannot be done there is said.
func TestDevicesOfARunningProcess(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.enroll("--count", "2")
	all := w.list()
	socket := filepath.Join(w.dir, ".dmwake", "devices.db.sock")
	if _, err := os.Lstat(socket); err == nil {
		t.Error("the enrollment left its socket")
	}
	run := w.runDevices()
	if info, err := os.Lstat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v %v", info, err)
	}
	if again := w.list(); len(again) != 2 || again[1].DeviceID != all[1].DeviceID || again[1].Number != 2 {
		t.Errorf("list: %+v", again)
	}
	const policy = "./Vendor/MSFT/Policy/Config/DeviceLock/MinDevicePasswordLength"
	w.post("/devices/"+all[1].DeviceID+"/commands", `{"verb":"Replace","locURI":"`+policy+`","format":"int","data":"8"}`)
	if out := w.device(0, "sync", "2", "--ca", "ca/ca.pem"); !strings.Contains(out, "1 device synced") || !strings.Contains(out, all[1].Name+" ") || !strings.Contains(out, "--ca not used") {
		t.Errorf("sync: %s", out)
	}
	if out := w.device(0, "show", "2"); !strings.Contains(out, "MinDevicePasswordLength=8") || !strings.Contains(out, "Replace  "+policy) {
		t.Errorf("show: %s", out)
	}
	if out := w.device(0, "sync", "2", "-v"); !strings.Contains(out, "mode=Machine") && !strings.Contains(out, "mode=Maintenance") {
		t.Errorf("sync -v: %s", out)
	}
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{3, "stopped in the middle", []string{"sync", "1", "--fault", "stop"}},
		{2, "no device \"9\"", []string{"sync", "9"}},
		{2, "unknown fault", []string{"sync", "--fault", "nice"}},
		{2, "--quirk cannot be used while another dmwake has", []string{"sync", "--quirk", "large-objects"}},
		{2, "stop it, or choose another --state; stopping it keeps all devices", []string{"wipe", "2"}},
		{2, "list and show work meanwhile", []string{"enroll", "2"}},
		{2, "in use by another dmwake", []string{"run", "--wns-listen", "127.0.0.1:0", "--proxy", "127.0.0.1:0"}},
	} {
		if out := w.device(c.code, c.args...); !strings.Contains(out, c.want) {
			t.Errorf("device %v says\n%s\nwant %q", c.args, out, c.want)
		}
	}
	if out := run.end(t, os.Interrupt); strings.Count(out, all[1].Name+"  session  user for another dmwake, ") != 2 || strings.Count(out, "user for another dmwake") != 3 {
		t.Errorf("device run says\n%s", out)
	}
	if _, err := os.Lstat(socket); err == nil {
		t.Error("the socket is still there")
	}

	// A process that was killed leaves a socket that nobody serves.
	w.runDevices().end(t, syscall.SIGKILL)
	if _, err := os.Lstat(socket); err != nil {
		t.Errorf("the test has no socket to find: %v", err)
	}
	if out := w.device(0, "show", "2"); !strings.Contains(out, "MinDevicePasswordLength=8") {
		t.Errorf("after a kill: %s", out)
	}
	w.runDevices().end(t, os.Interrupt)
}

// TestSocketPath: a path that is too long for a socket is said, or taken from the
// current folder.
func TestSocketPath(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	long := strings.Repeat("a", 90)
	if err := os.MkdirAll(filepath.Join(dir, long, long), 0o700); err != nil {
		t.Fatal(err)
	}
	if path, err := socket(filepath.Join(dir, long, long, "devices.db")); err == nil || !strings.Contains(err.Error(), "shorter --state") {
		t.Errorf("%q, %v", path, err)
	}
	if path, err := socket(filepath.Join(dir, long, "d")); err != nil || path != filepath.Join(long, "d.sock") {
		t.Errorf("%q, %v", path, err)
	}
	regular := filepath.Join(dir, "d.sock")
	if err := os.WriteFile(regular, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listenAlone(regular); err == nil || !strings.Contains(err.Error(), "is no socket") {
		t.Errorf("a file in the place of the socket: %v", err)
	}
}

// TestDevicesOfAnEnrollingProcess: while "device enroll" has the file, list and show
// tell what is in it so far; sync waits for the end.
func TestDevicesOfAnEnrollingProcess(t *testing.T) {
	t.Parallel()
	var out, errs strings.Builder
	f := &deviceFlags{state: filepath.Join(t.TempDir(), "d.db"), discovery: "https://mdm.example/", creates: true}
	b, err := f.open(&streams{&out, &errs}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	defer b.serve("the test")()
	d, err := dmclient.New(b.dev)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.store.Begin(true, slices.Values([]*dmclient.Device{d})); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{0, "1 device begun", []string{"list"}},
		{0, "state      not enrolled", []string{"show", "1"}},
		{2, "no device \"2\"", []string{"show", "2"}},
		{2, "which enrolls devices; only dmwake device run answers sync", []string{"sync"}},
	} {
		var out strings.Builder
		if code := Main(append([]string{"device", "--state", f.state}, c.args...), &out, &out); code != c.code || !strings.Contains(out.String(), c.want) {
			t.Errorf("device %v exits with %d and says\n%s\nwant %q", c.args, code, out.String(), c.want)
		}
	}
	if errs.Len() > 0 {
		t.Error(errs.String())
	}
}
