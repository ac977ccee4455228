package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/boltfile"
	"github.com/dmwake/dmwake/harness/internal/testenv"
	"github.com/dmwake/dmwake/harness/report"
)

// workshop is a reference server in another process, and devices of it in a
// folder.
type workshop struct {
	t                          *testing.T
	dir                        string
	devices, admin, wns, proxy string
}

func newWorkshop(t *testing.T, mdmArgs ...string) *workshop {
	t.Helper()
	w := &workshop{t, t.TempDir(), testenv.Addr(t), testenv.Addr(t), testenv.Addr(t), testenv.Addr(t)}
	mdm(t, w.dir, []string{"DMWAKE_PASSWORD=secret-1", "HTTPS_PROXY=http://" + w.proxy},
		append([]string{"--listen", w.devices, "--admin", w.admin, "--ca-dir", "ca"}, mdmArgs...)...)
	return w
}

// device runs "dmwake device"; want is the exit code.
func (w *workshop) device(want int, args ...string) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := command(ctx, w.dir, []string{"DMWAKE_PASSWORD=secret-1"}, append([]string{"device"}, args...)...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		w.t.Fatal(err)
	}
	if code := cmd.ProcessState.ExitCode(); code != want {
		w.t.Errorf("device %v exits with %d, want %d\n%s", args, code, want, out)
	}
	if strings.Contains(string(out), "secret-1") {
		w.t.Errorf("device %v shows the password", args)
	}
	return string(out)
}

func (w *workshop) enroll(args ...string) string {
	return w.device(0, append([]string{"enroll", "--discovery", "https://" + w.devices + "/EnrollmentServer/Discovery.svc",
		"--username", "demo@mdm.example", "--ca", "ca/ca.pem", "--key", "ec"}, args...)...)
}

func (w *workshop) list() (all []listed) {
	w.t.Helper()
	if err := json.Unmarshal([]byte(w.device(0, "list", "--json")), &all); err != nil {
		w.t.Fatal(err)
	}
	return all
}

func (w *workshop) post(path, body string) {
	w.t.Helper()
	resp, err := http.Post("http://"+w.admin+path, "application/json", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		raw, _ := io.ReadAll(resp.Body)
		w.t.Fatalf("%s: %d %s", path, resp.StatusCode, raw)
	}
}

// TestDevices takes a fleet through its life, each step another process.
func TestDevices(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.enroll("--count", "3", "--profile", "win11,wp81", "--quirk", "large-objects")
	all := w.list()
	if len(all) != 3 || all[0].State != "enrolled" || all[0].Push != "0" || !strings.HasPrefix(all[0].Next, "poll at ") {
		t.Fatalf("%+v", all)
	}
	for _, d := range all {
		if !strings.Contains(strings.Join(d.Quirks, " "), "large-objects") {
			t.Errorf("%s has the quirks %v", d.Name, d.Quirks)
		}
	}

	// Run it, and wake one by push.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	run := command(ctx, w.dir, nil, "device", "run", "--wns-listen", w.wns, "--proxy", w.proxy, "--ca-dir", "ca", "-v")
	out, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	first := all[0]
	var seen strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		seen.WriteString(lines.Text() + "\n")
		switch {
		case strings.Contains(lines.Text(), "running; Ctrl-C ends it"):
			w.post("/devices/"+first.DeviceID+"/commands", `{"verb":"Exec","locURI":"./Vendor/MSFT/RemoteWipe/doWipe"}`)
			w.post("/devices/"+first.DeviceID+"/push", "")
		case strings.Contains(lines.Text(), "by push"):
			run.Process.Signal(os.Interrupt)
		}
	}
	if err := run.Wait(); err != nil {
		t.Errorf("after Ctrl-C: %v", err)
	}
	for _, want := range []string{"export HTTPS_PROXY=http://" + w.proxy, "<Data>1201</Data>", "./Vendor/MSFT/RemoteWipe/doWipe", "1 push"} {
		if !strings.Contains(seen.String(), want) {
			t.Errorf("run does not show %q:\n%s", want, seen.String())
		}
	}
	if regexp.MustCompile(`\?token=[A-Za-z0-9]{7}`).MatchString(seen.String()) {
		t.Error("run shows a channel's token")
	}
	if all = w.list(); all[0].State != "wiped" {
		t.Errorf("the wiped device is %s", all[0].State)
	}

	// Look, change, sync, leave.
	second := all[1]
	w.post("/devices/"+second.DeviceID+"/commands", `{"verb":"Replace","locURI":"./Vendor/MSFT/VPNv2/Work/AlwaysOn","format":"bool","data":"true"}`)
	w.post("/devices/"+second.DeviceID+"/commands", `{"verb":"Replace","locURI":"./Vendor/MSFT/VPNv2/Work/NativeProfile/L2tpPsk","data":"hush"}`)
	w.device(0, "set", second.Name, "./DevInfo/Lang=de-DE", "login=none", "power=saver")
	if out := w.device(0, "sync", second.DeviceID[:12], "-v"); !strings.Contains(out, "mode=Machine") || strings.Contains(out, "hush") {
		t.Errorf("sync -v: %s", out)
	}
	show := w.device(0, "show", second.Name)
	for _, want := range []string{"VPN        Work", "logged in  none", "== " + second.Name, "Replace  ./Vendor/MSFT/VPNv2/Work/NativeProfile/L2tpPsk"} {
		if !strings.Contains(show, want) {
			t.Errorf("show lacks %q:\n%s", want, show)
		}
	}
	if strings.Contains(show, "hush") {
		t.Error("show tells a pre-shared key")
	}
	if tree := w.device(0, "show", "2", "--path", "./DevInfo"); !strings.Contains(tree, "de-DE") {
		t.Errorf("the tree: %s", tree)
	}
	if out := w.device(3, "sync", "2", "--fault", "stop"); !strings.Contains(out, "stopped in the middle") {
		t.Errorf("a fault: %s", out)
	}
	w.device(0, "unenroll", "2")
	w.device(0, "wipe", "--all", "--forget")
	if left := w.list(); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}

