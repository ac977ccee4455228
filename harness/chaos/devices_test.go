package chaos

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/fleet"
)

// TestKilledEnrollments: whenever "device enroll" is killed, the file has each device
// that the server has, and --resume enrolls all that were asked for.
func TestKilledEnrollments(t *testing.T) {
	t.Parallel()
	n, draw := rounds(50, 20), rand.New(rand.NewPCG(1, 1))
	for round := range rounds(20, 2) {
		m := startMDM(t)
		const state = "enroll.db"
		first := 1 + draw.IntN(n*2/3)
		args := m.enrollArgs(state, "--count", fmt.Sprint(n))
		for kills := 1 + round%2; kills > 0; kills-- {
			m.kill(func() bool { return len(m.server()) >= first }, args...)
			now, file, lost := m.server(), m.file(state), 0
			for id := range now {
				if at, ok := file[id]; !ok || at.State() != dmclient.Enrolled && !at.Begun {
					lost++
				}
			}
			if lost > 0 || len(file) != n {
				t.Errorf("round %d, killed with %d devices at the server: %d of them are lost, %d of %d are in the file", round, len(now), lost, len(file), n)
			}
			t.Logf("round %d: killed with %d of %d devices at the server", round, len(now), n)
			first += draw.IntN(n / 4)
			args = []string{"enroll", "--state", state, "--resume"}
		}
		m.device(0, "enroll", "--state", state, "--resume")
		now, file := m.server(), m.file(state)
		for id, d := range file {
			if d.State() != dmclient.Enrolled || d.Begun || !now[id].Active {
				t.Errorf("round %d: after --resume device %d is %s in the file (begun: %v), active at the server: %v", round, d.Number, d.State(), d.Begun, now[id].Active)
			}
		}
		if len(file) != n || len(now) != n {
			t.Errorf("round %d: %d devices in the file, %d at the server, want %d", round, len(file), len(now), n)
		}
		if out := m.device(0, "sync", "--state", state); !strings.Contains(out, fmt.Sprintf("%d devices synced", n)) {
			t.Errorf("round %d: %s", round, out)
		}
	}
}

// policy is a node that servers set.
func policy(n int) string {
	return fmt.Sprintf("./Vendor/MSFT/DeviceManageability/Provider/Chaos%d/ConfigInfo", n)
}

// acknowledged counts the policies that the server knows to be set, and those of them
// that the file does not have.
func acknowledged(now map[string]atServer, file map[string]inFile) (all, lost int) {
	for id, d := range now {
		for _, c := range d.Commands {
			if c.Status != http.StatusOK || !strings.Contains(c.LocURI, "/Provider/Chaos") {
				continue
			}
			all++
			if f, ok := file[id]; ok {
				if v, _ := f.Tree().Look(c.LocURI); v == c.Data {
					continue
				}
			}
			lost++
		}
	}
	return all, lost
}

// TestKilledRuns: whenever "device run" is killed, each policy that was answered with
// 200 is in the file.
func TestKilledRuns(t *testing.T) {
	t.Parallel()
	m := startMDM(t)
	n, draw := rounds(50, 20), rand.New(rand.NewPCG(2, 2))
	const state = "run.db"
	m.device(0, m.enrollArgs(state, "--count", fmt.Sprint(n))...)
	before := 0
	for round := range rounds(20, 2) {
		ids := slices.Sorted(maps.Keys(m.server()))
		for _, id := range ids {
			m.queue(id, policy(2*round), fmt.Sprint(round))
			m.queue(id, policy(2*round+1), fmt.Sprint(round))
		}
		watched := ids[draw.IntN(n)]
		m.kill(func() bool {
			var d atServer
			m.get("/devices/"+watched, &d)
			return d.Commands[len(d.Commands)-1].Status != 0
		}, m.runArgs(state)...)
		all, lost := acknowledged(m.server(), m.file(state))
		if lost > 0 {
			t.Errorf("round %d: of %d policies that were answered with 200, %d are not in the file", round, all, lost)
		}
		t.Logf("round %d: killed after %d of %d answers", round, all-before, 2*n)
		m.device(0, "sync", "--state", state)
		if before, lost = acknowledged(m.server(), m.file(state)); before != 2*n*(round+1) || lost > 0 {
			t.Fatalf("round %d: after a session of each device %d policies are answered, %d lost", round, before, lost)
		}
	}
}

