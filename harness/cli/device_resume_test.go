package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/internal/testenv"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// known is what the server has: the number of sessions by DeviceID.
func (w *workshop) known() map[string]int {
	w.t.Helper()
	resp, err := http.Get("http://" + w.admin + "/devices")
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	var all []struct {
		ID       string
		Sessions int
	}
	if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
		w.t.Fatal(err)
	}
	out := map[string]int{}
	for _, d := range all {
		out[d.ID] = d.Sessions
	}
	return out
}

// TestEnrollmentInterrupted: what an interrupted enrollment began is in the file, and
// --resume goes on with it, with the flags it began with.
func TestEnrollmentInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	to := []string{"--discovery", "https://" + w.devices + "/EnrollmentServer/Discovery.svc", "--username", "demo@mdm.example", "--ca", "ca/ca.pem"}
	if out := w.device(2, append([]string{"enroll", "--resume"}, to...)...); !strings.Contains(out, "is not there") {
		t.Errorf("no file to resume: %s", out)
	}
	// With one processor 32 devices enroll at a time. When the server knows one more,
	// one is done, in the file as well.
	const n, atOnce = 120, 32
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := command(ctx, w.dir, []string{"DMWAKE_PASSWORD=secret-1", "GOMAXPROCS=1"},
		append([]string{"device", "enroll", "--count", fmt.Sprint(n), "--key", "ec", "--no-sync"}, to...)...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for len(w.known()) <= atOnce {
		if ctx.Err() != nil {
			t.Fatalf("%d devices are not enrolled in time: %s", atOnce+1, out.String())
		}
	}
	cmd.Process.Signal(os.Interrupt)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || !strings.Contains(out.String(), "begun, kept there; dmwake device enroll --resume goes on") ||
		strings.Contains(out.String(), "context canceled") {
		t.Errorf("interrupted, it exits with %d and says\n%s", code, out.String())
	}
	enrolled, begun := 0, 0
	for i, d := range w.list() {
		switch d.State {
		case "enrolled":
			enrolled++
		case "begun":
			begun++
		}
		if d.Number != i+1 {
			t.Errorf("device %d has the number %d", i+1, d.Number)
		}
	}
	if enrolled == 0 || begun == 0 || enrolled+begun != n || len(w.known()) < enrolled {
		t.Errorf("%d devices enrolled and %d begun in the file, %d at the server", enrolled, begun, len(w.known()))
	}
	if out := w.device(0, "list"); !strings.Contains(out, fmt.Sprintf("%d devices begun", begun)) {
		t.Errorf("list: %s", out)
	}
	// A server that cannot be reached may still have them.
	nowhere, discovery := "https://"+testenv.Addr(t)+"/D.svc", "https://"+w.devices+"/EnrollmentServer/Discovery.svc"
	if out := w.device(3, "enroll", "--resume", "--discovery", nowhere); !strings.Contains(out, fmt.Sprintf("%d devices begun", begun)) {
		t.Errorf("--resume without the server: %s", out)
	}
	if all := w.list(); len(all) != n {
		t.Errorf("%d of %d devices are left", len(all), n)
	}
	if out := w.device(0, "enroll", "--resume", "--discovery", discovery); !strings.Contains(out, fmt.Sprintf("%d devices enrolled", begun)) {
		t.Errorf("--resume: %s", out)
	}
	for _, d := range w.list() {
		if d.State != "enrolled" {
			t.Errorf("device %d is %s after --resume", d.Number, d.State)
		}
	}
	if out := w.device(0, "enroll", "--resume"); !strings.Contains(out, "has no device whose enrollment began") {
		t.Errorf("nothing to resume: %s", out)
	}
	for id, sessions := range w.known() {
		if sessions != 0 {
			t.Errorf("%s has had %d sessions, --no-sync was forgotten", id, sessions)
		}
	}
	for _, c := range [][]string{{"--resume", "1"}, {"--resume", "--count", "3"}} {
		w.device(2, append([]string{"enroll"}, c...)...)
	}
}

// TestEnrollmentRefused: a device that no server has leaves nothing in the file, and a
// device of the file is not enrolled as a new one.
func TestEnrollmentRefused(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	to := []string{"enroll", "--discovery", "https://" + w.devices + "/EnrollmentServer/Discovery.svc", "--ca", "ca/ca.pem", "--key", "ec"}
	w.device(3, append(to, "--username", "nobody@mdm.example", "--count", "3")...)
	if all := w.list(); len(all) != 0 {
		t.Errorf("after refused enrollments the file has %+v", all)
	}
	w.device(0, append(to, "--username", "demo@mdm.example", "--count", "2", "--seed", "7")...)
	if out := w.device(2, append(to, "--username", "demo@mdm.example", "--seed", "7")...); !strings.Contains(out, "choose another --seed") {
		t.Errorf("the same seed again: %s", out)
	}
	w.device(3, append(to, "--username", "nobody@mdm.example", "--again", "2")...)
	all := w.list()
	if len(all) != 2 || all[0].Number != 1 || all[1].Number != 2 || all[0].State != "enrolled" || all[1].State != "enrolled" {
		t.Fatalf("%+v", all)
	}
	w.device(0, "sync")
	w.device(0, "wipe", "--forget", "2")
	w.device(2, "wipe", "2")
	w.device(0, append(to, "--username", "demo@mdm.example")...)
	if all = w.list(); len(all) != 2 || all[1].Number != 3 {
		t.Errorf("the number of a removed device was given to another one: %+v", all)
	}
}

// TestUndecided: which failures leave a device that the server may have.
func TestUndecided(t *testing.T) {
	t.Parallel()
	for want, all := range map[bool][]error{
		true: {fmt.Errorf("%w: %w", dmclient.ErrNotStored, errors.New("full")), &enroll.Error{Step: enroll.StepToken, Err: errors.New("no reply")}},
		false: {&enroll.Error{Step: enroll.StepToken, Status: 500, Err: errors.New("a fault")}, &enroll.Error{Step: enroll.StepDiscover, Err: errors.New("no reply")},
			&enroll.Error{Step: enroll.StepInstall, Err: errors.New("no certificate")}, errors.New("no key")},
	} {
		for _, err := range all {
			if undecided(err) != want {
				t.Errorf("undecided(%v) is %v", err, !want)
			}
		}
	}
}
