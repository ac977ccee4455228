package fleet

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

func opened(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// unenrolled makes devices that need no server.
func unenrolled(t testing.TB, from, to int) (out []*dmclient.Device) {
	t.Helper()
	for k := from; k < to; k++ {
		d, err := dmclient.New(dmclient.Config{Discovery: "https://mdm.example/", Identity: identity(k)})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, d)
	}
	return out
}

func entries(t testing.TB, s *Store) (out []Entry) {
	t.Helper()
	if err := s.Each(func(e Entry) error { out = append(out, e); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// numbered shows the file's devices as "number:identity", with + for a begun one.
func numbered(t testing.TB, s *Store) (out []string) {
	t.Helper()
	for _, e := range entries(t, s) {
		k := 0
		for identity(k).DeviceID != e.DeviceID {
			k++
		}
		text := fmt.Sprintf("%d:%d", e.Number, k)
		if e.Begun {
			text += "+"
		}
		out = append(out, text)
	}
	return out
}

// TestNumbers: a device keeps its number when others come and go, and no other gets
// it. Only an enrollment that failed gives its number back.
func TestNumbers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "devices.db")
	s := opened(t, path)
	shows := func(want ...string) {
		t.Helper()
		if got := numbered(t, s); !slices.Equal(got, want) {
			t.Errorf("the file has %v, want %v", got, want)
		}
	}
	for _, d := range unenrolled(t, 0, 3) {
		if err := s.Keep(d, ""); err != nil {
			t.Fatal(err)
		}
	}
	shows("1:0", "2:1", "3:2")
	if err := s.Delete(identity(1).DeviceID, identity(2).DeviceID); err != nil {
		t.Fatal(err)
	}
	if err := s.Begin(true, slices.Values(unenrolled(t, 3, 6))); err != nil {
		t.Fatal(err)
	}
	shows("1:0", "4:3+", "5:4+", "6:5+")
	if err := s.Abandon([]string{identity(5).DeviceID, identity(3).DeviceID}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = opened(t, path)
	if err := s.Keep(unenrolled(t, 6, 7)[0], ""); err != nil {
		t.Fatal(err)
	}
	shows("1:0", "5:4+", "6:6")
	// A device of the file that enrolls again is no new one, whatever comes of it.
	if err := s.Begin(true, slices.Values(unenrolled(t, 0, 1))); !errors.Is(err, ErrKnown) {
		t.Errorf("a known device began as a new one: %v", err)
	}
	if err := s.Begin(false, slices.Values(unenrolled(t, 0, 1))); err != nil {
		t.Fatal(err)
	}
	shows("1:0+", "5:4+", "6:6")
	if err := s.Abandon([]string{identity(0).DeviceID}); err != nil {
		t.Fatal(err)
	}
	shows("1:0", "5:4+", "6:6")
}

// TestNumbersOfOldFiles: version 1 counted the devices in the order of DeviceIDs.
func TestNumbersOfOldFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "devices.db")
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(tx *bolt.Tx) error {
		devices, err1 := tx.CreateBucket([]byte("devices"))
		meta, err2 := tx.CreateBucket([]byte("meta"))
		err := errors.Join(err1, err2, meta.Put([]byte("version"), []byte("1")))
		for _, d := range unenrolled(t, 0, 5) {
			record, err3 := d.Pack(dmclient.Packing{})
			err = errors.Join(err, err3, devices.Put([]byte(d.Identity().DeviceID), record))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	db.Close()
	all := entries(t, opened(t, path))
	if len(all) != 5 || !slices.IsSortedFunc(all, func(a, b Entry) int {
		return map[bool]int{true: -1, false: 1}[a.DeviceID < b.DeviceID && a.Number < b.Number]
	}) || all[0].Number != 1 || all[4].Number != 5 {
		t.Errorf("%+v", all)
	}
}

// TestKeepAtOnce: devices that are stored at the same time, while others read, are all
// in the file, more of them than are read at once.
func TestKeepAtOnce(t *testing.T) {
	s := opened(t, filepath.Join(t.TempDir(), "devices.db"))
	all := unenrolled(t, 0, together+10)
	var wg sync.WaitGroup
	for part := range slices.Chunk(all, 10) {
		wg.Go(func() {
			for _, d := range part {
				if err := s.Keep(d, "a session"); err != nil {
					t.Error(err)
				}
			}
			if part[0] != all[0] {
				return
			}
			if err := s.Each(func(e Entry) error { _, err := s.Unpack(dmclient.Config{}, e.Record); return err }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, e := range entries(t, s) {
		seen[e.DeviceID] = true
	}
	if len(seen) != len(all) {
		t.Errorf("%d of %d devices are in the file", len(seen), len(all))
	}
}

// BenchmarkKeep prints what it costs to store a device, one after the other and while
// 64 devices are stored at the same time, as an enrollment does.
func BenchmarkKeep(b *testing.B) {
	for _, at := range []int{1, 64} {
		b.Run(fmt.Sprintf("at-once=%d", at), func(b *testing.B) {
			s, all := opened(b, filepath.Join(b.TempDir(), "devices.db")), unenrolled(b, 0, 640)
			b.ResetTimer()
			var wg sync.WaitGroup
			for k := range at {
				wg.Go(func() {
					for i := k; i < b.N; i += at {
						if err := s.Keep(all[i%len(all)], ""); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "devices/s")
		})
	}
}
