package fleet

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Store is a file of devices, so that a fleet survives a restart. It holds
// private keys and is readable by its owner only.
type Store struct{ db *bolt.DB }

var (
	devicesBucket     = []byte("devices")     // DeviceID -> record
	keysBucket        = []byte("keys")        // name -> PKCS#8
	transcriptsBucket = []byte("transcripts") // DeviceID -> the last session as text
	metaBucket        = []byte("meta")
)

const storeVersion = "1"

// Open opens a store, and creates it if it does not exist. Errors say what to
// do.
func Open(path string) (*Store, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("the state file's folder: %w", err)
	}
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("the state file %s is in use by another dmwake; stop it, or choose another --state", path)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, bolterrors.ErrChecksum):
		return nil, fmt.Errorf("%s is not a dmwake state file, or it is damaged; choose another --state", path)
	case err != nil:
		return nil, fmt.Errorf("open the state file: %w", err)
	}
	s := &Store{db}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, b := range [][]byte{devicesBucket, keysBucket, transcriptsBucket, metaBucket} {
			if _, err := tx.CreateBucketIfNotExists(b); err != nil {
				return err
			}
		}
		meta := tx.Bucket(metaBucket)
		if v := meta.Get([]byte("version")); v != nil && string(v) != storeVersion {
			return fmt.Errorf("%s has version %s, this program reads %s", path, v, storeVersion)
		}
		return meta.Put([]byte("version"), []byte(storeVersion))
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the state file: %w", err), db.Close())
	}
	return s, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

// Put stores devices by their DeviceIDs, all or none.
func (s *Store) Put(records map[string][]byte) error {
	return s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(devicesBucket)
		for id, r := range records {
			if err := b.Put([]byte(id), r); err != nil {
				return fmt.Errorf("store device %s: %w", id, err)
			}
		}
		return nil
	})
}

// Delete removes a device.
func (s *Store) Delete(id string) error {
	return s.db.Update(func(tx *bolt.Tx) error {
		if err := tx.Bucket(transcriptsBucket).Delete([]byte(id)); err != nil {
			return err
		}
		return tx.Bucket(devicesBucket).Delete([]byte(id))
	})
}

// Each calls f for every device, in the order of DeviceIDs; f may keep the
// record.
func (s *Store) Each(f func(id string, record []byte) error) error {
	return s.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(devicesBucket).ForEach(func(k, v []byte) error {
			return f(string(k), append([]byte(nil), v...))
		})
	})
}

// PutTranscript stores a device's last session.
func (s *Store) PutTranscript(id, text string) error {
	return s.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(transcriptsBucket).Put([]byte(id), []byte(text)) })
}

// Transcript is a device's last session; empty if none is stored.
func (s *Store) Transcript(id string) (text string, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		text = string(tx.Bucket(transcriptsBucket).Get([]byte(id)))
		return nil
	})
	return text, err
}

// PutMeta stores a note about all devices of the file, such as how to reach
// their server.
func (s *Store) PutMeta(key string, value []byte) error {
	return s.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(metaBucket).Put([]byte("note."+key), value) })
}

// Meta is that note; nil if it was never stored.
func (s *Store) Meta(key string) (value []byte, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		value = append(value, tx.Bucket(metaBucket).Get([]byte("note."+key))...)
		return nil
	})
	return value, err
}

// PutKey implements dmclient.Keyring. A shared key is stored once.
func (s *Store) PutKey(key crypto.Signer) ([]byte, error) {
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	ref := sum[:16]
	return ref, s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(keysBucket)
		if b.Get(ref) != nil {
			return nil
		}
		return b.Put(ref, raw)
	})
}

// Key implements dmclient.Keyring.
func (s *Store) Key(ref []byte) (key crypto.Signer, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		raw := tx.Bucket(keysBucket).Get(ref)
		if raw == nil {
			return errors.New("a device's key is missing from the state file")
		}
		k, err := x509.ParsePKCS8PrivateKey(raw)
		if err != nil {
			return err
		}
		signer, ok := k.(crypto.Signer)
		if !ok {
			return fmt.Errorf("a key of type %T cannot sign", k)
		}
		key = signer
		return nil
	})
	return key, err
}
