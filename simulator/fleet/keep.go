package fleet

import (
	"errors"
	"fmt"

	"github.com/dmwake/dmwake/harness/boltfile"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// What is stored of a device whose enrollment has begun: whether the file had the
// device before.
var begunNew, begunAgain = []byte("new"), []byte("again")

// Entry is a device of a Store.
type Entry struct {
	// Number counts the devices of the file from 1. A device keeps it as long as it
	// is in the file, and no other device gets it afterwards.
	Number   int
	DeviceID string
	Record   []byte
	// Note is what KeepNoted stored beside it; nil without one.
	Note []byte
	// Begun says that an enrollment began and neither succeeded nor was refused: the
	// server may have the device.
	Begun bool
}

// packed is a device ready to be stored.
type packed struct {
	id         string
	record     []byte
	keys       map[string][]byte
	enrolled   bool
	transcript string
	note       []byte // nil: as it was
}

func pack(d *dmclient.Device) (p packed, err error) {
	keys := &ring{}
	p.id, p.enrolled = d.Identity().DeviceID, d.State() == dmclient.Enrolled
	p.record, err = d.Pack(dmclient.Packing{Keys: keys})
	p.keys = keys.put
	return p, err
}

// put stores a device, and gives a new one its number.
func (p *packed) put(tx *boltfile.Tx) error {
	id := []byte(p.id)
	known, err := tx.Get(devicesBucket, id)
	if err == nil && known == nil {
		err = number(tx, id)
	}
	if err != nil {
		return err
	}
	for ref, raw := range p.keys {
		known, err := tx.Get(keysBucket, []byte(ref))
		if err == nil && known == nil {
			err = tx.Put(keysBucket, []byte(ref), raw)
		}
		if err != nil {
			return err
		}
	}
	if p.transcript != "" {
		if err := tx.Put(transcriptsBucket, id, []byte(p.transcript)); err != nil {
			return err
		}
	}
	if p.note != nil {
		if err := tx.Put(metaBucket, noteKey(p.id), p.note); err != nil {
			return err
		}
	}
	return tx.Put(devicesBucket, id, p.record)
}

// noteKey is where the note of a device is.
func noteKey(id string) []byte { return []byte("note of " + id) }

// Keep stores a device as it is now, with the text of its last session unless that is
// empty. Once Keep returns nil it is on the disk. Calls at the same time share a
// write. An enrolled device is no longer begun.
func (s *Store) Keep(d *dmclient.Device, transcript string) error {
	p, err := pack(d)
	if err != nil {
		return err
	}
	p.transcript = transcript
	return s.put(&p)
}

// KeepNoted is Keep without a session, with a note of the caller's own about the device.
func (s *Store) KeepNoted(d *dmclient.Device, note []byte) error {
	p, err := pack(d)
	if err != nil {
		return err
	}
	p.note = note
	return s.put(&p)
}

func (s *Store) put(p *packed) error {
	return s.share(func(tx *boltfile.Tx) error {
		if p.enrolled {
			if err := tx.Delete(begunBucket, []byte(p.id)); err != nil {
				return err
			}
		}
		return p.put(tx)
	})
}

// together is how many devices one transaction begins.
const together = 1000

// ErrKnown says that the file has a device of that DeviceID already.
var ErrKnown = errors.New("the state file has a device of this DeviceID already")

// Begin stores devices before anything of their enrollment reaches a server, so that a
// killed process leaves none behind that is only known there. It must be called for
// new devices and for those of the file that enroll again; add says that they are
// new, which is ErrKnown for one that is not. What was stored before an error stays.
func (s *Store) Begin(add bool, devices func(yield func(*dmclient.Device) bool)) error {
	var some []packed
	flush := func() error {
		defer func() { some = some[:0] }()
		return s.file.Update(func(tx *boltfile.Tx) error {
			for i := range some {
				if err := some[i].begin(tx, add); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for d := range devices {
		p, err := pack(d)
		if err != nil {
			return err
		}
		if some = append(some, p); len(some) == together {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func (p *packed) begin(tx *boltfile.Tx, add bool) error {
	id := []byte(p.id)
	begun, err := tx.Get(begunBucket, id)
	if err != nil {
		return err
	}
	if !add {
		if begun != nil {
			return nil // as it began
		}
		return tx.Put(begunBucket, id, begunAgain)
	}
	switch known, err := tx.Get(devicesBucket, id); {
	case err != nil:
		return err
	case known != nil:
		return fmt.Errorf("device %s: %w", p.id, ErrKnown)
	}
	if err := tx.Put(begunBucket, id, begunNew); err != nil {
		return err
	}
	return p.put(tx)
}

// Abandon ends enrollments that failed: the server does not have the devices. It
// removes those that Begin added, with their numbers.
func (s *Store) Abandon(ids []string) error {
	return s.file.Update(func(tx *boltfile.Tx) error {
		added := map[string]bool{}
		for _, id := range ids {
			begun, err := tx.Get(begunBucket, []byte(id))
			if err != nil {
				return err
			}
			if string(begun) == string(begunNew) {
				added[id] = true
			}
			if err := tx.Delete(begunBucket, []byte(id)); err != nil {
				return err
			}
		}
		gone, err := remove(tx, added)
		if err != nil {
			return err
		}
		// They were never of use to anybody, so the last numbers are free again.
		raw, err := tx.Get(metaBucket, lastKey)
		if err != nil || raw == nil {
			return err
		}
		last := readNumber(raw)
		for gone[last] {
			last--
		}
		return tx.Put(metaBucket, lastKey, numberKey(last))
	})
}

// Delete removes devices. Their numbers are not given to others.
func (s *Store) Delete(ids ...string) error {
	all := map[string]bool{}
	for _, id := range ids {
		all[id] = true
	}
	return s.file.Update(func(tx *boltfile.Tx) error {
		_, err := remove(tx, all)
		return err
	})
}

// remove removes devices and tells the numbers that they had.
func remove(tx *boltfile.Tx, ids map[string]bool) (gone map[uint64]bool, err error) {
	gone = map[uint64]bool{}
	if len(ids) == 0 {
		return gone, nil
	}
	for id := range ids {
		for _, b := range []string{devicesBucket, transcriptsBucket, begunBucket} {
			if err := tx.Delete(b, []byte(id)); err != nil {
				return nil, err
			}
		}
		if err := tx.Delete(metaBucket, noteKey(id)); err != nil {
			return nil, err
		}
	}
	err = tx.Each(numbersBucket, func(n, id []byte) error {
		if ids[string(id)] {
			gone[readNumber(n)] = true
		}
		return nil
	})
	for n := range gone { // not within Each, which must not change the bucket
		if err == nil {
			err = tx.Delete(numbersBucket, numberKey(n))
		}
	}
	return gone, err
}

// Each calls f for every device, in the order of their numbers; f may use the store,
// and keep the entry.
func (s *Store) Each(f func(Entry) error) error {
	var all []Entry
	err := s.file.View(func(tx *boltfile.Tx) error {
		return tx.Each(numbersBucket, func(n, id []byte) error {
			record, err := tx.Get(devicesBucket, id)
			if err != nil {
				return err
			}
			begun, err := tx.Get(begunBucket, id)
			if err != nil {
				return err
			}
			note, err := tx.Get(metaBucket, noteKey(string(id)))
			all = append(all, Entry{Number: int(readNumber(n)), DeviceID: string(id), //nolint:gosec // a count
				Record: append([]byte(nil), record...), Note: append([]byte(nil), note...), Begun: begun != nil})
			return err
		})
	})
	if err != nil {
		return err
	}
	for _, e := range all {
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}
