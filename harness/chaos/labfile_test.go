package chaos

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/state"
	"github.com/dmwake/dmwake/harness/boltfile"
)

// labFile is the state file of a lab that was killed, with channels, a journal, and
// notifications that wait.
func labFile(t *testing.T) []byte {
	t.Helper()
	l, b := newLab(t, t.TempDir()), newBook()
	l.start("--state", "lab.db")
	c, uris := l.devices(b, 20)
	s := l.send(b, l.token(), uris, 300)
	await(t, "notifications are accepted", func() bool { return b.taken.Load() >= 100 })
	c.Close()
	// What the lab took before it saw the link go may be counted as delivered: only the
	// journal tells how many wait.
	await(t, "notifications wait for devices that are away", func() bool { return l.read(b) >= 20 && b.taken.Load() >= 130 })
	l.kill()
	close(s.stop)
	s.wg.Wait()
	raw, err := os.ReadFile(filepath.Join(l.dir, "lab.db"))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// memory is a folder on a disk that need not wait for a sync, if there is one.
func memory(t *testing.T) string {
	const shm = "/dev/shm"
	if info, err := os.Stat(shm); err == nil && info.IsDir() {
		return shm
	}
	return t.TempDir()
}

// holds is what a push service finds in a file.
type holds struct{ channels, waiting, entries int }

// tryFile opens a file as the lab does. It gives what the lab would say; the rest is
// judged here.
func tryFile(t *testing.T, raw []byte, sound holds) (said string) {
	t.Helper()
	dir, err := os.MkdirTemp(memory(t), "lab")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "lab.db")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := state.Open(path)
	if err != nil {
		if now, _ := os.ReadFile(path); !bytes.Equal(now, raw) {
			t.Errorf("a file that is refused was written to: %v", err)
		}
		return err.Error()
	}
	defer f.Close()
	s := fakewns.New(fakewns.Config{})
	if err := s.Keep(f); err != nil {
		t.Errorf("%s: %v", f.Notice(), err)
	}
	got := holds{len(s.Channels("")), s.Waiting(), len(s.Journal().Since(0, nil))}
	if f.Notice() == "" && got != sound {
		t.Errorf("%+v of %+v, without a word", got, sound)
	}
	if f.Notice() != "" && len(raw) > 0 {
		if aside, err := os.ReadFile(path + ".damaged"); err != nil || !bytes.Equal(aside, raw) {
			t.Errorf("the damaged file is not kept: %v", err)
		}
	}
	return f.Notice()
}

// TestLabFileDamaged: a state file that is cut at any place, has pages of zeros or
// flipped bits, is repaired or refused, in one sentence.
func TestLabFileDamaged(t *testing.T) {
	raw := labFile(t)
	step, zeroed, flips := len(raw)/9/512*512, 7, 20
	if *full {
		step, zeroed, flips = 512, len(raw)/4096, 500
	}
	path := filepath.Join(t.TempDir(), "lab.db")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := state.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	s := fakewns.New(fakewns.Config{})
	if err := s.Keep(f); err != nil {
		t.Fatal(err)
	}
	sound := holds{len(s.Channels("")), s.Waiting(), len(s.Journal().Since(0, nil))}
	f.Close()
	if sound.channels < 20 || sound.waiting < 20 || sound.entries < 130 {
		t.Fatalf("the file has %+v", sound)
	}
	if said := tryFile(t, raw, sound); said != "" {
		t.Errorf("of a sound file: %s", said)
	}
	counts := map[string]int{}
	judge := func(said string) {
		switch {
		case strings.Contains(said, "\n"):
			t.Errorf("not one sentence: %s", said)
		case said == "":
			counts["unharmed"]++
		case strings.Contains(said, "it is kept as"), strings.Contains(said, "was empty"):
			counts["repaired"]++
		default:
			counts["refused"]++
		}
	}
	for size := 0; size < len(raw); size += step {
		judge(tryFile(t, raw[:size], sound))
	}
	r := rand.New(rand.NewPCG(3, 4))
	for i := range zeroed {
		c := bytes.Clone(raw)
		clear(c[i*len(c)/zeroed/4096*4096:][:4096])
		judge(tryFile(t, c, sound))
	}
	for range flips {
		c := bytes.Clone(raw)
		c[r.IntN(len(c))] ^= 1 << r.IntN(8)
		judge(tryFile(t, c, sound))
	}
	if counts["repaired"] == 0 || counts["refused"] == 0 {
		t.Errorf("%v", counts)
	}
	t.Logf("%d bytes: %v", len(raw), counts)

	// And the program itself: it goes on with what can be read.
	l := newLab(t, t.TempDir())
	state := filepath.Join(l.dir, "lab.db")
	c := bytes.Clone(raw)
	copy(c[len(c)/2:], make([]byte, 8192))
	for _, cut := range [][]byte{raw[:len(raw)/2/512*512], c} {
		if err := os.WriteFile(state, cut, 0o600); err != nil {
			t.Fatal(err)
		}
		before := tryFile(t, cut, sound)
		if strings.Contains(before, "it is kept as") {
			l.start("--state", state)
			kept := regexp.MustCompile(`was damaged \(.*it is kept as ([^,]*),`).FindStringSubmatch(l.output())
			if kept == nil {
				t.Errorf("the lab does not say so:\n%s", l.output())
			} else if aside, err := os.ReadFile(kept[1]); err != nil || !bytes.Equal(aside, cut) {
				t.Errorf("the damaged file is not kept: %v", err)
			}
			l.stop(syscall.SIGTERM)
			continue
		}
		if out, code := command(t, l.dir, "lab", "--state", state, "--wns-listen", "127.0.0.1:0", "--proxy", "127.0.0.1:0", "--control", "127.0.0.1:0"); before != "" && (code != 2 || strings.Count(strings.TrimSpace(out), "\n") > 0) {
			t.Errorf("exit code %d: %s", code, out)
		}
	}
}

