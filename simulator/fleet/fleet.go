// Package fleet keeps many simulated devices in little memory. A device that
// does nothing is a record of some hundred bytes, without a goroutine, timer or
// socket; it is a whole device only while it has a session.
package fleet

import (
	"container/heap"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/dmwake/dmwake/simulator/dmclient"
)

// Config of a Fleet.
type Config struct {
	// Device is what all devices have in common. Profile and Identity are given
	// to Add; Key makes EC keys by default.
	Device dmclient.Config
	// Workers bounds how many sessions run at once, default 1,024.
	Workers int
	// OnSession, if not nil, is called after every session of Run; d is valid
	// only during the call.
	OnSession func(d *dmclient.Device, s *dmclient.Session, err error)
}

// Fleet is a number of devices, numbered from 0.
type Fleet struct {
	cfg     Config
	packing dmclient.Packing
	keys    *keyring

	mu    sync.Mutex
	freed *sync.Cond
	slots []slot
	plan  plan
	moved chan struct{} // capacity 1: the plan's head changed

	running bool
	crew    *Crew          // for devices with something to do
	asked   map[int][]Task // what Ask gave to devices

	stats counters
}

// slot is one device at rest.
type slot struct {
	record []byte
	due    int64 // the valid entry of the plan, Unix milliseconds; 0: none
	busy   bool
	woken  bool // a push came
	queued bool // the crew has it
	active bool // it is enrolled
}

// Stats are counts since the start, and sizes.
type Stats struct {
	Devices, Enrolled           int
	Sessions, Failed            int64
	Pushes, Refused, Polls      int64
	Records, Slots, Plan, Total int // bytes
	DictStrings, DictBytes      int
}

type counters struct{ sessions, failed, pushes, refused, polls atomic.Int64 }

// New makes an empty fleet.
func New(cfg Config) *Fleet {
	if cfg.Workers <= 0 {
		cfg.Workers = 1024
	}
	if cfg.Device.Clock == nil {
		cfg.Device.Clock = dmclient.SystemClock{}
	}
	if cfg.Device.Key == nil {
		cfg.Device.Key = func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }
	}
	f := &Fleet{cfg: cfg, keys: &keyring{keys: map[string]crypto.Signer{}}, moved: make(chan struct{}, 1), crew: NewCrew(cfg.Workers), asked: map[int][]Task{}}
	f.packing = dmclient.Packing{Dict: dmclient.NewDictionary(), Keys: f.keys}
	f.freed = sync.NewCond(&f.mu)
	return f
}

// Len is the number of devices.
func (f *Fleet) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.slots)
}

// config is the configuration of device i.
func (f *Fleet) config(i int) dmclient.Config {
	cfg := f.cfg.Device
	if cfg.WNS != nil {
		cfg.WNS = router{cfg.WNS, f, i}
	}
	return cfg
}

// router sends a device's pushes to the fleet.
type router struct {
	dmclient.WNS
	fleet *Fleet
	i     int
}

func (r router) OpenChannel(ctx context.Context, device, pfn string, _ func([]byte)) (string, time.Time, error) {
	return r.WNS.OpenChannel(ctx, device, pfn, func(payload []byte) { r.fleet.push(r.i, payload) })
}

// Add adds a device that is not enrolled yet and returns its number.
func (f *Fleet) Add(p dmclient.Profile, id dmclient.Identity) (int, error) {
	cfg := f.cfg.Device
	cfg.Profile, cfg.Identity = p, id
	d, err := dmclient.New(cfg)
	return f.take(d, err)
}

// Restore adds a device from a record of a Store.
func (f *Fleet) Restore(record []byte, from *Store) (int, error) {
	d, err := from.Unpack(f.cfg.Device, record)
	return f.take(d, err)
}

// take packs a new device and gives it a number. A device that could not be
// made or packed gets no number, so every number is usable.
func (f *Fleet) take(d *dmclient.Device, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	p, err := f.pack(d)
	if err != nil {
		return 0, err
	}
	f.mu.Lock()
	i := len(f.slots)
	f.slots = append(f.slots, slot{busy: true})
	f.mu.Unlock()
	f.release(i, p)
	return i, nil
}

// Do unpacks device i, calls fn with it and packs it again. A device has one
// caller at a time; others wait until it is free or their ctx ends.
func (f *Fleet) Do(ctx context.Context, i int, fn func(*dmclient.Device) error) error {
	record, err := f.acquire(ctx, i)
	if err != nil {
		return err
	}
	d, err := dmclient.Unpack(f.config(i), f.packing, record)
	if err != nil {
		f.release(i, atRest{})
		return fmt.Errorf("device %d: %w", i, err)
	}
	err = fn(d)
	return errors.Join(err, f.rest(i, d))
}

