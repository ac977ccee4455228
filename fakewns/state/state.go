// Package state stores a fake WNS in a file, so that a shared lab continues after a
// restart, even after kill -9 or a power cut.
package state

import (
	"errors"
	"sync"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/boltfile"
)

// kind is what the file is. Files of version 1 had a mark of their own.
var kind = boltfile.Kind{Name: "lab", Version: "2", OldKey: "format", OldValue: "1"}

const (
	// lag is how long records of Later wait for a transaction that they can join.
	lag = 20 * time.Millisecond
	// retryAfter is how long they wait for another try.
	retryAfter = time.Second
	// calm is how long writes must succeed until the file counts as sound again: on a
	// disk that is nearly full, small ones do and large ones do not.
	calm = 5 * time.Second
)

// File implements fakewns.Store. Concurrent writers share one transaction; it
// is synced to disk before any of them continues.
type File struct {
	file *boltfile.File

	mu      sync.Mutex
	queue   []record
	failed  map[place]fakewns.Record // of Later, to be tried again before the queue
	current *flush                   // that the queue will be part of
	busy    bool
	closed  bool
	idle    *sync.Cond
	err     error // of the last write
	told    error // the last failure, until the file counts as sound again
	failure time.Time
	lagging *time.Timer // until records of Later are written
	retry   *time.Timer
	watch   func(error)
}

// record is one to be written; nobody waits for those of Later.
type record struct {
	fakewns.Record
	later bool
}

// place is where a record goes.
type place struct{ bucket, key string }

// flush is one transaction to come; done is closed once it is on the disk.
type flush struct {
	done chan struct{}
	err  error
}

// Open opens or makes a file, readable by its owner only: it holds secrets. Its errors
// are sentences for the user.
func Open(path string) (*File, error) {
	file, err := boltfile.Open(path, kind)
	if err != nil {
		return nil, err
	}
	f := &File{file: file, failed: map[place]fakewns.Record{}}
	f.idle = sync.NewCond(&f.mu)
	return f, nil
}

// Notice is a sentence about a file that was damaged; empty for a sound one.
func (f *File) Notice() string { return f.file.Notice() }

// Watch calls changed when the file can no longer be written, and with nil when it can
// be again.
func (f *File) Watch(changed func(error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watch = changed
}

// Load implements fakewns.Store.
func (f *File) Load(bucket string, visit func(key string, value []byte) error) error {
	return f.file.View(func(tx *boltfile.Tx) error {
		return tx.Each(bucket, func(k, v []byte) error { return visit(string(k), v) })
	})
}

var errClosed = errors.New("the state file is closed")

// Save implements fakewns.Store.
func (f *File) Save(records ...fakewns.Record) (kept func() error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return func() error { return errClosed }
	}
	for _, r := range records {
		f.queue = append(f.queue, record{r, false})
	}
	if f.current == nil {
		f.current = &flush{done: make(chan struct{})}
	}
	mine := f.current
	f.start()
	return func() error {
		<-mine.done
		return mine.err
	}
}

// Later implements fakewns.Store.
func (f *File) Later(records ...fakewns.Record) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	if f.err != nil && !f.busy {
		for _, r := range records {
			f.failed[place{r.Bucket, r.Key}] = r
		}
		return // until the next try
	}
	for _, r := range records {
		f.queue = append(f.queue, record{r, true})
	}
	if !f.busy && f.lagging == nil {
		f.lagging = time.AfterFunc(lag, f.catchUp)
	}
}

// Err implements fakewns.Store.
func (f *File) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.told
}

// start lets the writer run; the caller holds the lock.
func (f *File) start() {
	if !f.busy {
		f.busy = true
		go f.write()
	}
}

// write drains the queue.
func (f *File) write() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		records, failed, mine := f.queue, f.failed, f.current
		f.queue, f.current = nil, nil
		f.mu.Unlock()
		err := f.file.Update(func(tx *boltfile.Tx) error { return put(tx, failed, records) })
		f.mu.Lock()
		f.wrote(err, records)
		if mine != nil {
			mine.err = err
			close(mine.done)
		}
		if len(f.queue) == 0 {
			break
		}
	}
	f.busy = false
	f.idle.Broadcast()
}

// wrote notes how a write went. What nobody waits for is tried again. The caller holds
// the lock.
func (f *File) wrote(err error, records []record) {
	was := f.told
	if f.err = err; err == nil {
		clear(f.failed)
		if f.told != nil && time.Since(f.failure) > calm {
			f.told = nil
		}
	} else {
		f.told, f.failure = err, time.Now()
		for _, r := range records {
			if r.later {
				f.failed[place{r.Bucket, r.Key}] = r.Record
			}
		}
		if f.retry == nil && !f.closed {
			f.retry = time.AfterFunc(retryAfter, f.again)
		}
	}
	if f.watch != nil && (was == nil) != (f.told == nil) {
		go f.watch(f.told)
	}
}

// catchUp writes what no other record took along.
func (f *File) catchUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lagging = nil; len(f.queue) > 0 {
		f.start()
	}
}

// again tries a file that could not be written.
func (f *File) again() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.retry = nil; f.err != nil && !f.closed {
		f.start()
	}
}

func put(tx *boltfile.Tx, failed map[place]fakewns.Record, records []record) error {
	one := func(r fakewns.Record) error {
		if r.Value == nil {
			return tx.Delete(r.Bucket, []byte(r.Key))
		}
		return tx.Put(r.Bucket, []byte(r.Key), r.Value)
	}
	for _, r := range failed {
		if err := one(r); err != nil {
			return err
		}
	}
	for _, r := range records {
		if err := one(r.Record); err != nil {
			return err
		}
	}
	return nil
}

// Close writes what is queued and closes the file. The error says that some of it
// could not be stored.
func (f *File) Close() error {
	f.mu.Lock()
	f.closed = true
	if f.retry != nil {
		f.retry.Stop()
	}
	if len(f.queue)+len(f.failed) > 0 {
		f.start()
	}
	for f.busy {
		f.idle.Wait()
	}
	var err error
	if len(f.failed) > 0 {
		err = f.err
	}
	f.mu.Unlock()
	return errors.Join(err, f.file.Close())
}