// TestLabFileOfOthers: a file of another kind or version, and one that another lab has,
// are refused by name and stay as they are.
func TestLabFileOfOthers(t *testing.T) {
	dir := t.TempDir()
	for name, kind := range map[string]boltfile.Kind{"devices.db": {Name: "device", Version: "2"}, "later.db": {Name: "lab", Version: "3"}} {
		f, err := boltfile.Open(filepath.Join(dir, name), kind)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Update(func(tx *boltfile.Tx) error { return tx.Put("devices", []byte("x"), []byte("y")) }), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), bytes.Repeat([]byte("remember the milk\n"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	l := newLab(t, dir)
	l.start("--state", "used.db")
	for name, want := range map[string]string{
		"devices.db": "devices.db is the state file of a device, not of a lab", "later.db": "later.db has version 3 of a lab's state, this dmwake reads 2",
		"notes.txt": "notes.txt is not a dmwake state file", "used.db": "used.db is in use by another dmwake", "/dev/full": "/dev/full is not a regular file", ".": "is a folder",
	} {
		before, _ := os.ReadFile(filepath.Join(dir, name))
		out, code := command(t, dir, "lab", "--state", name, "--wns-listen", "127.0.0.1:0", "--proxy", "127.0.0.1:0", "--control", "127.0.0.1:0")
		if code != 2 || !strings.Contains(out, want) || strings.Count(strings.TrimSpace(out), "\n") > 0 {
			t.Errorf("%s: exit code %d: %s", name, code, out)
		}
		if after, _ := os.ReadFile(filepath.Join(dir, name)); name != "used.db" && !bytes.Equal(before, after) {
			t.Errorf("%s was written to", name)
		}
	}
	l.stop(syscall.SIGTERM)
	before, err := os.ReadFile(filepath.Join(dir, "used.db"))
	if err != nil {
		t.Fatal(err)
	}
	out, code := command(t, dir, "device", "list", "--state", "used.db")
	if after, _ := os.ReadFile(filepath.Join(dir, "used.db")); code != 2 || !bytes.Equal(before, after) || !strings.Contains(out, "used.db is the state file of a lab, not of a device") {
		t.Errorf("device list: exit code %d: %s", code, out)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*.damaged*")); len(names) > 0 {
		t.Errorf("moved aside: %v", names)
	}
}

// TestLabStartsOnAFullDisk: it says so and leaves nothing behind; a damaged file is
// left as it is.
func TestLabStartsOnAFullDisk(t *testing.T) {
	disk, mounted := small(t, "4m")
	if !mounted {
		t.Skip("NOT RUN: a full disk, for mounting one is refused here")
	}
	path := filepath.Join(disk, "lab.db")
	f, err := boltfile.Open(path, boltfile.Kind{Name: "lab", Version: "2"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Update(func(tx *boltfile.Tx) error { return tx.Put("journal", []byte("x"), make([]byte, 1<<20)) }), f.Close()); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	fill(t, disk)
	for name, want := range map[string]string{"new.db": "no space left on device", "lab.db": "could not be repaired: no space left on device; it is unchanged"} {
		out, code := command(t, t.TempDir(), "lab", "--state", filepath.Join(disk, name), "--wns-listen", "127.0.0.1:0", "--proxy", "127.0.0.1:0", "--control", "127.0.0.1:0")
		if code != 2 || !strings.Contains(out, want) || strings.Count(strings.TrimSpace(out), "\n") > 0 {
			t.Errorf("%s: exit code %d: %s", name, code, out)
		}
	}
	var names []string
	entries, err := os.ReadDir(disk)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if now, _ := os.ReadFile(path); err != nil || !bytes.Equal(now, raw) || strings.Join(names, " ") != "filler lab.db" {
		t.Errorf("what is on the disk now: %v %v", names, err)
	}
}
