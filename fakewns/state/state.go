// Package state stores a fake WNS in a bbolt file, so that a shared lab
// continues after a restart, even after kill -9 or a power cut.
package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/dmwake/dmwake/fakewns"
)

// format is the version of the file's content; other versions are refused.
const format = "1"

var metaBucket = []byte("meta")

// File implements fakewns.Store. Concurrent writers share one transaction; it
// is synced to disk before any of them continues.
type File struct {
	db *bolt.DB

	mu      sync.Mutex
	queue   []fakewns.Record
	current *flush // that the queue will be part of
	busy    bool
	closed  bool
	idle    *sync.Cond
}

// flush is one transaction to come; done is closed once it is on the disk.
type flush struct {
	done chan struct{}
	err  error
}

// Open opens or makes a file, readable by its owner only: it holds secrets.
func Open(path string) (*File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second, NoFreelistSync: true, FreelistType: bolt.FreelistMapType})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("state: %s is in use by another lab; stop it, or choose another --state", path)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, bolterrors.ErrChecksum):
		return nil, fmt.Errorf("state: %s is not a dmwake state file; choose another --state, or move it away", path)
	case err != nil:
		return nil, fmt.Errorf("state: %w", err)
	}
	f := &File{db: db}
	f.idle = sync.NewCond(&f.mu)
	err = db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(metaBucket)
		if err != nil {
			return err
		}
		switch got := b.Get([]byte("format")); {
		case got == nil:
			return b.Put([]byte("format"), []byte(format))
		case string(got) != format:
			return fmt.Errorf("%s has format %s, this dmwake writes %s", path, got, format)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("state: %w", errors.Join(err, db.Close()))
	}
	return f, nil
}

// Load implements fakewns.Store.
func (f *File) Load(bucket string, visit func(key string, value []byte) error) error {
	return f.db.View(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(bucket))
		if b == nil {
			return nil
		}
		return b.ForEach(func(k, v []byte) error {
			if err := visit(string(k), v); err != nil {
				return fmt.Errorf("%s %q: %w", bucket, k, err)
			}
			return nil
		})
	})
}

var errClosed = errors.New("state: the file is closed")

// Save implements fakewns.Store.
func (f *File) Save(records ...fakewns.Record) (kept func() error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return func() error { return errClosed }
	}
	f.queue = append(f.queue, records...)
	if f.current == nil {
		f.current = &flush{done: make(chan struct{})}
	}
	mine := f.current
	if !f.busy {
		f.busy = true
		go f.write()
	}
	return func() error {
		<-mine.done
		return mine.err
	}
}

// write drains the queue.
func (f *File) write() {
	for {
		f.mu.Lock()
		if len(f.queue) == 0 {
			f.busy = false
			f.idle.Broadcast()
			f.mu.Unlock()
			return
		}
		records, mine := f.queue, f.current
		f.queue, f.current = nil, nil
		f.mu.Unlock()
		if err := f.db.Update(func(tx *bolt.Tx) error { return put(tx, records) }); err != nil {
			mine.err = fmt.Errorf("state: %w", err)
		}
		close(mine.done)
	}
}

func put(tx *bolt.Tx, records []fakewns.Record) error {
	for _, r := range records {
		b, err := tx.CreateBucketIfNotExists([]byte(r.Bucket))
		if err != nil {
			return err
		}
		if r.Value == nil {
			err = b.Delete([]byte(r.Key))
		} else {
			err = b.Put([]byte(r.Key), r.Value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Close writes what is queued and closes the file.
func (f *File) Close() error {
	f.mu.Lock()
	f.closed = true
	for f.busy {
		f.idle.Wait()
	}
	f.mu.Unlock()
	return f.db.Close()
}
