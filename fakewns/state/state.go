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
	// chunk is how many of them join at most. A transaction needs room of its own: on a
	// disk that is nearly full a small one passes.
	chunk = 256
	// calm is how long writes must succeed until the file counts as sound again.
	calm = 5 * time.Second
)

// File implements fakewns.Store. Concurrent writers share one transaction; it
// is synced to disk before any of them continues.
type File struct {
	file *boltfile.File

	mu      sync.Mutex
	queue   []fakewns.Record
	current *flush                   // that the queue will be part of
	later   map[place]fakewns.Record // of Later
	chunk   int                      // how many of these to write next
	stuck   bool                     // they wait for retry
	busy    bool
	closed  bool
	idle    *sync.Cond
	lagging *time.Timer
	retry   *time.Timer
	err     error // why writes fail, until the file counts as sound again
	failed  time.Time
	watch   func(error)
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
	f := &File{file: file, later: map[place]fakewns.Record{}, chunk: chunk}
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
		delete(f.later, place{r.Bucket, r.Key}) // it is older
	}
	f.queue = append(f.queue, records...)
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
	for _, r := range records {
		f.later[place{r.Bucket, r.Key}] = r
	}
	if !f.busy && f.lagging == nil {
		f.lagging = time.AfterFunc(lag, f.catchUp)
	}
}

// catchUp writes what no other record took along.
func (f *File) catchUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lagging = nil
	f.start()
}

// again tries a file that could not be written.
func (f *File) again() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.retry, f.stuck = nil, false
	f.start()
}

// Err implements fakewns.Store.
func (f *File) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
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
		records, mine, some := f.queue, f.current, f.take()
		if f.queue, f.current = nil, nil; len(records)+len(some) == 0 {
			break
		}
		f.mu.Unlock()
		err := f.put(records, some)
		kept := err
		if err != nil && len(records) > 0 && len(some) > 0 {
			kept = f.put(records, nil)
		}
		f.mu.Lock()
		f.wrote(err, some)
		if mine != nil {
			mine.err = kept
			close(mine.done)
		}
	}
	f.busy = false
	f.idle.Broadcast()
}

// take takes records of Later to be written; the caller holds the lock.
func (f *File) take() (some []fakewns.Record) {
	if f.stuck && (!f.closed || f.chunk == 1) {
		return nil
	}
	for at, r := range f.later {
		if len(some) == f.chunk {
			break
		}
		some = append(some, r)
		delete(f.later, at)
	}
	return some
}

// put writes records in one transaction.
func (f *File) put(lists ...[]fakewns.Record) error {
	return f.file.Update(func(tx *boltfile.Tx) (err error) {
		for _, list := range lists {
			for _, r := range list {
				if r.Value == nil {
					err = tx.Delete(r.Bucket, []byte(r.Key))
				} else {
					err = tx.Put(r.Bucket, []byte(r.Key), r.Value)
				}
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// wrote notes how a write went. What nobody waits for is tried again, in smaller
// parts. The caller holds the lock.
func (f *File) wrote(err error, some []fakewns.Record) {
	was := f.err
	switch {
	case err != nil:
		f.err, f.failed = err, time.Now()
		newer := map[place]bool{}
		for _, r := range f.queue {
			newer[place{r.Bucket, r.Key}] = true
		}
		for _, r := range some {
			at := place{r.Bucket, r.Key}
			if _, again := f.later[at]; !again && !newer[at] {
				f.later[at] = r
			}
		}
		if f.stuck, f.chunk = true, max(1, f.chunk/2); f.retry == nil && !f.closed {
			f.retry = time.AfterFunc(retryAfter, f.again)
		}
	case len(some) > 0:
		f.chunk = min(2*f.chunk, chunk)
	}
	if err == nil && f.err != nil && time.Since(f.failed) > calm {
		f.err = nil
	}
	if f.watch != nil && (was == nil) != (f.err == nil) {
		go f.watch(f.err)
	}
}

// Close writes what is queued and closes the file. The error says that some of it
// could not be stored.
func (f *File) Close() error {
	f.mu.Lock()
	f.closed = true
	for _, t := range []*time.Timer{f.lagging, f.retry} {
		if t != nil {
			t.Stop()
		}
	}
	f.stuck = false
	f.start()
	for f.busy {
		f.idle.Wait()
	}
	var err error
	if len(f.later) > 0 {
		err = f.err
	}
	f.mu.Unlock()
	return errors.Join(err, f.file.Close())
}
