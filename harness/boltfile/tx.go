package boltfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	bolt "go.etcd.io/bbolt"
)

// Tx is a transaction. Keys and values that it gives are valid only within it.
type Tx struct {
	tx    *bolt.Tx
	delta total
}

// total is what all records of a file add up to. It tells a page that went back to an
// older state.
type total struct{ records, sums uint64 }

func (t *total) add(value []byte) {
	t.records++
	t.sums += uint64(binary.BigEndian.Uint32(value))
}

func (t *total) remove(value []byte) {
	t.records--
	t.sums -= uint64(binary.BigEndian.Uint32(value))
}

func (t *total) bytes() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, t.records), t.sums)
}

func readTotal(b []byte) (t total, ok bool) {
	if len(b) != 16 {
		return t, false
	}
	return total{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}, true
}

const sumSize = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sum is the checksum of a record, over its bucket and key, too: a record that
// turns up elsewhere is damage.
func sum(bucket string, key, value []byte) uint32 {
	var sizes [8]byte
	binary.BigEndian.PutUint32(sizes[:], uint32(len(bucket))) //nolint:gosec // bbolt bounds both
	binary.BigEndian.PutUint32(sizes[4:], uint32(len(key)))   //nolint:gosec // as above
	s := crc32.Update(0, castagnoli, sizes[:])
	s = crc32.Update(s, castagnoli, []byte(bucket))
	s = crc32.Update(s, castagnoli, key)
	return crc32.Update(s, castagnoli, value)
}

// sealed is a value as it is in the file, behind its checksum.
func sealed(bucket string, key, value []byte) []byte {
	b := make([]byte, sumSize, sumSize+len(value))
	binary.BigEndian.PutUint32(b, sum(bucket, key, value))
	return append(b, value...)
}

var errSum = errors.New("a record does not have its checksum")

// unseal is the value behind its checksum.
func unseal(bucket string, key, stored []byte) ([]byte, error) {
	if len(stored) < sumSize || binary.BigEndian.Uint32(stored) != sum(bucket, key, stored[sumSize:]) {
		return nil, fmt.Errorf("%w: %q of bucket %q", errSum, key, bucket)
	}
	return stored[sumSize:], nil
}

// Get reads a record; nil if there is none.
func (t *Tx) Get(bucket string, key []byte) ([]byte, error) {
	b := t.tx.Bucket([]byte(bucket))
	if b == nil {
		return nil, nil
	}
	stored := b.Get(key)
	if stored == nil {
		return nil, nil
	}
	return unseal(bucket, key, stored)
}

// Each calls f for the records of a bucket, in the order of their keys.
func (t *Tx) Each(bucket string, f func(key, value []byte) error) error {
	b := t.tx.Bucket([]byte(bucket))
	if b == nil {
		return nil
	}
	return b.ForEach(func(key, stored []byte) error {
		value, err := unseal(bucket, key, stored)
		if err != nil {
			return err
		}
		return f(key, value)
	})
}

// Put stores a record. It makes the bucket.
func (t *Tx) Put(bucket string, key, value []byte) error {
	b, err := t.tx.CreateBucketIfNotExists([]byte(bucket))
	if err != nil {
		return err
	}
	if before := b.Get(key); len(before) >= sumSize {
		t.delta.remove(before)
	}
	stored := sealed(bucket, key, value)
	t.delta.add(stored)
	return b.Put(key, stored)
}

// Delete removes a record, if it is there.
func (t *Tx) Delete(bucket string, key []byte) error {
	b := t.tx.Bucket([]byte(bucket))
	if b == nil {
		return nil
	}
	before := b.Get(key)
	if len(before) < sumSize {
		return nil
	}
	t.delta.remove(before)
	return b.Delete(key)
}

// takeOver gives the records of a bucket their checksums.
func (t *Tx) takeOver(name string, b *bolt.Bucket) error {
	type record struct{ key, value []byte }
	var all []record
	if err := b.ForEach(func(k, v []byte) error {
		all = append(all, record{append([]byte(nil), k...), sealed(name, k, v)})
		return nil
	}); err != nil {
		return err
	}
	for _, r := range all {
		t.delta.add(r.value)
		if err := b.Put(r.key, r.value); err != nil {
			return err
		}
	}
	return nil
}

// writeTotal adds what the transaction changed to the file's total.
func (t *Tx) writeTotal() error {
	b := t.tx.Bucket([]byte(stampBucket))
	now, _ := readTotal(b.Get([]byte(totalKey)))
	now.records += t.delta.records
	now.sums += t.delta.sums
	t.delta = total{}
	return b.Put([]byte(totalKey), now.bytes())
}
