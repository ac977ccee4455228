package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// maxPID is the largest number of a process on Linux (PID_MAX_LIMIT, proc_sys_kernel(5)). A
// name of more digits is an id of a container.
const maxPID = 1 << 22

// inspectTimeout is how long docker or podman may take to name a container's process.
const inspectTimeout = 10 * time.Second

// mainProcess is the main process of a container: a number stands for itself, any
// other name is asked of docker or podman.
func mainProcess(ctx context.Context, name string) (pid int, err error) {
	if n, err := strconv.Atoi(name); err == nil && n > 0 && n <= maxPID {
		return n, nil
	}
	if name == "" || strings.HasPrefix(name, "-") {
		return 0, fmt.Errorf("%q is not the name of a container", name)
	}
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	var failed []error
	for _, tool := range []string{"docker", "podman"} {
		file, err := exec.LookPath(tool)
		if err != nil {
			continue
		}
		cmd := exec.CommandContext(ctx, file, "inspect", "--type", "container", "--format", "{{.State.Pid}}", name) //nolint:gosec // the user's own docker
		cmd.WaitDelay = time.Second
		out, err := cmd.Output()
		pid, perr := strconv.Atoi(strings.TrimSpace(string(out)))
		switch {
		case err != nil:
			failed = append(failed, fmt.Errorf("%s: %w%s", tool, err, lastWords(err)))
		case perr != nil || pid <= 0:
			failed = append(failed, fmt.Errorf("%s: the container does not run", tool))
		default:
			return pid, nil
		}
	}
	if len(failed) == 0 {
		return 0, fmt.Errorf("neither docker nor podman is on this machine to find %q; give the number of its main process instead", name)
	}
	return 0, fmt.Errorf("%q was not found (%w); or give the number of its main process", name, errors.Join(failed...))
}

// lastWords are the last line that a command wrote to its standard error.
func lastWords(err error) string {
	var e *exec.ExitError
	if !errors.As(err, &e) {
		return ""
	}
	text := strings.TrimSpace(strings.ToValidUTF8(string(e.Stderr), ""))
	if text = text[strings.LastIndex(text, "\n")+1:]; text == "" {
		return ""
	}
	return ": " + text[:min(len(text), 200)]
}

// host is where the files of the kernel are.
type host struct{ proc, root string }

var hostFiles = host{"/proc", "/"}

// group is a container, read from the files of its control group (the kernel's
// documentation, admin-guide/cgroup-v2).
type group struct {
	dir  string
	proc string
}

// openGroup finds the control group of a process.
func openGroup(h host, pid int) (g *group, note string, err error) {
	if runtime.GOOS != "linux" {
		return nil, "", fmt.Errorf("containers can be watched on Linux only, and this is %s; --scrape works everywhere", runtime.GOOS)
	}
	own, err := h.groupOf(pid)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "", fmt.Errorf("there is no process %d; the number must be the one on this machine, not the one inside the container", pid)
	case err != nil:
		return nil, "", fmt.Errorf("the control group of process %d: %w", pid, err)
	case own == "/" || strings.HasPrefix(own, "/.."):
		return nil, "", fmt.Errorf("process %d is in no control group of its own (%s), at least not in version 2 of control groups; watch it with --pid, which counts its children, too", pid, own)
	}
	if mine, err := h.groupOf(os.Getpid()); err == nil && (mine == own || strings.HasPrefix(mine, own+"/")) {
		return nil, "", fmt.Errorf("process %d is in the same control group as dmwake (%s): its figures would include dmwake's; watch it with --pid", pid, own)
	}
	mount, err := h.mount()
	if err != nil {
		return nil, "", err
	}
	g = &group{dir: filepath.Join(h.root, mount, own), proc: h.proc}
	if _, err := g.read(); err != nil {
		return nil, "", fmt.Errorf("the control group %s cannot be read: %w", own, err)
	}
	if _, err := os.ReadDir(filepath.Join(h.proc, strconv.Itoa(pid), "fd")); errors.Is(err, fs.ErrPermission) {
		note = fmt.Sprintf("The open files of the container of process %d cannot be counted: it belongs to another user.", pid)
	}
	return g, note, nil
}

// groupOf is the path of a process's control group: the line that begins with "0::"
// (cgroups(7)).
func (h host) groupOf(pid int) (string, error) {
	raw, err := os.ReadFile(filepath.Join(h.proc, strconv.Itoa(pid), "cgroup"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(raw)) {
		if at, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return at, nil
		}
	}
	return "", errors.New("this machine has version 1 of control groups only; watch the main process with --pid, which counts its children, too")
}

// mount is where version 2 of control groups is mounted: a line of mountinfo has
// " - cgroup2 " after the fifth field, the mount point (proc_pid_mountinfo(5)).
func (h host) mount() (string, error) {
	raw, err := os.ReadFile(filepath.Join(h.proc, "self", "mountinfo"))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(raw)) {
		before, after, _ := strings.Cut(line, " - ")
		if fields := strings.Fields(before); strings.HasPrefix(after, "cgroup2 ") && len(fields) > 4 {
			return fields[4], nil
		}
	}
	return "", errors.New("version 2 of control groups is not mounted on this machine; watch the main process with --pid, which counts its children, too")
}

// read implements source.
func (g *group) read() (u usage, err error) {
	stat, err := keyed(filepath.Join(g.dir, "cpu.stat"))
	if err != nil {
		return u, g.gone(err)
	}
	u.cpu = float64(stat["usage_usec"]) / 1e6
	if u.rss, err = number(filepath.Join(g.dir, "memory.current")); err != nil {
		return u, g.gone(err)
	}
	// The cache of files that were read counts as memory of the group, although the
	// kernel takes it back when it needs it. docker stats leaves it out as well.
	if stat, err := keyed(filepath.Join(g.dir, "memory.stat")); err == nil {
		u.rss = max(u.rss-stat["inactive_file"], 0)
	}
	if n, err := number(filepath.Join(g.dir, "pids.current")); err == nil {
		u.threads = int(n) // tasks, which are threads
	}
	filepath.WalkDir(g.dir, func(at string, e fs.DirEntry, err error) error { //nolint:errcheck // what is gone has no files
		if err == nil && !e.IsDir() && e.Name() == "cgroup.procs" {
			u.files += g.filesOf(at)
		}
		return nil
	})
	return u, nil
}

func (g *group) gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the container of control group %s ended", filepath.Base(g.dir))
	}
	return err
}

// filesOf counts the open files of the processes in a list.
func (g *group) filesOf(list string) (n int) {
	raw, err := os.ReadFile(list)
	if err != nil {
		return 0
	}
	for pid := range strings.FieldsSeq(string(raw)) {
		if open, err := os.ReadDir(filepath.Join(g.proc, pid, "fd")); err == nil {
			n += len(open)
		}
	}
	return n
}

// number reads a file that holds a number.
func number(file string) (int64, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64)
}

// keyed reads a file of lines with a name and a number.
func keyed(file string) (map[string]int64, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	out := map[string]int64{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			out[name] = n
		}
	}
	return out, lines.Err()
}
