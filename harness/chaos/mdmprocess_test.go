package chaos

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/internal/testenv"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/fleet"
)

// patience is how long anything may take that a test awaits.
const patience = time.Minute

// mdm is a reference server in another process, and devices of it in a folder.
type mdm struct {
	t                          *testing.T
	dir                        string
	devices, admin, wns, proxy string
}

// atServer is a device as the server knows it.
type atServer struct {
	ID       string
	Active   bool
	Commands []struct {
		LocURI, Data string
		Status       int
	}
}

func startMDM(t *testing.T) *mdm {
	t.Helper()
	m := &mdm{t, t.TempDir(), testenv.Addr(t), testenv.Addr(t), testenv.Addr(t), testenv.Addr(t)}
	cmd := m.command("mdm", "--listen", m.devices, "--admin", m.admin, "--ca-dir", "ca")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "ready") {
			go io.Copy(io.Discard, out)
			return m
		}
	}
	t.Fatal("dmwake mdm did not get ready")
	return nil
}

func (m *mdm) command(args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), 9*time.Minute)
	m.t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, binary(m.t), args...)
	cmd.Dir, cmd.Env = m.dir, append(os.Environ(), "DMWAKE_PASSWORD=secret-1")
	return cmd
}

// device runs "dmwake device" to its end, which comes with the exit code want.
func (m *mdm) device(want int, args ...string) string {
	m.t.Helper()
	cmd := m.command(append([]string{"device"}, args...)...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		m.t.Fatal(err)
	}
	if code := cmd.ProcessState.ExitCode(); code != want || strings.Contains(string(out), "goroutine ") {
		m.t.Errorf("device %v exits with %d, want %d\n%s", args, code, want, out)
	}
	return string(out)
}

func (m *mdm) enrollArgs(state string, args ...string) []string {
	return append([]string{"enroll", "--state", state, "--discovery", "https://" + m.devices + "/EnrollmentServer/Discovery.svc",
		"--username", "demo@mdm.example", "--ca", "ca/ca.pem", "--key", "ec"}, args...)
}

func (m *mdm) runArgs(state string) []string {
	return []string{"run", "--state", state, "--wns-listen", m.wns, "--proxy", m.proxy, "--ca-dir", "ca"}
}

func (m *mdm) get(path string, into any) {
	m.t.Helper()
	resp, err := http.Get("http://" + m.admin + path)
	if err != nil {
		m.t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		m.t.Fatal(err)
	}
}

// server gives what the server knows, by DeviceID.
func (m *mdm) server() map[string]atServer {
	m.t.Helper()
	var list []atServer
	m.get("/devices", &list)
	all := map[string]atServer{}
	for _, d := range list {
		all[d.ID] = d
	}
	return all
}

// queue makes the server set a text of a device.
func (m *mdm) queue(id, uri, value string) {
	m.t.Helper()
	body := fmt.Sprintf(`{"verb":"Replace","locURI":%q,"format":"chr","data":%q}`, uri, value)
	resp, err := http.Post("http://"+m.admin+"/devices/"+id+"/commands", "application/json", strings.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		m.t.Fatalf("queue: %s", resp.Status)
	}
}

// inFile is a device as the file has it.
type inFile struct {
	fleet.Entry
	*dmclient.Device
}

// file reads a state file that no process has.
func (m *mdm) file(state string) map[string]inFile {
	m.t.Helper()
	store, err := fleet.Open(filepath.Join(m.dir, state))
	if err != nil {
		m.t.Fatal(err)
	}
	defer store.Close()
	if store.Notice() != "" {
		m.t.Errorf("a kill damaged the file: %s", store.Notice())
	}
	all := map[string]inFile{}
	if err := store.Each(func(e fleet.Entry) error {
		d, err := store.Unpack(dmclient.Config{Username: "demo@mdm.example"}, e.Record)
		all[e.DeviceID] = inFile{e, d}
		return err
	}); err != nil {
		m.t.Fatal(err)
	}
	return all
}

// kill starts dmwake and kills it once it has done enough, unless it ends first.
func (m *mdm) kill(enough func() bool, args ...string) {
	m.t.Helper()
	cmd := m.command(append([]string{"device"}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		cmd.Wait()
	}()
	for end := time.Now().Add(patience); !enough(); {
		select {
		case <-over:
			m.t.Logf("device %s ended before it was killed", args[0])
			return
		default:
		}
		if time.Now().After(end) {
			cmd.Process.Kill()
			<-over
			m.t.Fatalf("not within %s; device %v says\n%s", patience, args, out.String())
		}
	}
	cmd.Process.Kill()
	<-over
}

// rounds are the whole number with -chaos, else a few.
func rounds(whole, sample int) int {
	if *full {
		return whole
	}
	return sample
}
