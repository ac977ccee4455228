package cli

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/live"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// watched is an activity of so many devices, with what it prints, and the devices.
func watched(t *testing.T, lines loudness, count int) (a *activity, out *strings.Builder, devices []*dmclient.Device) {
	t.Helper()
	out = &strings.Builder{}
	a = newActivity(&printer{w: out}, lines)
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	a.now = func() time.Time { at = at.Add(time.Second); return at }
	var rows []row
	for i := range count {
		id := dmclient.Identity{DeviceID: fmt.Sprintf("ID%03d", i), Name: fmt.Sprintf("PC-%03d", i)}
		d, err := dmclient.New(dmclient.Config{Username: "a@b.example", Identity: id})
		if err != nil {
			t.Fatal(err)
		}
		devices = append(devices, d)
		rows = append(rows, row{number: i + 1, id: id.DeviceID, name: id.Name, state: "enrolled"})
	}
	a.add(rows)
	return a, out, devices
}

// TestActivityLines: a line for each push and session, and sums for what is too much.
func TestActivityLines(t *testing.T) {
	a, out, devices := watched(t, allEventLines, 1)
	a.pushed("ID000")
	a.pushed("nobody")
	a.session(devices[0], &dmclient.Session{Origin: dmclient.OriginPush, Commands: make([]dmclient.Executed, 2)}, nil, false)
	a.session(devices[0], &dmclient.Session{Origin: dmclient.OriginSchedule}, errors.New("no reply"), true)
	a.session(devices[0], nil, dmclient.ErrNotEnrolled, false)
	a.period() // nothing is to be summed
	want := "03:04:06  PC-000           push\n" +
		"03:04:07  PC-000           session  push, 2 commands\n" +
		"03:04:08  PC-000           FAILED   poll for another dmwake: no reply\n" +
		"03:04:09  PC-000           FAILED   the device is not enrolled\n"
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", out, want)
	}
	out.Reset()
	for range 100 {
		a.pushed("ID000")
		a.session(devices[0], &dmclient.Session{Origin: dmclient.OriginPush}, nil, false)
		a.session(devices[0], &dmclient.Session{Origin: dmclient.OriginPush}, errors.New("x"), false)
	}
	a.period()
	a.period()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != linesPerPeriod+1 || !strings.HasSuffix(lines[linesPerPeriod], "  and 93 more pushes, 187 more sessions, 94 failed") {
		t.Errorf("%d lines, the last: %s", len(lines), lines[len(lines)-1])
	}
}

// TestActivityQuiet: only failed sessions.
func TestActivityQuiet(t *testing.T) {
	a, out, devices := watched(t, problemLines, 1)
	for range 30 {
		a.pushed("ID000")
		a.session(devices[0], &dmclient.Session{Origin: dmclient.OriginPush}, nil, false)
	}
	a.session(devices[0], &dmclient.Session{Origin: dmclient.OriginPush}, errors.New("no reply"), false)
	a.period()
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "FAILED   push: no reply") {
		t.Errorf("%q", got)
	}
	var none *activity // of other commands
	none.session(devices[0], nil, nil, false)
}

// TestActivityTable: the table shows the interesting devices first, and fits the terminal.
func TestActivityTable(t *testing.T) {
	a, out, devices := watched(t, noLines, 1000)
	a.session(devices[700], &dmclient.Session{Origin: dmclient.OriginPush}, errors.New("no reply from https://mdm.example within 30 s"), false)
	for _, i := range []int{11, 12, 13} {
		a.pushed(fmt.Sprintf("ID%03d", i))
		a.session(devices[i], &dmclient.Session{Origin: dmclient.OriginPush}, nil, false)
	}
	a.sent(&dmclient.Session{ID: "7", Origin: dmclient.OriginPush}, &syncml.Message{Hdr: syncml.SyncHdr{MsgID: "2", Source: syncml.Loc{LocURI: "ID999"}}})
	a.sent(&dmclient.Session{ID: "8"}, &syncml.Message{Hdr: syncml.SyncHdr{Source: syncml.Loc{LocURI: "an impostor's"}}})
	got := a.table(80, 8, false)
	if len(got) != 6 || !strings.HasPrefix(got[0], "device           state") || got[5] != "and 996 more" {
		t.Fatalf("%s", strings.Join(got, "\n"))
	}
	for i, want := range []string{"PC-012 ", "PC-013 ", "PC-700 ", "PC-999 "} {
		if line := got[i+1]; !strings.HasPrefix(line, want) || live.Width(line) > 79 {
			t.Errorf("row %d, of %d columns: %s", i+1, live.Width(line), line)
		}
	}
	if !strings.Contains(got[1], "push, 0 commands") || !strings.Contains(got[1], "     1  ") || !strings.HasSuffix(got[4], "  message 2") {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	for _, line := range a.table(60, 8, false) {
		if live.Width(line) > 59 || strings.Contains(line, "message 2") {
			t.Errorf("of %d columns in 60: %s", live.Width(line), line)
		}
	}
	if wide := a.table(140, 8, true); !strings.Contains(wide[3], "no reply from https://mdm.example within 30 s") || !strings.HasPrefix(wide[3], "\x1b[31m") || !strings.HasPrefix(wide[4], "\x1b[32m") {
		t.Errorf("%q", wide)
	}
	a.session(devices[999], &dmclient.Session{Origin: dmclient.OriginPush}, nil, false)
	if got := a.table(80, 24, false); len(got) != 22 || strings.Contains(strings.Join(got, ""), "message 2") {
		t.Errorf("a session that is over:\n%s", strings.Join(got, "\n"))
	}
	if out.Len() > 0 {
		t.Errorf("lines beside the table: %s", out)
	}
}
