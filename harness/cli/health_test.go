package cli

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/internal/testenv"
)

// healthOf runs dmwake health as a health check does: a process of its own.
func healthOf(t *testing.T, dir string, env []string, args ...string) (code int, said string) {
	t.Helper()
	cmd := command(t.Context(), dir, append([]string{healthEnv + "=", "HTTP_PROXY=http://127.0.0.1:1", "HTTPS_PROXY=http://127.0.0.1:1"}, env...), append([]string{"health"}, args...)...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// TestHealthOfLab: a lab is healthy by its URL and by its file, with a token it does not
// give away, and unhealthy once it has ended.
func TestHealthOfLab(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startLab(t, dir, "ready", "--ready", "ready.json")
	for _, args := range [][]string{{p.api.URL}, {p.api.URL + "/"}, {"--ready", "ready.json"}} {
		if code, said := healthOf(t, dir, nil, args...); code != exitOK || !strings.HasPrefix(said, "ready: "+p.api.URL) {
			t.Errorf("health %v: exit code %d: %s", args, code, said)
		}
	}
	if code, said := healthOf(t, dir, []string{healthEnv + "=ready.json"}); code != exitOK {
		t.Errorf("by the environment: exit code %d: %s", code, said)
	}
	p.kill()
	if code, said := healthOf(t, dir, nil, "--ready", "ready.json"); code != exitFailed || !strings.HasPrefix(said, "dmwake: not ready: ") {
		t.Errorf("of a lab that was killed: exit code %d: %s", code, said)
	}
}

// TestHealthInAContainer: as the image has it, the environment alone names the file; a
// lab that listens to all addresses, with a token, is asked at this machine's.
func TestHealthInAContainer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	env := []string{healthEnv + "=" + filepath.Join(dir, "ready.json"), "DMWAKE_CONTROL_TOKEN=token-1"}
	if code, said := healthOf(t, dir, env); code != exitFailed || !strings.Contains(said, "nothing is ready yet") {
		t.Errorf("before anything runs: exit code %d: %s", code, said)
	}
	lab := command(t.Context(), dir, env, "lab", "--wns-listen", "127.0.0.1:0", "--proxy", "127.0.0.1:0", "--control", "0.0.0.0:0", "--ca-dir", "ca")
	started(t, lab, "ready;")
	if code, said := healthOf(t, dir, env); code != exitOK {
		t.Errorf("exit code %d: %s", code, said)
	}
	// Another command in the container leaves the file as it is.
	before, err := os.ReadFile(filepath.Join(dir, "ready.json"))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := command(t.Context(), dir, env, "test", "--only", "ENR-01").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if after, err := os.ReadFile(filepath.Join(dir, "ready.json")); err != nil || string(after) != string(before) {
		t.Errorf("dmwake test changed the file of a lab: %v\n%s", err, after)
	}
}

// TestHealthOfMDM: the reference server is healthy if its admin API answers and devices
// find the certificate of its discovery URL, whose name need not resolve.
func TestHealthOfMDM(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mdm(t, dir, []string{"DMWAKE_ADMIN_TOKEN=token-1"}, "--listen", "auto", "--admin", "auto", "--ca-dir", "ca", "--url", "https://enrollment.mdm.example", "--ready", "ready.json")
	raw, err := os.ReadFile(filepath.Join(dir, "ready.json"))
	if err != nil {
		t.Fatal(err)
	}
	var at readyMDM
	if err := json.Unmarshal(raw, &at); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{at.Admin}, {"--ready", "ready.json"}} {
		if code, said := healthOf(t, dir, nil, args...); code != exitOK || !strings.HasPrefix(said, "ready: http") {
			t.Errorf("health %v: exit code %d: %s", args, code, said)
		}
	}
	// A certificate of another CA is what devices refuse.
	if _, err := intercept.LoadCA(filepath.Join(dir, "other")); err != nil {
		t.Fatal(err)
	}
	at.CA = filepath.Join(dir, "other", "ca.pem")
	if raw, err = json.Marshal(at); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "other.json"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, said := healthOf(t, dir, nil, "--ready", "other.json"); code != exitFailed || !strings.Contains(said, "certificate") {
		t.Errorf("with a wrong certificate: exit code %d: %s", code, said)
	}
}

// TestHealthOfARun: a load serves nothing, and is healthy while it goes on.
func TestHealthOfARun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "ready.json")
	env := []string{healthEnv + "=" + file}
	run := command(t.Context(), dir, env, "load", "--devices", "1", "--rate", "1", "--duration", "1h")
	started(t, run, "dmwake")
	if code, said := healthOf(t, dir, env); code != exitOK || said != "ready: dmwake load\n" {
		t.Errorf("exit code %d: %s", code, said)
	}
	if err := run.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	run.Wait()
	if code, said := healthOf(t, dir, env); code != exitFailed || !strings.Contains(said, "has ended") {
		t.Errorf("of a run that was killed: exit code %d: %s", code, said)
	}
	os.Remove(file)
	if out, err := command(t.Context(), dir, env, "test", "--only", "ENR-01").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the file of a run that has ended is still there: %v", err)
	}
}

// TestHealthRefused: what is no address, no file, or no dmwake.
func TestHealthRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"text": "ready", "empty.json": "{}"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for args, want := range map[string]struct {
		code int
		said string
	}{
		"":                                {exitUsage, "--ready FILE"},
		"7081":                            {exitUsage, "no address"},
		"https://127.0.0.1:7081":          {exitUsage, "no address"},
		"http://127.0.0.1:1 http://x":     {exitUsage, "takes one URL"},
		"http://127.0.0.1:1 --ready f":    {exitUsage, "not both"},
		"http://127.0.0.1:1 --timeout 0s": {exitUsage, "--timeout"},
		"http://" + testenv.Addr(t):       {exitFailed, "nothing listens there"},
		"--ready text":                    {exitFailed, "no file of --ready"},
		"--ready empty.json":              {exitFailed, "no address"},
		"--ready nowhere.json":            {exitFailed, "nothing is ready yet"},
		"--timeout 50ms http://" + silent.Addr().String(): {exitFailed, "it did not answer in time"},
	} {
		if code, said := healthOf(t, dir, nil, strings.Fields(args)...); code != want.code || !strings.Contains(said, want.said) || strings.Count(said, "\n") != 1 {
			t.Errorf("health %s: exit code %d, want %d with %q: %s", args, code, want.code, want.said, said)
		}
	}
}
