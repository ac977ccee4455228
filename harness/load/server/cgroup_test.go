package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// fakeHost is a machine with a process in a container, as the kernel's files show it.
func fakeHost(t *testing.T, group string) host {
	t.Helper()
	dir := t.TempDir()
	h := host{filepath.Join(dir, "proc"), dir}
	at := "sys/fs/cgroup/unified" + group
	for name, text := range map[string]string{
		"proc/self/mountinfo": "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n",
		"proc/4242/cgroup":    "4:memory:/old\n0::" + group + "\n",
		"proc/4242/fd/0":      "", "proc/4242/fd/1": "", "proc/4243/fd/0": "",
		fmt.Sprintf("proc/%d/cgroup", os.Getpid()): "0::/user.slice\n",
		at + "/cpu.stat":           "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\n",
		at + "/memory.current":     "80000000\n",
		at + "/memory.stat":        "anon 60000000\ninactive_file 20000000\n",
		at + "/pids.current":       "17\n",
		at + "/cgroup.procs":       "4242\n",
		at + "/below/cgroup.procs": "4243\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// TestContainer: the figures of a control group are those of all processes in it.
func TestContainer(t *testing.T) {
	onLinux(t)
	h := fakeHost(t, "/system.slice/docker-1f2e.scope")
	g, note, err := openGroup(h, 4242)
	if err != nil || note != "" {
		t.Fatal(note, err)
	}
	u, err := g.read()
	if want := (usage{cpu: 2.5, rss: 60e6, files: 3, threads: 17}); err != nil || u != want {
		t.Errorf("%+v, %v; want %+v", u, err, want)
	}
	if err := os.RemoveAll(g.dir); err != nil {
		t.Fatal(err)
	}
	if _, err := g.read(); err == nil || !strings.Contains(err.Error(), "docker-1f2e.scope ended") {
		t.Errorf("after the end: %v", err)
	}
}

// TestNoContainer: what is no container, or cannot be read, is refused with what to do.
func TestNoContainer(t *testing.T) {
	onLinux(t)
	for name, c := range map[string]struct {
		group string
		edit  func(dir string) error
		pid   int
		want  string
	}{
		"root":    {"/", nil, 4242, "watch it with --pid"},
		"outside": {"/../../x", nil, 4242, "watch it with --pid"},
		"our own": {"/user.slice", nil, 4242, "same control group as dmwake"},
		"above ours": {"/user.slice", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "proc", strconv.Itoa(os.Getpid()), "cgroup"), []byte("0::/user.slice/ours\n"), 0o600)
		}, 4242, "same control group as dmwake"},
		"gone": {"/a", nil, 77, "there is no process 77"},
		"version 1": {"/a", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "proc/4242/cgroup"), []byte("4:memory:/old\n"), 0o600)
		}, 4242, "version 1 of control groups only"},
		"no mount": {"/a", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "proc/self/mountinfo"), nil, 0o600)
		}, 4242, "not mounted"},
		"no files": {"/a", func(dir string) error { return os.Remove(filepath.Join(dir, "sys/fs/cgroup/unified/a/cpu.stat")) }, 4242, "ended"},
	} {
		h := fakeHost(t, c.group)
		if c.edit != nil {
			if err := c.edit(h.root); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := openGroup(h, c.pid); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestContainerByName: docker or podman is asked for the main process; a number needs
// neither.
func TestContainerByName(t *testing.T) {
	onLinux(t)
	tool := func(name, script string) string {
		dir := t.TempDir()
		if script != "" {
			if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	for _, c := range []struct {
		tool, script, name string
		pid                int
		want               string
	}{
		{"", "", "4242", 4242, ""},
		{"docker", `[ "$*" = "inspect --type container --format {{.State.Pid}} mdm" ] && echo 4711`, "mdm", 4711, ""},
		{"podman", "echo 4712", "mdm", 4712, ""},
		{"podman", "echo 4712", "123456789012", 4712, ""}, // an id of digits only
		{"docker", "echo 0", "mdm", 0, "does not run"},
		{"docker", "echo no such container >&2; exit 1", "mdm", 0, "no such container"},
		{"", "", "mdm", 0, "neither docker nor podman"},
		{"docker", "echo 1", "--help", 0, "not the name of a container"},
		{"docker", "echo 1", "", 0, "not the name of a container"},
	} {
		t.Setenv("PATH", tool(c.tool, c.script))
		pid, err := mainProcess(t.Context(), c.name)
		if pid != c.pid || (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %q: %d, %v; want %d, %q", c.name, c.script, pid, err, c.pid, c.want)
		}
	}
}
