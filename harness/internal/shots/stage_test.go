package shots

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/harness/internal/testenv"
)

// stage is a folder with dmwake, a reference server and devices.
type stage struct {
	t          *testing.T
	dir, bin   string
	mdm, admin string // addresses
	wns, proxy string
	labWNS     string
	woken      string // a device of it
	devices    string // of the lab that has devices
	control    string
	ids        []string // of the devices
}

func newStage(t *testing.T) *stage {
	s := &stage{t: t, dir: t.TempDir(), mdm: testenv.Addr(t), admin: testenv.Addr(t), wns: testenv.Addr(t), proxy: testenv.Addr(t), control: testenv.Addr(t), labWNS: testenv.Addr(t), devices: testenv.Addr(t)}
	s.bin = filepath.Join(s.dir, "dmwake")
	build := exec.Command("go", "build", "-o", s.bin, ".")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wns := "wns: {listen: '" + s.wns + "', proxy: '" + s.proxy + "', ca_dir: ca}\n"
	s.file("lab.yaml", strings.NewReplacer(s.wns, s.labWNS, s.proxy, testenv.Addr(t)).Replace(wns))
	s.file("devices.yaml", "target: {discovery: 'https://"+s.mdm+"/EnrollmentServer/Discovery.svc', ca: ca/ca.pem, username: demo@mdm.example}\n"+wns)
	s.start("ready", "mdm", "--listen", s.mdm, "--admin", s.admin, "--ca-dir", "ca")
	s.start("ready", "lab", "--config", "devices.yaml", "--control", s.devices, "--seed", "5")
	s.dmwake("device", "enroll", "--config", "devices.yaml", "--count", "8", "--seed", "11", "--key", "ec")
	var devices []struct{ DeviceID string }
	if err := json.Unmarshal([]byte(s.dmwake("device", "list", "--json")), &devices); err != nil {
		t.Fatal(err)
	}
	for _, d := range devices {
		s.ids = append(s.ids, d.DeviceID)
	}
	return s
}

func (s *stage) file(name, text string) {
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.bin, args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "DMWAKE_PASSWORD=demo", "TERM=xterm", "HTTPS_PROXY=http://"+s.proxy)
	return cmd
}

// dmwake runs a command to its end; a suite may fail on purpose.
func (s *stage) dmwake(args ...string) string {
	out, err := s.command(s.t.Context(), args...).CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		s.t.Fatal(err)
	}
	return string(out)
}

// start starts a command that goes on, and waits until it says that it is ready.
func (s *stage) start(ready string, args ...string) {
	cmd := s.command(s.t.Context(), args...)
	r, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		cmd.Wait()
		w.Close()
	}()
	s.t.Cleanup(func() { cmd.Process.Signal(os.Interrupt) })
	var seen bytes.Buffer
	b := make([]byte, 4096)
	for !strings.Contains(seen.String(), ready) {
		n, err := r.Read(b)
		if err != nil {
			s.t.Fatalf("%v ended:\n%s", args, &seen)
		}
		seen.Write(b[:n])
	}
	go io.Copy(io.Discard, r)
}

func (s *stage) post(url, body string) {
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode >= 300 {
		s.t.Fatalf("%s: %s", url, resp.Status)
	}
}

func (s *stage) labFlags() []string {
	return []string{"--config", "lab.yaml", "--control", s.control, "--seed", "1"}
}

func (s *stage) deviceFlags() []string { return []string{"--link", "http://" + s.devices} }

// report is the page of a run that found something.
func (s *stage) report() string {
	file := filepath.Join(s.dir, "report.html")
	said := s.dmwake("test", "--area", "ENR,PFN,CHN,TOK,WNS", "--mutant", "wns-content-type", "--mutant", "wns-no-cache", "--mutant", "enr-chunked", "--seed", "7", "--html", file)
	if _, err := os.Stat(file); err != nil {
		s.t.Fatalf("%v\n%s", err, said)
	}
	return "file://" + file
}
