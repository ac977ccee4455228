package boltfile

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

var lab = Kind{Name: "lab", Version: "2", OldKey: "format", OldValue: "1"}

func open(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path, lab)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// fill stores n records in each of two buckets, over several transactions, and
// changes and removes some.
func fill(t testing.TB, f *File, n int) {
	t.Helper()
	for i := range n {
		if err := f.Update(func(tx *Tx) error {
			key := fmt.Appendf(nil, "%04d", i)
			return errors.Join(tx.Put("a", key, bytes.Repeat(key, 1+i%40)), tx.Put("b", key, nil), tx.Put("a", []byte("last"), key), tx.Delete("b", fmt.Appendf(nil, "%04d", i-5)))
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func records(t testing.TB, f *File) map[string]string {
	t.Helper()
	got := map[string]string{}
	if err := f.View(func(tx *Tx) error {
		for _, b := range []string{"a", "b", "meta"} {
			if err := tx.Each(b, func(k, v []byte) error { got[b+"/"+string(k)] = string(v); return nil }); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

func contents(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "x.db")
	f := open(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	fill(t, f, 60)
	want := records(t, f)
	if _, err := Open(path, lab); !errors.Is(err, ErrInUse) {
		t.Errorf("opened twice: %v", err)
	}
	seen := map[string]string{}
	if err := Snapshot(path, lab, func(b string, k, v []byte) error { seen[b+"/"+string(k)] = string(v); return nil }); err != nil || !maps.Equal(seen, want) {
		t.Errorf("a snapshot beside it: %v, %d of %d records", err, len(seen), len(want))
	}
	if err := f.Update(func(tx *Tx) error { return errors.Join(tx.Put("a", []byte("x"), nil), errors.New("no")) }); err == nil {
		t.Error("a change that fails is kept")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, path)
	defer again.Close()
	if got := records(t, again); !maps.Equal(got, want) || len(want) != 66 || again.Notice() != "" {
		t.Errorf("%d of %d records; %s", len(got), len(want), again.Notice())
	}
}

// TestSnapshotOfABusyFile: what is read beside a writer is one of its states.
func TestSnapshotOfABusyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	f := open(t, path)
	defer f.Close()
	fill(t, f, 30)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 200 {
			if err := f.Update(func(tx *Tx) error {
				v := fmt.Append(nil, i)
				for k := range 30 {
					if err := tx.Put("a", fmt.Appendf(nil, "%04d", k), v); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
		}
	}()
	for over := false; !over; {
		select {
		case <-done:
			over = true
		default:
		}
		values := map[string]bool{}
		err := Snapshot(path, lab, func(b string, k, v []byte) error {
			if b == "a" && string(k) != "last" {
				values[string(v)] = true
			}
			return nil
		})
		if errors.Is(err, ErrInUse) {
			continue // told, and so no wrong answer
		}
		if err != nil || len(values) != 1 && len(values) != 30 {
			t.Fatalf("%v: %v", err, values)
		}
	}
}

// TestOtherFiles are refused by name and stay as they are.
func TestOtherFiles(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(at("text"), []byte(strings.Repeat("no state of anything ", 2000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, kind := range map[string]Kind{"device": {Name: "device", Version: "2"}, "later": {Name: "lab", Version: "9"}} {
		f, err := Open(at(name), kind)
		if err != nil {
			t.Fatal(err)
		}
		fill(t, f, 3)
		f.Close()
	}
	for name, mark := range map[string]string{"old-other": "9", "old-foreign": ""} {
		db, err := bolt.Open(at(name), 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Update(func(tx *bolt.Tx) error {
			b, err := tx.CreateBucket([]byte("meta"))
			if mark == "" || err != nil {
				return err
			}
			return b.Put([]byte("format"), []byte(mark))
		}); err != nil {
			t.Fatal(err)
		}
		db.Close()
	}
	for name, want := range map[string]string{
		"text": "is not a dmwake state file", "device": "is the state file of a device, not of a lab", "later": "has version 9 of a lab's state, this dmwake reads 2",
		"old-other": "has version 9 of a lab's state", "old-foreign": "is not the state file of a lab", "": "is a folder",
	} {
		var before []byte
		if name != "" {
			before = contents(t, at(name))
		}
		if f, err := Open(at(name), lab); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q", name, err, want)
			if err == nil {
				f.Close()
			}
		}
		if name != "" && !bytes.Equal(before, contents(t, at(name))) {
			t.Errorf("%s was written to", name)
		}
		if name != "" {
			if err := Snapshot(at(name), lab, func(string, []byte, []byte) error { return nil }); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: a snapshot: %v", name, err)
			}
		}
	}
	if _, err := Open(os.DevNull, lab); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("%v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 5 {
		t.Errorf("%v %v", entries, err)
	}
}

// TestTakenOver: a file from before kinds were stamped goes on.
func TestTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db, err := bolt.Open(path, 0o600, nil) // with a list of free pages
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"meta/format": "1"}
	if err := db.Update(func(tx *bolt.Tx) error {
		m, err1 := tx.CreateBucket([]byte("meta"))
		a, err2 := tx.CreateBucket([]byte("a"))
		err := errors.Join(err1, err2, m.Put([]byte("format"), []byte("1")))
		for i := range 500 {
			k := fmt.Sprintf("%04d", i)
			want["a/"+k] = strings.Repeat(k, 30)
			err = errors.Join(err, a.Put([]byte(k), []byte(want["a/"+k])))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	db.Close()
	for range 2 {
		f := open(t, path)
		if got := records(t, f); !maps.Equal(got, want) || f.Notice() != "" {
			t.Errorf("%d of %d records; %s", len(got), len(want), f.Notice())
		}
		f.Close()
	}
}

// memory is a folder on a disk that need not wait for a sync, if there is one.
func memory(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "boltfile")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// damaged opens a damaged copy of a file and reports how it went: the same records
// without a word, fewer with one, or an error. Anything else is an error of the test.
func damaged(t *testing.T, b []byte, want map[string]string) (told bool) {
	t.Helper()
	dir := memory(t)
	path := filepath.Join(dir, "x.db")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path, lab)
	if err != nil {
		if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), path) || !bytes.Equal(b, contents(t, path)) {
			t.Errorf("%v", err)
		}
		return true
	}
	defer f.Close()
	got := records(t, f)
	if f.Notice() == "" {
		if !maps.Equal(got, want) {
			t.Errorf("%d of %d records, without a word", len(got), len(want))
		}
		return false
	}
	for k, v := range got {
		if want[k] != v && !strings.Contains(f.Notice(), "the last change may be missing") {
			t.Errorf("record %s was not stored so; %s", k, f.Notice())
		}
	}
	if len(b) > 0 && !bytes.Equal(contents(t, path+".damaged"), b) {
		t.Error("the damaged file is not kept")
	}
	fill(t, f, 2) // it can be written to
	return true
}

// sample is a file's bytes and its records. It has branch pages.
func sample(t *testing.T) ([]byte, map[string]string) {
	path := filepath.Join(memory(t), "x.db")
	f := open(t, path)
	fill(t, f, 250)
	want := records(t, f)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return contents(t, path), want
}

// TestTruncated: each state file that is cut short is found out.
func TestTruncated(t *testing.T) {
	b, want := sample(t)
	m, ok := readMeta(bytes.NewReader(b), 0)
	if m2, ok2 := readMeta(bytes.NewReader(b), 4096); ok2 && m2.txid > m.txid {
		m, ok = m2, ok2
	}
	if !ok {
		t.Fatal("no head page")
	}
	used := int(m.high) * int(m.pageSize)
	for size := 0; size < len(b); size += 7 * 512 {
		if told := damaged(t, b[:size], want); told != (size < used) {
			t.Errorf("cut to %d of %d bytes, %d of them used: told %v", size, len(b), used, told)
		}
	}
}

// TestDamagedPages: a page of zeros, of another page, and single bits are found out,
// or change nothing.
func TestDamagedPages(t *testing.T) {
	b, want := sample(t)
	told := 0
	try := func(change func(c []byte)) {
		c := bytes.Clone(b)
		if change(c); damaged(t, c, want) {
			told++
		}
	}
	pages := len(b) / 4096
	for p := range pages {
		try(func(c []byte) { clear(c[p*4096:][:4096]) })
		try(func(c []byte) { copy(c[p*4096:][:4096], c[(p+7)%pages*4096:]) })
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		try(func(c []byte) { c[r.IntN(len(c))] ^= 1 << r.IntN(8) })
	}
	// The heads of pages are what bbolt trusts.
	for p := range pages {
		try(func(c []byte) { c[p*4096+r.IntN(48)] ^= 1 << r.IntN(8) })
	}
	if told < 30 {
		t.Errorf("only %d of all damages hit anything", told)
	}
}

// TestCutWhileOpen: a page that goes while the file is open is an error, not the end
// of the process.
func TestCutWhileOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	f := open(t, path)
	fill(t, f, 250)
	if err := os.Truncate(path, 8192); err != nil {
		t.Skip("NOT RUN: a mapped file cannot be cut here")
	}
	read := func(tx *Tx) error { return tx.Each("a", func(_, _ []byte) error { return nil }) }
	for range 2 {
		if err := f.View(read); err == nil || !strings.Contains(err.Error(), "damaged meanwhile") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v", err)
		}
	}
	if err := f.Update(func(tx *Tx) error { return tx.Put("a", []byte("x"), nil) }); err == nil {
		t.Error("written")
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}
