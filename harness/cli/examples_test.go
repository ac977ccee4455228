package cli

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
)

const examples = "../examples"

// example runs a test of harness/examples with this binary as dmwake.
func example(t *testing.T, dir string, argv ...string) {
	t.Helper()
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = filepath.Join(examples, dir)
	cmd.Env = append(os.Environ(), asDmwake+"=1", "DMWAKE="+os.Args[0], "PYTHONDONTWRITEBYTECODE=1", "HTTPS_PROXY=", "https_proxy=")
	cmd.WaitDelay = 20 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %v\n%s", argv, err, out)
	}
	if !strings.Contains(string(out), "pass") {
		t.Errorf("%v does not say what passed:\n%s", argv, out)
	}
}

// TestExamplePython: pytest and requests.
func TestExamplePython(t *testing.T) {
	for _, python := range []string{"/usr/bin/python3", "python3"} { // the first python3 of a PATH may be without them
		if exec.Command(python, "-c", "import pytest, requests").Run() == nil {
			example(t, "python", python, "-m", "pytest", "-q", "-p", "no:cacheprovider")
			return
		}
	}
	t.Skip("NOT RUN: no Python with pytest and requests is on this machine (Debian packages python3-pytest, python3-requests)")
}

// TestExampleNode: node:test and fetch.
func TestExampleNode(t *testing.T) {
	needs(t, "node", 20)
	example(t, "node", "node", "--test", "push.test.mjs")
}

// TestExampleJava: a plain main and java.net.http.
func TestExampleJava(t *testing.T) {
	needs(t, "java", 17)
	example(t, "java", "java", "-XX:TieredStopAtLevel=1", "PushTest.java")
}

var major = regexp.MustCompile(`\d+`)

// needs skips a test where a program is not there, or too old.
func needs(t *testing.T, program string, version int) {
	t.Helper()
	out, err := exec.Command(program, "--version").Output()
	if err != nil {
		t.Skipf("NOT RUN: %s is not on this machine", program)
	}
	if n, _ := strconv.Atoi(major.FindString(string(out))); n < version {
		t.Skipf("NOT RUN: %s is older than %d", program, version)
	}
}

// TestHelperSizes: what a user copies is short.
func TestHelperSizes(t *testing.T) {
	for _, file := range []string{"python/dmwake.py", "node/dmwake.mjs"} {
		text, err := os.ReadFile(filepath.Join(examples, file))
		if n := strings.Count(string(text), "\n"); err != nil || n > 80 {
			t.Errorf("%s has %d lines: %v", file, n, err)
		}
	}
}

// TestReadyFile: lab and server write their addresses, also over an older file. A file
// that cannot be written is an error at once.
func TestReadyFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "ready.json")
	if err := os.WriteFile(file, []byte("of an earlier run"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startLab(t, dir, "ready", "--ready", "ready.json")
	var lab readyLab
	raw, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(raw, &lab)
	}
	if err != nil || lab.Control != p.api.URL || lab.WNS != "https://"+p.wns || lab.Console != lab.Control+"/console/" || lab.PID != p.cmd.Process.Pid {
		t.Errorf("%v: %s", err, raw)
	}
	if lab.Env["HTTPS_PROXY"] != lab.Proxy || lab.Proxy == "" || lab.CA != filepath.Join(dir, "ca", "ca.pem") || lab.App.PFN != fakewns.DefaultApp.PFN || !strings.HasPrefix(lab.App.TokenURL, "https://login.live.com/") {
		t.Errorf("%s", raw)
	}
	mdm(t, dir, []string{"DMWAKE_PASSWORD=secret-1"}, "--listen", "auto", "--admin", "auto", "--ca-dir", "ca", "--ready", "mdm.json")
	raw, err = os.ReadFile(filepath.Join(dir, "mdm.json"))
	var server readyMDM
	if err == nil {
		err = json.Unmarshal(raw, &server)
	}
	if err != nil || !strings.HasPrefix(server.Discovery, "https://127.0.0.1:") || !strings.HasPrefix(server.Admin, "http://127.0.0.1:") || server.CA != lab.CA || strings.Contains(string(raw), "secret-1") {
		t.Errorf("%v: %s", err, raw)
	}
	for _, args := range [][]string{{"lab", "--ready", "nowhere/x"}, {"mdm", "--ready", "nowhere/x"}, {"lab", "--ready", "ca"}} {
		cmd := command(t.Context(), dir, nil, args...)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != exitUsage || !strings.Contains(string(out), "--ready") {
			t.Errorf("%v exits with %d: %s", args, code, out)
		}
	}
}
