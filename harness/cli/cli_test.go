package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dmwake/dmwake/harness/internal/testenv"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/scenarios"
)

// asDmwake makes the test binary run as dmwake: a real second process.
const asDmwake = "DMWAKE_TEST_AS_MAIN"

func dmwake() { os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr)) }

func TestMain(m *testing.M) {
	if os.Getenv(asDmwake) != "" {
		dmwake()
	}
	if strings.Contains(filepath.Base(os.Args[0]), ".test") { // not a command of a script
		flag.Parse()
		if err := flag.Set("test.parallel", "6"); err != nil { // more tests than cores: they wait for processes
			panic(err)
		}
	}
	testscript.Main(m, map[string]func(){"dmwake": dmwake})
}

// TestScripts runs the command line as a user does. testscript itself fails on an
// empty folder.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata"})
}

func command(ctx context.Context, dir string, env []string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), asDmwake+"=1"), env...)
	return cmd
}

// mdm starts "dmwake mdm" as a separate process and waits until it is ready.
func mdm(t *testing.T, dir string, env []string, args ...string) (pid int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := command(ctx, dir, env, append([]string{"mdm"}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() != 0 {
			t.Errorf("dmwake mdm ended with %v: %s", err, errs.String())
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "ready") {
			return cmd.Process.Pid
		}
	}
	t.Fatalf("dmwake mdm did not get ready: %s", errs.String())
	return 0
}

// verdicts runs "dmwake test" and returns the outcome of each scenario and the exit
// code.
func verdicts(t *testing.T, dir string, args ...string) (map[string]report.Outcome, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	file := filepath.Join(t.TempDir(), "result.json")
	cmd := command(ctx, dir, []string{"DMWAKE_PASSWORD=secret-1"}, append([]string{"test", "--json", file}, args...)...)
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "secret-1") {
		t.Errorf("the password is in the output:\n%s", out)
	}
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), "secret-1") {
		t.Error("the password is in the JSON report")
	}
	var r report.Report
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got := map[string]report.Outcome{}
	for _, s := range r.Scenarios {
		got[s.ID] = s.Outcome
		if s.Outcome != report.Passed {
			t.Logf("%s %s: %s%s", s.ID, s.Outcome, s.Reason, s.Saw)
		}
	}
	return got, cmd.ProcessState.ExitCode()
}

