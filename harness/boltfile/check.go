package boltfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/dmwake/dmwake/harness/wording"
)

// found is what a file holds.
type found struct {
	empty         bool // without a byte
	stamped       bool
	kind, version string            // if it is stamped
	old           map[string]string // the bucket "meta" of a file that is not
	buckets       int
	records       []kept // if they were collected
	wrong         error  // the first damage
	txid          uint64
}

// kept is a record that could be read.
type kept struct {
	bucket             string
	key, value, opened []byte // opened: behind the checksum
	sound              bool   // its checksum is right
}

// oldBucket has the version mark of a file that is not stamped, among a few others.
const (
	oldBucket = "meta"
	maxOld    = 1000
)

// check reads a whole file without mapping it, and collects its records if it is
// damaged. The error is errForeign, or tells that the file cannot be read.
func check(file *os.File) (*found, error) {
	c, _, err := checkWith(file, false)
	if err != nil || c.wrong == nil {
		return c, err
	}
	c, metas, err := checkWith(file, true)
	if err != nil || len(c.records) > 0 || len(metas) < 2 {
		return c, err
	}
	// The state before the last change is better than nothing.
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if before := read(file, metas[1], info.Size(), true); len(before.records) > 0 {
		before.wrong = fmt.Errorf("%w, so the last change may be missing", c.wrong)
		return before, nil
	}
	return c, nil
}

// checkWith reads the state after the last change.
func checkWith(file *os.File, collect bool) (*found, []meta, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, nil, err
	}
	if info.Size() == 0 {
		return &found{empty: true}, nil, nil
	}
	metas, wrong, err := readMetas(file)
	if err != nil {
		return nil, nil, err
	}
	c := read(file, metas[0], info.Size(), collect)
	if c.wrong == nil {
		c.wrong = wrong
	}
	return c, metas, nil
}

// read reads the state of one head page.
func read(file io.ReaderAt, m meta, size int64, collect bool) *found {
	c := &found{old: map[string]string{}, txid: m.txid}
	marks := map[string][]byte{}
	var all total
	w := &walk{f: file, meta: m}
	w.bucket = func(name string) {
		if c.stamped = c.stamped || name == stampBucket; name != stampBucket {
			c.buckets++
		}
	}
	// The stamp comes in the order of its name, so the values are looked at in the end.
	var loose []kept
	w.record = func(bucket string, key, value []byte) {
		if bucket == stampBucket {
			marks[string(key)] = value
			return
		}
		if bucket == oldBucket && len(c.old) < maxOld {
			c.old[string(key)] = string(value)
		}
		opened, err := unseal(bucket, key, value)
		if err != nil {
			if w.unsealed == nil {
				w.unsealed = err
			}
		} else {
			all.add(value)
		}
		if collect {
			loose = append(loose, kept{bucket, key, value, opened, err == nil})
		}
	}
	w.run(size)
	c.wrong = w.wrong
	for _, r := range loose {
		switch {
		case !c.stamped:
			c.records = append(c.records, r)
		case r.sound:
			r.value = r.opened
			c.records = append(c.records, r)
		}
	}
	if !c.stamped {
		return c
	}
	if c.wrong == nil {
		c.wrong = w.unsealed
	}
	for key, into := range map[string]*string{kindKey: &c.kind, versionKey: &c.version} {
		value, err := unseal(stampBucket, []byte(key), marks[key])
		if *into = string(value); err != nil && c.wrong == nil {
			c.wrong = err
		}
	}
	if want, ok := readTotal(marks[totalKey]); c.wrong == nil && (!ok || want != all) {
		c.wrong = errors.New("its records do not add up")
	}
	return c
}

// refuse is the error for a file that is not of the kind. A damaged file is only
// touched if it is known to be.
func (c *found) refuse(path string, kind Kind) error {
	of, version := c.kind, c.version
	if !c.stamped {
		if mark, ok := c.old[kind.OldKey]; ok && kind.OldKey != "" {
			if of, version = kind.Name, mark; mark == kind.OldValue {
				version = kind.Version // it is taken over
			}
		}
	}
	switch {
	case of == kind.Name && version == kind.Version, c.empty, c.wrong == nil && !c.stamped && c.buckets == 0:
		return nil
	case of == kind.Name && version != "":
		return fmt.Errorf("%s has version %s of a %s's state, this dmwake reads %s; use the dmwake that wrote it, or choose another --state", path, printable(version), of, kind.Version)
	case of != "" && of != kind.Name:
		return fmt.Errorf("%s is the state file of a %s, not of a %s; choose another --state", path, printable(of), kind.Name)
	case c.wrong != nil:
		return fmt.Errorf("%s is damaged (%w), and what it was can no longer be read; move it away, or choose another --state", path, c.wrong)
	}
	return fmt.Errorf("%s is not the state file of a %s; choose another --state", path, kind.Name)
}

// printable bounds what a file says of itself.
func printable(s string) string { return strings.Trim(fmt.Sprintf("%.40q", s), `"`) }

// repair moves a damaged file aside and puts what can be read of it in its place.
func repair(path string, kind Kind, c *found) (notice string, err error) {
	fail := func(err error) (string, error) {
		return "", fmt.Errorf("the state file %s is damaged (%w), and could not be repaired: %w; it is unchanged", path, c.wrong, plain(err))
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return fail(err)
	}
	fresh, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".repair-*")
	if err != nil {
		return fail(err)
	}
	fresh.Close()
	defer os.Remove(fresh.Name()) // it has the other name, if all went well
	if err := os.Remove(fresh.Name()); err != nil {
		return fail(err)
	}
	if err := write(fresh.Name(), kind, c); err != nil {
		return fail(err)
	}
	aside, err := moveAside(path)
	if err != nil {
		return fail(err)
	}
	if err := os.Rename(fresh.Name(), path); err != nil {
		return fail(err)
	}
	syncFolder(path)
	if len(c.records) == 0 {
		return fmt.Sprintf("the state file %s was damaged (%v) and nothing in it could be read: it is kept as %s, and a new one begins", path, c.wrong, aside), nil
	}
	return fmt.Sprintf("the state file %s was damaged (%v): it is kept as %s, and %s that could be read go on; what was in the damaged part is missing", path, c.wrong, aside, wording.Counted(len(c.records), "record", "records")), nil
}

// write makes a sound file of records.
func write(path string, kind Kind, c *found) error {
	f := &File{path: path}
	if err := f.open(kind); err != nil {
		return err
	}
	err := f.Update(func(t *Tx) error {
		for _, r := range c.records {
			if err := t.Put(r.bucket, r.key, r.value); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, f.Close())
}

// syncFolder makes the names in a file's folder outlast a power cut, where the system can.
func syncFolder(path string) {
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		dir.Sync() //nolint:errcheck // not every system can
		dir.Close()
	}
}

// moveAside gives a file a name that no other file has.
func moveAside(path string) (aside string, err error) {
	for n := 1; n < 1000; n++ {
		aside = path + ".damaged"
		if n > 1 {
			aside = fmt.Sprintf("%s.damaged-%d", path, n)
		}
		if err = os.Link(path, aside); err == nil {
			return aside, nil // the other name goes with the rename that follows
		}
		if !errors.Is(err, os.ErrExist) {
			break
		}
	}
	// A file system without hard links.
	if _, exists := os.Lstat(aside); exists == nil {
		return "", err
	}
	return aside, os.Rename(path, aside)
}