// TestDevicesOnAFullDisk: what cannot be stored is said and not acknowledged, and goes
// on once there is space.
func TestDevicesOnAFullDisk(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dk", rounds(1024, 280)), "tmpfs", disk).CombinedOutput(); err != nil {
		t.Skipf("NOT RUN: a small file system cannot be mounted here: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", disk).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	m := startMDM(t)
	state := filepath.Join(disk, "devices.db")
	n, each := rounds(300, 100), rounds(20, 8)
	out := m.device(2, m.enrollArgs(state, "--count", fmt.Sprint(n))...)
	if !strings.Contains(out, "no space left on device") || !strings.Contains(out, "dmwake device enroll --resume goes on") || strings.Count(out, "Until it can") != 1 {
		t.Errorf("on a full disk enroll says\n%s", out)
	}
	now, file, lost := m.server(), m.at(state), 0
	for id := range now {
		if _, ok := file[id]; !ok {
			lost++
		}
	}
	if len(now) == 0 || len(now) == n || len(file) != n || lost > 0 {
		t.Errorf("%d devices at the server, %d of them there only, %d of %d in the file", len(now), lost, len(file), n)
	}
	t.Logf("the disk was full after %d of %d devices", len(now), n)
	if out, err := exec.Command("mount", "-o", "remount,size=64m", disk).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	m.device(0, "enroll", "--state", state, "--resume")
	if now := m.server(); len(now) != n {
		t.Errorf("with space: %d of %d devices at the server", len(now), n)
	}

	// The disk is full again while devices run.
	for id := range now {
		for i := range each {
			m.queue(id, policy(i), strings.Repeat("7", 3000)) // more than pages of the file are free
		}
	}
	filler, err := os.Create(filepath.Join(disk, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer filler.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = filler.Write(block)
	}
	out = m.device(2, append(m.runArgs(state), "--duration", "2s")...)
	if strings.Count(out, "Until it can") != 1 || !strings.Contains(out, "could not be stored in the end: the state file "+state+" cannot be written") {
		t.Errorf("on a full disk run says\n%s", out)
	}
	all, lost := acknowledged(m.server(), m.at(state))
	if lost > 0 || all == each*len(now) {
		t.Errorf("on a full disk %d of %d policies were answered with 200, %d of them are lost", all, each*len(now), lost)
	}
	if err := os.Remove(filler.Name()); err != nil {
		t.Fatal(err)
	}
	filler.Close()
	m.device(0, "sync", "--state", state)
	if all, lost := acknowledged(m.server(), m.at(state)); lost > 0 || all != each*len(now) {
		t.Errorf("with space again %d of %d policies were answered, %d are lost", all, each*len(now), lost)
	}
}

// at is file for an absolute path. A full disk may leave a copy of the file as the
// only thing that can be opened for writing.
func (m *mdm) at(state string) map[string]inFile {
	m.t.Helper()
	raw, err := os.ReadFile(state)
	if err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(m.dir, "copy.db"), raw, 0o600); err != nil {
		m.t.Fatal(err)
	}
	return m.file("copy.db")
}

// TestDamagedDeviceFiles: a file that was cut, zeroed or changed in a bit is opened
// with the devices that are whole, or refused in one sentence.
func TestDamagedDeviceFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "devices.db")
	store, err := fleet.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	draw := rand.New(rand.NewPCG(3, 3))
	want := map[string]string{}
	for range 40 {
		d, err := dmclient.New(dmclient.Config{Discovery: "https://mdm.example/", Identity: dmclient.NewIdentity(draw)})
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Keep(d, strings.Repeat("a session\n", 200)); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Each(func(e fleet.Entry) error { want[e.DeviceID] = string(e.Record); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	try := func(what string, b []byte) {
		t.Helper()
		path := filepath.Join(dir, "try.db")
		for _, old := range []string{path, path + ".damaged"} {
			if err := os.Remove(old); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		store, err := fleet.Open(path)
		if err != nil {
			found++
			if kept, _ := os.ReadFile(path); strings.Contains(err.Error(), "\n") || !bytes.Equal(kept, b) {
				t.Errorf("%s: %v", what, err)
			}
			return
		}
		defer store.Close()
		n := 0
		if err := store.Each(func(e fleet.Entry) error {
			n++
			if want[e.DeviceID] != string(e.Record) {
				t.Errorf("%s: device %d is not as it was stored", what, e.Number)
			}
			_, err := store.Unpack(dmclient.Config{Discovery: "https://mdm.example/"}, e.Record)
			return err
		}); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if store.Notice() != "" {
			found++
		} else if n != len(want) {
			t.Errorf("%s: %d of %d devices, without a word", what, n, len(want))
		}
	}
	for size := 0; size < len(whole); size += 512 * rounds(1, 31) {
		try(fmt.Sprintf("cut to %d bytes", size), whole[:size])
	}
	for at := 0; at+4096 <= len(whole); at += 4096 * rounds(1, 5) {
		b := slices.Clone(whole)
		clear(b[at : at+4096])
		try(fmt.Sprintf("zeros at %d", at), b)
	}
	for range rounds(200, 10) {
		b, at := slices.Clone(whole), draw.IntN(len(whole))
		b[at] ^= 1 << draw.IntN(8)
		try(fmt.Sprintf("a bit at %d", at), b)
	}
	t.Logf("%d damages were found", found)
	if found < 10 {
		t.Error("too few damages were found to prove anything")
	}
}