// TestDeviceImage: machines of one image share what the flags name; a device that
// is enrolled refuses to enroll again, as Windows does.
func TestDeviceImage(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	id := strings.Repeat("AB", 32)
	w.enroll("--count", "2", "--name", "GOLDEN", "--hwdevid", id, "--serial", "S-1", "--attestation", "none")
	all := w.list()
	if len(all) != 2 || all[0].Name != "GOLDEN" || all[1].Name != "GOLDEN" || all[0].DeviceID == all[1].DeviceID {
		t.Fatalf("%+v", all)
	}
	for path, want := range map[string]string{"./DevDetail/Ext/Microsoft/SMBIOSSerialNumber": "S-1", "./Vendor/MSFT/DMClient/HWDevID": id} {
		for _, n := range []string{"1", "2"} {
			if out := w.device(0, "show", n, "--path", path); !strings.Contains(out, want) {
				t.Errorf("%s of device %s: %s", path, n, out)
			}
		}
	}
	w.device(2, "sync", "GOLDEN") // which one is not said
	if out := w.device(3, "enroll", "1"); !strings.Contains(out, "Windows shows 0x8018000a") {
		t.Errorf("enrolling twice: %s", out)
	}
	w.device(0, "enroll", "1", "--again")
	w.device(0, "unenroll", "2")
	w.device(0, "enroll", "2")
	if all = w.list(); len(all) != 2 || all[0].State != "enrolled" || all[1].State != "enrolled" {
		t.Errorf("%+v", all)
	}

	// init asks the server for the newest Windows that it takes.
	cmd := command(context.Background(), w.dir, nil, "init", "--file", "own.yaml", "--username", "demo@mdm.example", "--ca", "ca/ca.pem",
		"--discovery", "https://"+w.devices+"/EnrollmentServer/Discovery.svc")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "The newest Windows that the server takes is win11-25h2.") {
		t.Errorf("init: %v %s", err, out)
	}
	if raw, err := os.ReadFile(filepath.Join(w.dir, "own.yaml")); err != nil || !strings.Contains(string(raw), "profiles: [win11-25h2]") {
		t.Errorf("own.yaml: %v %s", err, raw)
	}
}

// TestDeviceEnrollmentKinds: by the server's page, and with a directory's
// tokens, good and bad.
func TestDeviceEnrollmentKinds(t *testing.T) {
	t.Parallel()
	page := newWorkshop(t, "--auth-policy", "Federated", "--session-auth", "md5", "--encoding", "wbxml")
	page.enroll()
	page.device(0, "sync")

	const tenant = "11111111-2222-3333-4444-555555555555"
	directory := testenv.Addr(t)
	w := newWorkshop(t, "--auth-policy", "Federated", "--entra-keys", "http://"+directory+"/"+tenant+"/discovery/v2.0/keys",
		"--entra-issuer", "https://sts.windows.net/"+tenant+"/", "--entra-tenant", tenant)
	if out := w.enroll("--entra", directory, "--entra-tenant", tenant); !strings.Contains(out, "directory  tenant "+tenant) {
		t.Errorf("enroll says %s", out)
	}
	if out := w.device(3, "enroll", "--entra", directory, "--entra-tenant", tenant, "--entra-token", "alg-none"); !strings.Contains(out, "0x80180002") {
		t.Errorf("a token that is not signed: %s", out)
	}
	w.device(2, "enroll", "--entra", directory, "--entra-token", "nice")
}

