package fleet

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/dmwake/dmwake/harness/boltfile"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// Store is a file of devices, so that a fleet survives a restart. It holds
// private keys and is readable by its owner only.
type Store struct {
	file *boltfile.File

	mu      sync.Mutex
	waiting []*change // for the next transaction
	writing bool
}

// The file's buckets.
const (
	devicesBucket     = "devices"     // DeviceID -> record
	keysBucket        = "keys"        // name -> PKCS#8
	transcriptsBucket = "transcripts" // DeviceID -> the last session as text
	numbersBucket     = "numbers"     // number, big-endian -> DeviceID
	begunBucket       = "begun"       // DeviceID -> begunNew or begunAgain
	metaBucket        = "meta"
)

// lastKey has the last number that was given to a device.
var lastKey = []byte("last number")

// kind of the file. Version 1 had no numbers: its devices were counted in the order of
// DeviceIDs.
var kind = boltfile.Kind{Name: "device", Version: "2", OldKey: "version", OldValue: "1"}

// ErrInUse is within the error of Open if another process has the file.
var ErrInUse = boltfile.ErrInUse

// Open opens a store, and creates it if it does not exist. Errors say what to
// do.
func Open(path string) (*Store, error) {
	file, err := boltfile.Open(path, kind)
	if err != nil {
		return nil, err
	}
	s := &Store{file: file}
	if err := s.numberAll(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the state file: %w", err), file.Close())
	}
	return s, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.file.Close() }

// Notice is a sentence for the user about a file that was damaged; empty for a sound
// one.
func (s *Store) Notice() string { return s.file.Notice() }

// Transcript is a device's last session; empty if none is stored.
func (s *Store) Transcript(id string) (text string, err error) {
	raw, err := s.get(transcriptsBucket, []byte(id))
	return string(raw), err
}

// PutMeta stores a note about all devices of the file, such as how to reach
// their server.
func (s *Store) PutMeta(key string, value []byte) error {
	return s.file.Update(func(tx *boltfile.Tx) error { return tx.Put(metaBucket, []byte("note."+key), value) })
}

// Meta is that note; nil if it was never stored.
func (s *Store) Meta(key string) (value []byte, err error) {
	return s.get(metaBucket, []byte("note."+key))
}

func (s *Store) get(bucket string, key []byte) (value []byte, err error) {
	err = s.file.View(func(tx *boltfile.Tx) error {
		v, err := tx.Get(bucket, key)
		value = append(value, v...)
		return err
	})
	return value, err
}

// Unpack makes a device from a record of the file.
func (s *Store) Unpack(cfg dmclient.Config, record []byte) (*dmclient.Device, error) {
	return dmclient.Unpack(cfg, dmclient.Packing{Keys: &ring{store: s}}, record)
}

// ring is the keys of the file, and those of a record that is being packed. A shared
// key is stored once.
type ring struct {
	store *Store
	put   map[string][]byte // reference -> PKCS#8
}

// PutKey implements dmclient.Keyring.
func (r *ring) PutKey(key crypto.Signer) ([]byte, error) {
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	ref := sum[:16]
	if r.put == nil {
		r.put = map[string][]byte{}
	}
	r.put[string(ref)] = raw
	return ref, nil
}

// Key implements dmclient.Keyring. A damaged file may have lost a key.
func (r *ring) Key(ref []byte) (crypto.Signer, error) {
	var raw []byte
	if r.store != nil {
		var err error
		if raw, err = r.store.get(keysBucket, ref); err != nil {
			return nil, err
		}
	}
	if raw == nil {
		return nil, nil
	}
	k, err := x509.ParsePKCS8PrivateKey(raw)
	if err != nil {
		return nil, err
	}
	signer, ok := k.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T cannot sign", k)
	}
	return signer, nil
}

// change is a part of a transaction.
type change struct {
	make func(*boltfile.Tx) error
	done chan error
}

// share makes a change in one transaction with others that come at the same time:
// those that came while the one before was written. It returns when the change is on
// the disk. The change may be made again if another one of the transaction fails.
func (s *Store) share(do func(*boltfile.Tx) error) error {
	c := &change{do, make(chan error, 1)}
	s.mu.Lock()
	s.waiting = append(s.waiting, c)
	if !s.writing {
		s.writing = true
		go s.write()
	}
	s.mu.Unlock()
	return <-c.done
}

func (s *Store) write() {
	for {
		s.mu.Lock()
		all := s.waiting
		s.waiting = nil
		if len(all) == 0 {
			s.writing = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		err := s.file.Update(func(tx *boltfile.Tx) error {
			for _, c := range all {
				if err := c.make(tx); err != nil {
					return err
				}
			}
			return nil
		})
		for _, c := range all {
			if err != nil && len(all) > 1 { // perhaps the fault of another one
				c.done <- s.file.Update(c.make)
			} else {
				c.done <- err
			}
		}
	}
}

func numberKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func readNumber(b []byte) uint64 {
	if len(b) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

// number gives a device the next number.
func number(tx *boltfile.Tx, id []byte) error {
	last, err := tx.Get(metaBucket, lastKey)
	if err != nil {
		return err
	}
	n := numberKey(readNumber(last) + 1)
	return errors.Join(tx.Put(metaBucket, lastKey, n), tx.Put(numbersBucket, n, id))
}

// numberAll gives devices without numbers theirs: those of version 1, and those whose
// numbers were lost in a damaged file. It removes the numbers of devices that were lost.
func (s *Store) numberAll() error {
	var have []uint64
	numbered, missing, stray := map[string]bool{}, [][]byte{}, [][]byte{}
	last := uint64(0)
	err := s.file.View(func(tx *boltfile.Tx) error {
		raw, err := tx.Get(metaBucket, lastKey)
		if err != nil {
			return err
		}
		last = readNumber(raw)
		if err := tx.Each(numbersBucket, func(n, id []byte) error {
			have = append(have, readNumber(n))
			record, err := tx.Get(devicesBucket, id)
			if numbered[string(id)] = true; record == nil {
				stray = append(stray, append([]byte(nil), n...))
			}
			return err
		}); err != nil {
			return err
		}
		return tx.Each(devicesBucket, func(id, _ []byte) error {
			if !numbered[string(id)] {
				missing = append(missing, append([]byte(nil), id...))
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	high := last
	for _, n := range have {
		high = max(high, n)
	}
	if high == last && len(missing) == 0 && len(stray) == 0 {
		return nil
	}
	return s.file.Update(func(tx *boltfile.Tx) error {
		if err := tx.Put(metaBucket, lastKey, numberKey(high)); err != nil {
			return err
		}
		for _, n := range stray {
			if err := tx.Delete(numbersBucket, n); err != nil {
				return err
			}
		}
		for _, id := range missing {
			if err := number(tx, id); err != nil {
				return err
			}
		}
		return nil
	})
}
