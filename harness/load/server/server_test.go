package server

import (
	"errors"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
)

// steady is a process that uses a part of a processor, and more once the clock has
// passed a moment.
type steady struct {
	from       time.Time
	idle, busy float64
	since      time.Time // when it becomes busy
	until      time.Time // when it ends; zero: never
}

func (s *steady) read() (usage, error) {
	now := time.Now()
	if !s.until.IsZero() && !now.Before(s.until) {
		return usage{}, errors.New("process 42 ended")
	}
	u := usage{cpu: s.idle * now.Sub(s.from).Seconds(), rss: 50e6, files: 7, threads: 3}
	if now.After(s.since) {
		u.cpu += (s.busy - s.idle) * now.Sub(s.since).Seconds()
		u.rss, u.files = 80e6, 90
	}
	return u, nil
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-6 }

// TestFigures: the idle server is measured before the plan, and taken off what a
// wake-up cost. The warm-up does not count.
func TestFigures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		plan := begin.Add(2 * time.Second)
		w := &Watch{}
		w.add(&probe{Process: result.Process{PID: 42, Name: "mdm"}, source: &steady{from: begin, idle: 0.1, busy: 0.6, since: plan}}, "")
		w.Start()
		time.Sleep(12400 * time.Millisecond)
		w.Stop()
		if share, ok := w.CPU(); !ok || !near(share, 0.6) {
			t.Errorf("the last step used %g, %t", share, ok)
		}
		got := w.Result(Window{Start: plan, Counted: plan.Add(2500 * time.Millisecond), End: plan.Add(10 * time.Second), Wakes: 100})
		p := &got.Processes[0]
		if !near(p.Seconds, 7.5) || !near(p.CPUSeconds, 4.5) || p.IdleCPU == nil || !near(*p.IdleCPU, 0.1) {
			t.Errorf("%+v, idle %v", p, p.IdleCPU)
		}
		if !near(p.NetCPU(), 3.75) || !near(p.CPUPerWake, 0.0375) {
			t.Errorf("%g net, %g per wake-up", p.NetCPU(), p.CPUPerWake)
		}
		if p.PeakRSS != 80e6 || p.PeakFiles != 90 || p.PeakThreads != 3 {
			t.Errorf("peaks: %+v", p)
		}
		first, last := p.Course[0], p.Course[len(p.Course)-1]
		if !near(first.At, -1) || !near(first.CPU, 0.1) || !near(last.At, 10.4) || !near(last.CPU, 0.6) || len(p.Course) != 12 {
			t.Errorf("%d steps from %+v to %+v", len(p.Course), first, last)
		}
		if len(got.Notes) > 0 {
			t.Errorf("notes: %v", got.Notes)
		}
	})
}

// TestEndsMidway: what was seen of a process that ended stays, with a note.
func TestEndsMidway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		w := &Watch{}
		w.add(&probe{source: &steady{from: begin, idle: 0.5, busy: 0.5, since: begin.Add(time.Hour), until: begin.Add(3500 * time.Millisecond)}}, "")
		w.Start()
		time.Sleep(10 * time.Second)
		w.Stop()
		got := w.Result(Window{Start: begin, Counted: begin, End: begin.Add(10 * time.Second)})
		if p := got.Processes[0]; !near(p.Seconds, 3) || !near(p.CPUSeconds, 1.5) || p.IdleCPU != nil {
			t.Errorf("%+v", p)
		}
		if len(got.Notes) != 1 || !strings.HasPrefix(got.Notes[0], "process 42 ended at ") {
			t.Errorf("notes: %v", got.Notes)
		}
		if _, ok := w.CPU(); ok {
			t.Error("an ended process still uses the processor")
		}
	})
}

// TestLongCourse: a long run has longer steps, and loses neither time nor peaks.
func TestLongCourse(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	p := &probe{}
	for i := range 3601 {
		u := usage{cpu: 0.25 * float64(i), rss: 1000}
		if i == 1777 {
			u.rss = 9000
		}
		p.samples = append(p.samples, sample{u, start.Add(time.Duration(i) * time.Second)})
	}
	all := p.course(start)
	most := int64(0)
	for _, u := range all {
		if most = max(most, u.RSS); !near(u.CPU, 0.25) {
			t.Fatalf("%+v", u)
		}
	}
	if n := len(all); n > mostPoints || n < mostPoints/2 || all[n-1].At != 3600 || most != 9000 {
		t.Errorf("%d steps, the last at %g, the peak %d", n, all[n-1].At, most)
	}
}

func onLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("NOT RUN: processes are watched on Linux only")
	}
}

// TestProcess: a real process is watched with its children, also with those that end.
func TestProcess(t *testing.T) {
	onLinux(t)
	// Each loop of a second shell uses processor time until it has counted to the end.
	const loop = `i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done`
	cmd := exec.Command("sh", "-c", `sh -c '`+loop+`; read end'; `+loop+`; echo done; read end`)
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	w := &Watch{}
	if err := w.AddProcess(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if err := w.AddProcess(cmd.Process.Pid); err == nil || !strings.Contains(err.Error(), "named twice") {
		t.Errorf("the same process again: %v", err)
	}
	tr := w.probes[0].source.(*tree)
	u := usage{threads: 1}
	for u.threads < 2 { // until the child is there
		var err error
		if u, err = tr.read(); err != nil {
			t.Fatal(err)
		}
	}
	if u.rss == 0 || u.files < 6 {
		t.Errorf("two processes: %+v", u)
	}
	if _, err := in.Write([]byte("\n")); err != nil { // ends the child
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	after, err := tr.read()
	if err != nil || after.threads != 1 || after.cpu <= u.cpu {
		t.Errorf("after the child: %+v, before: %+v, %v", after, u, err)
	}
	in.Close()
	cmd.Wait()
	if _, err := tr.read(); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("after the end: %v", err)
	}
}

// TestWrongProcess: each process that cannot be watched is refused with its reason.
func TestWrongProcess(t *testing.T) {
	onLinux(t)
	over := exec.Command("true")
	if err := over.Run(); err != nil {
		t.Fatal(err)
	}
	for pid, want := range map[int]string{
		os.Getpid(): "is dmwake itself", os.Getppid(): "dmwake itself runs under process", 0: "not the number of a process", -1: "not the number of a process", over.Process.Pid: "there is no process",
	} {
		if err := (&Watch{}).AddProcess(pid); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("process %d: %v, want %q", pid, err, want)
		}
	}
	full := &Watch{probes: make([]*probe, MaxProcesses)}
	if err := full.AddProcess(1); err == nil || !strings.Contains(err.Error(), "at most 3") {
		t.Error(err)
	}
}