// TestDeviceMistakes: what a user gets wrong is told in a line that helps.
func TestDeviceMistakes(t *testing.T) {
	t.Parallel()
	w := &workshop{t, t.TempDir(), testenv.Addr(t), "", "", ""}
	other := filepath.Join(w.dir, "other.db")
	if err := os.WriteFile(other, []byte(strings.Repeat("x", 70000)), 0o600); err != nil {
		t.Fatal(err)
	}
	labs := filepath.Join(w.dir, "lab.db")
	file, err := boltfile.Open(labs, boltfile.Kind{Name: "lab", Version: "2"})
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	before, err := os.ReadFile(labs)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, "unknown command", []string{"bogus"}},
		{2, "has no devices", []string{"sync"}},
		{2, "has no devices", []string{"run", "--wns-listen", "127.0.0.1:0", "--proxy", "127.0.0.1:0"}},
		{0, "has no devices", []string{"list"}},
		{2, "is not there", []string{"enroll", "--resume", "--state", "nothing.db"}},
		{2, "is not there", []string{"wipe", "--all", "--state", "nothing.db"}},
		{2, "is not there", []string{"set", "1", "power=off", "--state", "nothing.db"}},
		{0, "[]", []string{"list", "--json", "--state", "nothing.db"}},
		{2, "the server is unknown", []string{"enroll"}},
		{2, "is not an https URL", []string{"enroll", "--discovery", "http://x"}},
		{2, "is not from 1 to", []string{"enroll", "--count", "0"}},
		{2, "unknown profile", []string{"enroll", "--profile", "win12"}},
		{2, "unknown quirk", []string{"enroll", "--quirk", "nice"}},
		{2, "unknown fault", []string{"sync", "--fault", "nice"}},
		{2, "neither rsa nor ec", []string{"enroll", "--username", "a@b", "--key", "dsa"}},
		{2, "unknown --attestation \"nice\"; known kinds: good, none", []string{"enroll", "--username", "a@b", "--attestation", "nice"}},
		{2, "--again needs the devices", []string{"enroll", "--username", "a@b", "--again"}},
		{2, "must be used together", []string{"enroll", "--username", "a@b", "--cert", "x"}},
		{2, "not a dmwake state file", []string{"list", "--state", other}},
		{2, "is the state file of a lab, not of a device", []string{"list", "--state", labs}},
		{2, "no such file", []string{"enroll", "--username", "a@b", "--ca", "nothing.pem"}},
		{2, "name the devices to wipe", []string{"wipe"}},
		{2, "name one device", []string{"show"}},
		{2, "is none of proxy, hosts, direct", []string{"run", "--wns", "magic"}},
		{2, "--cert and --key are required", []string{"adopt"}},
		{2, "takes no arguments", []string{"list", "x"}},
		{3, "Windows shows 0x80180010", []string{"enroll", "--key", "ec", "--discovery", "https://" + w.devices + "/D.svc", "--username", "a@b"}},
		{0, "418 to Add", []string{"faults"}},
		{0, "documented", []string{"quirks"}},
	} {
		if out := w.device(c.code, c.args...); !strings.Contains(out, c.want) {
			t.Errorf("device %v says\n%s\nwant %q", c.args, out, c.want)
		}
	}
	if after, err := os.ReadFile(labs); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the state file of a lab was written to (%v)", err)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "nothing.db")); err == nil {
		t.Error("a file that is only named was made")
	}
	if info, err := os.Stat(filepath.Join(w.dir, ".dmwake", "devices.db")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the state file: %v %v", info, err)
	}
}

// TestCompletion: the shell is offered profiles, faults and quirks.
func TestCompletion(t *testing.T) {
	t.Parallel()
	for flag, want := range map[string]string{"--profile": "wp81", "--fault": "pfn-418-500", "--quirk": "pfn-errors"} {
		cmd := command(context.Background(), t.TempDir(), nil, "__complete", "device", "enroll", flag, "")
		out, err := cmd.Output()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v %s", flag, err, out)
		}
	}
	if _, err := exec.LookPath("bash"); err == nil {
		out, err := command(context.Background(), t.TempDir(), nil, "completion", "bash").Output()
		if err != nil || !strings.Contains(string(out), "__start_dmwake") {
			t.Errorf("completion bash: %v %s", err, report.Clip(string(out), 200))
		}
	}
}
