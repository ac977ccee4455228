package state

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/boltfile"
)

func open(t *testing.T, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func all(t *testing.T, f *File, bucket string) map[string]string {
	t.Helper()
	got := map[string]string{}
	if err := f.Load(bucket, func(k string, v []byte) error { got[k] = string(v); return nil }); err != nil {
		t.Fatal(err)
	}
	return got
}

// TestKept: what was said to be kept is in the file at once, for another
// reader that never saw it closed; later records of a key replace earlier ones
// whoever waits first.
func TestKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "lab.db")
	f := open(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	first := f.Save(fakewns.Record{Bucket: "a", Key: "x", Value: []byte("1")}, fakewns.Record{Bucket: "a", Key: "gone", Value: []byte("1")})
	second := f.Save(fakewns.Record{Bucket: "a", Key: "x", Value: []byte("2")}, fakewns.Record{Bucket: "a", Key: "gone"}, fakewns.Record{Bucket: "b", Key: "y", Value: []byte("3")})
	for _, kept := range []func() error{second, first} {
		if err := kept(); err != nil {
			t.Fatal(err)
		}
	}
	// As after a crash: the bytes that are on the disk now, in another file.
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(copied, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	again := open(t, copied)
	defer again.Close()
	if got := fmt.Sprint(all(t, again, "a"), all(t, again, "b"), all(t, again, "none")); got != "map[x:2] map[y:3] map[]" {
		t.Error(got)
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "in use by another dmwake") {
		t.Errorf("opened twice: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Save(fakewns.Record{Bucket: "a", Key: "x"})(); err == nil {
		t.Error("saved to a closed file")
	}
}

// TestLater: what nobody waits for is written in its turn, and before the file closes.
func TestLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lab.db")
	f := open(t, path)
	record := func(v string) fakewns.Record { return fakewns.Record{Bucket: "a", Key: "x", Value: []byte(v)} }
	for i := range 50 {
		f.Save(record("saved"))
		f.Later(record(fmt.Sprint("later ", i)))
		if i%10 == 0 {
			if err := f.Save(fakewns.Record{Bucket: "a", Key: "y", Value: nil})(); err != nil || f.Err() != nil {
				t.Fatal(err, f.Err())
			}
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f.Later(record("too late"))
	again := open(t, path)
	defer again.Close()
	if got := all(t, again, "a")["x"]; got != "later 49" {
		t.Errorf("%q is kept", got)
	}
}

// TestManyWriters: all writes are stored, and Close waits for writers that did
// not wait.
func TestManyWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lab.db")
	f := open(t, path)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for j := range 20 {
				kept := f.Save(fakewns.Record{Bucket: "a", Key: fmt.Sprint(i, "-", j), Value: []byte("x")})
				if j%2 == 0 {
					if err := kept(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, path)
	defer again.Close()
	if n := len(all(t, again, "a")); n != 1000 {
		t.Errorf("%d of 1000 are kept", n)
	}
}

func TestStrangeFiles(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("no state of anything ", 2000)), 0o600); err != nil {
		t.Fatal(err)
	}
	later := filepath.Join(dir, "later.db")
	f, err := boltfile.Open(later, boltfile.Kind{Name: "lab", Version: "9"})
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	for path, want := range map[string]string{text: "not a dmwake state file", later: "has version 9 of a lab's state, this dmwake reads 2", dir: "is a folder"} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
}

// TestServiceGoesOn: a push service that is started again from the file has its
// apps, key, channels, and what waits in them.
func TestServiceGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lab.db")
	f := open(t, path)
	s := fakewns.New(fakewns.Config{Seed: 7, JournalSize: 3})
	if err := s.Keep(f); err != nil {
		t.Fatal(err)
	}
	app := fakewns.App{PFN: "my.app_8wekyb3d8bbwe", PackageSID: "ms-app://s-1-15-2-9", Secret: "x"}
	if err := s.SetApps([]fakewns.App{app}); err != nil {
		t.Fatal(err)
	}
	s.SetConnection("D", fakewns.TempDisconnected)
	uri, _, err := s.OpenChannel(t.Context(), "D", app.PFN, func([]byte) { t.Error("woken") })
	if err != nil {
		t.Fatal(err)
	}
	revoked, _, err := s.OpenChannel(t.Context(), "R", app.PFN, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.CloseChannel(revoked)
	for range 5 {
		if status, _, _, err := s.Push(t.Context(), s.Channels("D")[0], "wns/raw", []byte{0xff, 0xfe}, nil); status != 200 || err != nil {
			t.Fatal(status, err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}

	f = open(t, path)
	defer f.Close()
	again := fakewns.New(fakewns.Config{Seed: 7, JournalSize: 3})
	if err := again.Keep(f); err != nil {
		t.Fatal(err)
	}
	if apps := again.Apps(); len(apps) != 1 || apps[0] != app {
		t.Errorf("apps: %+v", apps)
	}
	list := again.Journal().Since(0, nil)
	if len(list) != 3 || list[0].Seq != 2 || list[2].Delivery != fakewns.Cached || list[1].Delivery != fakewns.Replaced || string(list[2].Body) != "\xff\xfe" {
		t.Errorf("journal: %v", list)
	}
	if gone := again.ChannelsOf(func(c fakewns.Channel) bool { return c.Revoked }); len(gone) != 1 || gone[0].URI != revoked {
		t.Errorf("revoked: %+v", gone)
	}
	if fresh, _, err := again.OpenChannel(t.Context(), "E", app.PFN, nil); err != nil || fresh == uri || fresh == revoked {
		t.Errorf("the seed drew a channel again: %v", err)
	}
	woken := make(chan string, 1)
	if !again.Attach(uri, receiver(woken)) {
		t.Fatal("the channel is not known")
	}
	if got := <-woken; got != "\xff\xfe" {
		t.Errorf("woken with %q", got)
	}
	if again.Attach(revoked, receiver(woken)) {
		t.Error("a revoked channel was taken up")
	}
}

type receiver chan string

func (r receiver) Connection() fakewns.Connection { return fakewns.Connected }
func (r receiver) Wake(b []byte)                  { r <- string(b) }

// BenchmarkSave is what one request that waits for the disk costs, alone.
func BenchmarkSave(b *testing.B) {
	f, err := Open(filepath.Join(b.TempDir(), "lab.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	value := make([]byte, 800)
	i := 0
	for b.Loop() {
		i++
		if err := f.Save(fakewns.Record{Bucket: "journal", Key: fmt.Sprintf("%016x", i%4096), Value: value})(); err != nil {
			b.Fatal(err)
		}
	}
}