// acquire waits until device i is free, marks it busy and returns its record.
func (f *Fleet) acquire(ctx context.Context, i int) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i < 0 || i >= len(f.slots) {
		return nil, fmt.Errorf("the fleet has no device %d", i)
	}
	if f.slots[i].busy {
		stop := context.AfterFunc(ctx, func() {
			f.mu.Lock() // the waiter is in Wait, or will see that ctx ended
			defer f.mu.Unlock()
			f.freed.Broadcast()
		})
		defer stop()
	}
	for f.slots[i].busy && ctx.Err() == nil {
		f.freed.Wait()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f.slots[i].busy = true
	return f.slots[i].record, nil
}

// rest packs a device and updates the plan.
func (f *Fleet) rest(i int, d *dmclient.Device) error {
	d.Disconnect()
	p, err := f.pack(d)
	f.release(i, p)
	return err
}

// atRest is a packed device.
type atRest struct {
	record []byte // nil: it could not be packed
	due    int64  // Unix milliseconds; 0: never
	active bool
}

func (f *Fleet) pack(d *dmclient.Device) (p atRest, err error) {
	if p.record, err = d.Pack(f.packing); err != nil {
		return atRest{}, err
	}
	if next, ok := d.Next(); ok {
		p.due = next.At.UnixMilli()
	}
	p.active = d.State() == dmclient.Enrolled
	return p, nil
}

// release frees device i. Without a record it keeps the old one.
func (f *Fleet) release(i int, p atRest) {
	f.mu.Lock()
	s := &f.slots[i]
	s.busy = false
	if p.record != nil {
		s.record, s.active = p.record, p.active
		if p.due != 0 && p.due != s.due {
			heap.Push(&f.plan, entry{p.due, int32(i)}) //nolint:gosec // fewer than 2^31 devices
		}
		s.due = p.due
	}
	f.mu.Unlock()
	f.freed.Broadcast()
	select {
	case f.moved <- struct{}{}:
	default:
	}
}

// Waited is how many devices had to wait because Workers sessions were running.
func (f *Fleet) Waited() int64 { return f.crew.Waited() }

// Busy is how many devices are in a session or wait for one.
func (f *Fleet) Busy() int { return f.crew.Busy() }

// Due is when the first and the last scheduled device are due; ok is false if
// none is scheduled.
func (f *Fleet) Due() (first, last time.Time, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var low, high int64
	for i := range f.slots {
		if due := f.slots[i].due; due != 0 {
			if low == 0 {
				low = due
			}
			low, high = min(low, due), max(high, due)
		}
	}
	return time.UnixMilli(low), time.UnixMilli(high), low != 0
}

// Stats returns the current counts.
func (f *Fleet) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	st := Stats{Devices: len(f.slots), Sessions: f.stats.sessions.Load(), Failed: f.stats.failed.Load(), Pushes: f.stats.pushes.Load(),
		Refused: f.stats.refused.Load(), Polls: f.stats.polls.Load(), Slots: cap(f.slots) * int(unsafe.Sizeof(slot{})), Plan: cap(f.plan) * 16}
	for i := range f.slots {
		st.Records += cap(f.slots[i].record)
		if f.slots[i].active {
			st.Enrolled++
		}
	}
	st.DictStrings, st.DictBytes = f.packing.Dict.Size()
	st.Total = st.Records + st.Slots + st.Plan + st.DictBytes
	return st
}

// keyring holds the keys that are not in the records: RSA keys, which many
// devices share.
type keyring struct {
	mu   sync.RWMutex
	keys map[string]crypto.Signer
}

func (k *keyring) PutKey(key crypto.Signer) ([]byte, error) {
	type hasher interface{ Equal(crypto.PublicKey) bool }
	if _, ok := key.Public().(hasher); !ok {
		return nil, fmt.Errorf("keys of type %T are not supported", key)
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%v", key.Public()))
	ref := sum[:8]
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys[string(ref)] = key
	return ref, nil
}

func (k *keyring) Key(ref []byte) (crypto.Signer, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if key := k.keys[string(ref)]; key != nil {
		return key, nil
	}
	return nil, errors.New("the key is not in the fleet's keyring")
}