// configure writes the configuration of a reference server in another process.
func configure(t *testing.T, dir, mode, devices, admin, wns, proxy string) string {
	t.Helper()
	path := filepath.Join(dir, "dmwake.yaml")
	text := fmt.Sprintf(`
target:
  name: reference server, another process
  discovery: https://%s/EnrollmentServer/Discovery.svc
  ca: ca/ca.pem
  username: demo@mdm.example
  password: {env: DMWAKE_PASSWORD}
  profiles: [wp81, win11-24h2, win11-25h2] # as in the embedded run
  hooks:
    queue:
      http:
        url: http://%[2]s/devices/{{.DeviceID}}/commands
        headers: {Authorization: Bearer admin-1}
        body: '{"verb":{{json .Verb}},"locURI":{{json .LocURI}},"format":{{json .Format}},"data":{{json .Data}}}'
    push:
      http: {url: 'http://%[2]s/devices/{{.DeviceID}}/push', headers: {Authorization: Bearer admin-1}}
    unenroll:
      http: {url: 'http://%[2]s/devices/{{.DeviceID}}/unenroll', headers: {Authorization: Bearer admin-1}}
    restart:
      http: {url: 'http://%[2]s/restart', headers: {Authorization: Bearer admin-1}}
    active:
      exec: [curl, -sf, -H, 'Authorization: Bearer admin-1', 'http://%[2]s/devices?active=true']
wns: {mode: %[3]s, listen: '%[4]s', proxy: '%[5]s', ca_dir: ca}
timeouts: {push: 10s, quiet: 700ms}
`, devices, admin, mode, wns, proxy)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestAnotherProcess: against "dmwake mdm" as a separate process, using only its
// HTTPS endpoints and hooks, the verdicts equal the embedded run's: through the
// proxy, like an unmodified server, and directly, with a mutant.
func TestAnotherProcess(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("NOT RUN: curl, which the exec hook uses, is not on this machine")
	}
	secrets := []string{"DMWAKE_PASSWORD=secret-1", "DMWAKE_ADMIN_TOKEN=admin-1"}
	t.Run("proxy", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		devices, admin, wns, proxy := testenv.Addr(t), testenv.Addr(t), testenv.Addr(t), testenv.Addr(t)
		mdm(t, dir, append(secrets, "HTTPS_PROXY=http://"+proxy), "--listen", devices, "--admin", admin, "--ca-dir", "ca")
		config := configure(t, dir, "proxy", devices, admin, wns, proxy)
		every := 3 // all areas, and all of them reach the server the same way
		if testing.Short() {
			every = 12
		}
		var only []string
		for i, one := range scenarios.All() {
			if i%every == 0 {
				only = append(only, one.ID)
			}
		}
		list := strings.Join(only, ",")
		got, code := verdicts(t, dir, "--config", config, "--parallel", "4", "--only", list)
		want, embedded := verdicts(t, dir, "--only", list)
		same(t, got, want)
		if code != 0 || embedded != 0 {
			t.Errorf("exit codes %d and %d, want 0", code, embedded)
		}
	})
	t.Run("direct, mutant", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		devices, admin, wns := testenv.Addr(t), testenv.Addr(t), testenv.Addr(t)
		const mutant, only = "ses-cmdref-fixed", "ENR-14,SES-09,SES-10,PSH-01,ERR-01"
		const other = "enr-appid-case" // its failure has messages with the password, redacted
		mdm(t, dir, secrets, "--listen", devices, "--admin", admin, "--ca-dir", "ca", "--wns", "https://"+wns, "--mutant", mutant, "--mutant", other)
		config := configure(t, dir, "direct", devices, admin, wns, "")
		got, code := verdicts(t, dir, "--config", config, "--only", only)
		want, embedded := verdicts(t, dir, "--mutant", mutant, "--mutant", other, "--only", only)
		same(t, got, want)
		if code != 1 || embedded != 1 || got["SES-09"] != report.Failed || got["ENR-14"] != report.Failed {
			t.Errorf("exit codes %d and %d, want 1; SES-09 %s, ENR-14 %s", code, embedded, got["SES-09"], got["ENR-14"])
		}
	})
}

func same(t *testing.T, got, want map[string]report.Outcome) {
	t.Helper()
	if len(want) == 0 {
		t.Error("no verdicts to compare")
	}
	for _, s := range scenarios.All() {
		id, w := s.ID, want[s.ID]
		if s.On != "" && (got[id] == report.NotApplicable || got[id] == report.Skipped && s.Level != report.Must) {
			continue // the embedded server is specially configured for it
		}
		if got[id] != w {
			t.Errorf("%s: %s against the other process, %s embedded", id, got[id], w)
		}
	}
}

// TestInterrupt: Ctrl-C ends a run and keeps its results.
func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	file := filepath.Join(t.TempDir(), "result.json")
	// With this seed the first area runs first, one at a time: most are still to come.
	cmd := command(ctx, t.TempDir(), nil, "test", "--area", "PFN,CHN,TOK,WNS,PSH", "--json", file, "--parallel", "1", "--seed", "7")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	lines, passed := bufio.NewScanner(out), 0
	for lines.Scan() {
		all.WriteString(lines.Text() + "\n")
		if passed += strings.Count(lines.Text(), "pass  "); passed == 3 {
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}
	}
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit code %d, want %d", code, exitInterrupted)
	}
	if !strings.Contains(all.String(), "The run ended early: interrupted") {
		t.Errorf("output:\n%s", all.String())
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r report.Report
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	if r.Summary.Passed < 3 || r.Summary.Skipped < 10 || r.Summary.Failed != 0 {
		t.Errorf("summary %+v: what was learned must be kept, what was not is not a failure", r.Summary)
	}
}
