package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"github.com/prometheus/procfs"
)

// userHZ is the unit of times in /proc/PID/stat: 100 a second on every Linux that Go
// runs on.
const userHZ = 100

// tree is a process and its children, read from /proc (proc_pid_stat(5)).
type tree struct {
	fs      procfs.FS
	root    int
	apart   map[int]bool   // children that are watched on their own
	members map[int]uint64 // the processes of the tree, and when each started
	raw     float64        // the sum of the last reading
	cpu     float64        // of usage so far
}

// openTree checks that a process can be watched. note says what of it cannot be read.
func openTree(pid int, apart map[int]bool) (t *tree, name, note string, err error) {
	files, err := procfs.NewDefaultFS()
	if err != nil {
		return nil, "", "", fmt.Errorf("processes can be watched on Linux only, and this is %s; --scrape works everywhere", runtime.GOOS)
	}
	if pid <= 0 {
		return nil, "", "", fmt.Errorf("%d is not the number of a process", pid)
	}
	if pid == os.Getpid() {
		return nil, "", "", fmt.Errorf("process %d is dmwake itself; name the server's process", pid)
	}
	p, err := files.Proc(pid)
	if err != nil {
		return nil, "", "", fmt.Errorf("there is no process %d, or this user may not see it; is the server running?", pid)
	}
	st, err := p.Stat()
	if err != nil {
		return nil, "", "", fmt.Errorf("process %d cannot be read: %w", pid, err)
	}
	if st.State == "Z" {
		return nil, "", "", fmt.Errorf("process %d has ended already", pid)
	}
	if s, err := p.NewStatus(); err == nil && s.TGID != 0 && s.TGID != pid {
		return nil, "", "", fmt.Errorf("%d is a thread of process %d; name the process", pid, s.TGID)
	}
	if above(files, os.Getpid(), pid) {
		return nil, "", "", fmt.Errorf("dmwake itself runs under process %d (%s); name the server's own process", pid, st.Comm)
	}
	if _, err := p.FileDescriptorsLen(); errors.Is(err, fs.ErrPermission) {
		note = fmt.Sprintf("The open files of process %d cannot be counted: it belongs to another user.", pid)
	}
	return &tree{fs: files, root: pid, apart: apart, members: map[int]uint64{pid: st.Starttime}}, st.Comm, note, nil
}

// above tells whether a process is an ancestor of another one.
func above(files procfs.FS, pid, ancestor int) bool {
	for range 1000 {
		p, err := files.Proc(pid)
		if err != nil {
			return false
		}
		st, err := p.Stat()
		if err != nil || st.PPID == 0 {
			return false
		}
		if st.PPID == ancestor {
			return true
		}
		pid = st.PPID
	}
	return false
}

// read implements source.
func (t *tree) read() (u usage, err error) {
	all, err := t.fs.AllProcs()
	if err != nil {
		return u, err
	}
	stats := make(map[int]procfs.ProcStat, len(all))
	for _, p := range all {
		if st, err := p.Stat(); err == nil { // it may have ended just now
			stats[p.PID] = st
		}
	}
	root, ok := stats[t.root]
	if !ok || root.Starttime != t.members[t.root] || root.State == "Z" {
		return u, fmt.Errorf("process %d ended", t.root)
	}
	t.join(stats)
	raw := 0.0
	for pid := range t.members {
		st := stats[pid]
		// Children that ended are in the figures of the parent that waited for them.
		raw += (float64(st.UTime+st.STime) + float64(st.CUTime+st.CSTime)) / userHZ
		u.rss += int64(st.ResidentMemory())
		u.threads += st.NumThreads
		if p, err := t.fs.Proc(pid); err == nil {
			if n, err := p.FileDescriptorsLen(); err == nil {
				u.files += n
			}
		}
	}
	// The time of a child that nobody waited for is lost when it ends.
	t.cpu += max(raw-t.raw, 0)
	t.raw, u.cpu = raw, t.cpu
	return u, nil
}

// join drops the members that ended and adds new children. A child stays a member
// when its parent ends.
func (t *tree) join(stats map[int]procfs.ProcStat) {
	for pid, started := range t.members {
		if st, ok := stats[pid]; !ok || st.Starttime != started {
			delete(t.members, pid)
		}
	}
	children := map[int][]int{}
	for pid, st := range stats {
		children[st.PPID] = append(children[st.PPID], pid)
	}
	var todo []int
	for pid := range t.members {
		todo = append(todo, pid)
	}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, child := range children[at] {
			if _, known := t.members[child]; !known && !t.apart[child] {
				t.members[child] = stats[child].Starttime
				todo = append(todo, child)
			}
		}
	}
}
