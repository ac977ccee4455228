// Package boltfile keeps records in a bbolt file that is checked before it is used.
// bbolt maps its file and trusts it, so damage would end the process with a stack
// trace, or, worse, give other records than were stored. Here each record has a
// checksum, and the file one over all of them.
//
// A file says which kind of state it keeps and in which version. Another kind or
// version is refused before anything is written. A damaged file is moved aside, never
// overwritten, and what can be read of it goes on.
package boltfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Kind is what a file keeps.
type Kind struct {
	Name    string // a word such as "lab" or "device", in the file and in errors
	Version string // of the records
	// Old is the version mark of files from before kinds were stamped: a key and its
	// value in the bucket "meta". Such a file is taken over. Empty: there is none.
	OldKey, OldValue string
}

// File is an open file of one kind. Only one process has it.
type File struct {
	path   string
	db     *bolt.DB
	notice string

	mu     sync.Mutex
	broken error // a panic of bbolt or a read error of a mapped page
}

// stampBucket says what the file is; no other bucket has this name.
const stampBucket = "dmwake"

const (
	kindKey    = "kind"
	versionKey = "version"
	totalKey   = "total"
)

// wait is how long another process may take to close the file.
const wait = time.Second

// Open opens a file, and makes it if it does not exist: readable by its owner only.
// Errors are sentences for the user. See Notice for a file that was damaged.
func Open(path string, kind Kind) (*File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("the state file's folder: %w", err)
	}
	f := &File{path: path}
	made, err := f.prepare(kind)
	if err != nil {
		return nil, err
	}
	if err := f.open(kind); err != nil {
		if made && !errors.Is(err, ErrInUse) {
			os.Remove(path) // an empty file, such as on a full disk
		}
		return nil, err
	}
	if made {
		syncFolder(path)
	}
	return f, nil
}

// prepare checks what is there before bbolt maps it. made: nothing is there.
func (f *File) prepare(kind Kind) (made bool, err error) {
	info, err := os.Stat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return true, nil
	case err != nil:
		return false, fmt.Errorf("the state file: %w", err)
	case info.IsDir():
		return false, fmt.Errorf("the state file %s is a folder; choose another --state", f.path)
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("the state file %s is not a regular file; choose another --state", f.path)
	}
	file, err := os.OpenFile(f.path, os.O_RDWR, 0)
	if err != nil {
		return false, fmt.Errorf("the state file: %w", err)
	}
	defer file.Close() // releases the lock, too
	if err := lockWithin(file, wait); err != nil {
		return false, inUse(f.path)
	}
	c, err := check(file)
	if err != nil {
		return false, notOurs(f.path)
	}
	if err := c.refuse(f.path, kind); err != nil {
		return false, err
	}
	switch {
	case c.empty:
		f.notice = fmt.Sprintf("the state file %s was empty; a new state begins", f.path)
	case c.wrong != nil:
		if runtime.GOOS == "windows" {
			file.Close() // an open file keeps its name there
		}
		f.notice, err = repair(f.path, kind, c)
	}
	return false, err
}

// ErrInUse is within the error of Open if another process has the file.
var ErrInUse = errors.New("is in use by another dmwake")

func inUse(path string) error {
	return fmt.Errorf("the state file %s %w; stop it, or choose another --state", path, ErrInUse)
}

func notOurs(path string) error {
	return fmt.Errorf("%s is not a dmwake state file, or its head is destroyed; choose another --state, or move it away", path)
}

// lockWithin waits until no other process has the file.
func lockWithin(file *os.File, within time.Duration) error {
	for end := time.Now().Add(within); ; time.Sleep(10 * time.Millisecond) {
		err := lock(file)
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}

// open lets bbolt open the file, which is sound, and stamps it if it is new.
func (f *File) open(kind Kind) (err error) {
	err = f.guard("opened", func() error {
		f.db, err = bolt.Open(f.path, 0o600, &bolt.Options{Timeout: wait, NoFreelistSync: true, FreelistType: bolt.FreelistMapType})
		return err
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return inUse(f.path)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, bolterrors.ErrChecksum):
		return notOurs(f.path)
	case err != nil:
		return fmt.Errorf("open the state file %s: %w", f.path, plain(err))
	}
	if err := f.guard("opened", func() error { return f.db.Update(func(tx *bolt.Tx) error { return stamp(tx, kind) }) }); err != nil {
		f.Close() //nolint:errcheck // the first error is told
		return fmt.Errorf("open the state file %s: %w", f.path, plain(err))
	}
	return nil
}

// stamp marks a new file, and takes over one from before files were stamped.
func stamp(tx *bolt.Tx, kind Kind) error {
	if tx.Bucket([]byte(stampBucket)) != nil {
		return nil
	}
	t := &Tx{tx: tx}
	if err := tx.ForEach(func(name []byte, b *bolt.Bucket) error { return t.takeOver(string(name), b) }); err != nil {
		return err
	}
	b, err := tx.CreateBucket([]byte(stampBucket))
	if err != nil {
		return err
	}
	return errors.Join(b.Put([]byte(kindKey), sealed(stampBucket, []byte(kindKey), []byte(kind.Name))),
		b.Put([]byte(versionKey), sealed(stampBucket, []byte(versionKey), []byte(kind.Version))), t.writeTotal())
}

// Notice is a sentence for the user about a file that was damaged: where it is kept
// and how much goes on. It is empty for a sound file.
func (f *File) Notice() string { return f.notice }

// Update changes records, all or none. When it returns they are on the disk. It gives
// the error of change as it is; any other error is a sentence for the user.
func (f *File) Update(change func(*Tx) error) error {
	return f.guard("written", func() error {
		var failed error
		err := f.db.Update(func(tx *bolt.Tx) error {
			t := &Tx{tx: tx}
			if failed = change(t); failed == nil {
				failed = t.writeTotal()
			}
			return failed
		})
		if err == nil || failed != nil {
			return err
		}
		return fmt.Errorf("the state file %s cannot be written: %w", f.path, plain(err))
	})
}

// View reads records.
func (f *File) View(read func(*Tx) error) error {
	return f.guard("read", func() error {
		return f.db.View(func(tx *bolt.Tx) error { return read(&Tx{tx: tx}) })
	})
}

// Close closes the file.
func (f *File) Close() error {
	f.mu.Lock()
	broken := f.broken
	f.mu.Unlock()
	if broken != nil || f.db == nil {
		return nil // bbolt's locks may be held for ever
	}
	return f.guard("closed", f.db.Close)
}

// guard makes a panic of bbolt an error, and so a page that cannot be read: the
// file may be damaged while it is open. After that nothing is read or written.
func (f *File) guard(doing string, do func() error) (err error) {
	f.mu.Lock()
	broken := f.broken
	f.mu.Unlock()
	if broken != nil {
		return broken
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the state file %s could not be %s, it was damaged meanwhile (%v); start dmwake again, which keeps what can be read", f.path, doing, p)
			f.mu.Lock()
			f.broken = err
			f.mu.Unlock()
		}
	}()
	return do()
}
