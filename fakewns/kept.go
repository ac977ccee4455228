package fakewns

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// Store keeps the service's state over a restart.
type Store interface {
	// Load calls f for the records of a bucket, in the order of their keys.
	Load(bucket string, f func(key string, value []byte) error) error
	// Save queues records in the order of the calls; the records of one call
	// are written together or not at all. Once kept returns they are stored
	// durably, or the error says why they never will be.
	Save(records ...Record) (kept func() error)
	// Later queues records in the same order. Nobody waits for them; if they cannot
	// be written, they are tried again.
	Later(records ...Record)
	// Err is why writes fail; nil if they do not.
	Err() error
}

// Record is one thing that a Store keeps. A nil Value removes it.
type Record struct {
	Bucket, Key string
	Value       []byte
}

// The buckets of a Store.
const (
	bucketApps     = "apps"
	bucketChannels = "channels"
	bucketJournal  = "journal"
	bucketKeys     = "keys"
	bucketParcels  = "parcels"
)

const (
	keySigning = "signing"
	keyRevoked = "revoked"
	keyEpoch   = "epoch"
)

// channelRecord is a channel in the store.
type channelRecord struct {
	ID, URI, PFN, Device, App, Query string
	Expires                          time.Time
	Closed                           bool `json:",omitempty"`
	// Cached is what waits in a channel, in files that have no bucket for it.
	Cached []cachedRecord `json:",omitempty"`
}

type cachedRecord struct {
	Payload          []byte
	Kind, Tag, Group string
	Expires          time.Time
	Seq              uint64
}

// record is the channel for the store; the caller holds the lock.
func (ch *channel) record() Record {
	r := channelRecord{ID: ch.id, URI: ch.uri, PFN: ch.pfn, Device: ch.device, App: ch.app, Query: ch.query, Expires: ch.expires, Closed: ch.closed}
	value, _ := json.Marshal(r) //nolint:errchkjson // strings and times, cannot fail
	return Record{bucketChannels, ch.query, value}
}

// keep writes records to the store, if there is one; kept waits for that.
func (s *Server) keep(records ...Record) (kept func() error) {
	if s.saved == nil || len(records) == 0 {
		return nothingKept
	}
	return s.saved.Save(records...)
}

func nothingKept() error { return nil }

// keepSurely is keep for what has happened already: if it cannot be stored now, it is
// stored later.
func (s *Server) keepSurely(records ...Record) (kept func()) {
	wait := s.keep(records...)
	return func() {
		if err := wait(); err != nil {
			s.saved.Later(records...)
		}
	}
}

// Settle gives the store what it lacks, if it could not be written for a while. Call it
// before the store is closed.
func (s *Server) Settle() {
	if s.saved != nil {
		s.journal.catchUp()
	}
}

// Keep loads a store and keeps the state there from now on. Call it before the
// service serves. Apps in the store replace the configured ones; an empty store
// gets the configured ones. Devices are out of reach until their channels are
// attached.
func (s *Server) Keep(store Store) error {
	var moved []Record // what waits, in a bucket of its own
	channel := func(_ string, value []byte) error {
		c, err := s.loadChannel(value)
		if err == nil && len(c.cached) > 0 {
			moved = append(moved, c.record())
			for _, p := range c.cached {
				moved = append(moved, p.record())
			}
		}
		return err
	}
	for _, load := range []struct {
		bucket string
		f      func(key string, value []byte) error
	}{{bucketKeys, s.loadKey}, {bucketApps, s.loadApps}, {bucketChannels, channel}, {bucketJournal, s.loadEntry}} {
		if err := store.Load(load.bucket, load.f); err != nil {
			return fmt.Errorf("read the state: %w", err)
		}
	}
	s.msgID.Store(s.journal.Mark() << 8) // numbering continues
	if s.epoch == 0 {
		s.epoch = rand.Uint64()>>1 | 1<<32 //nolint:gosec // tells one store from another
	}
	s.saved, s.journal.store = store, store
	if err := store.Load(bucketParcels, s.loadParcel); err != nil {
		return fmt.Errorf("read the state: %w", err)
	}
	moved = append(moved, Record{bucketKeys, keySigning, s.signer.key}, Record{bucketKeys, keyEpoch, strconv.AppendUint(nil, s.epoch, 10)}, s.appsRecord(s.Apps()))
	return s.keep(moved...)()
}

func (s *Server) loadKey(key string, value []byte) error {
	switch key {
	case keySigning:
		if len(s.cfg.SigningKey) == 0 {
			s.signer = newSigner(append([]byte(nil), value...))
		}
	case keyRevoked:
		ms, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil {
			return err
		}
		s.tokens.since = time.UnixMilli(ms)
	case keyEpoch:
		epoch, err := strconv.ParseUint(string(value), 10, 64)
		if err != nil {
			return err
		}
		s.epoch = epoch
	}
	return nil
}

func (s *Server) loadApps(_ string, value []byte) error {
	var apps []App
	if err := json.Unmarshal(value, &apps); err != nil {
		return err
	}
	return s.SetApps(apps)
}

func (s *Server) appsRecord(apps []App) Record {
	value, _ := json.Marshal(apps) //nolint:errchkjson // strings, cannot fail
	return Record{bucketApps, "all", value}
}

func (s *Server) loadChannel(value []byte) (*channel, error) {
	var r channelRecord
	if err := json.Unmarshal(value, &r); err != nil {
		return nil, err
	}
	c := &channel{id: r.ID, uri: r.URI, pfn: r.PFN, device: r.Device, app: r.App, token: channelTokenOf(r.Query), query: r.Query, path: pathOf(r.URI), expires: r.Expires, closed: r.Closed}
	for _, k := range r.Cached {
		c.cached = append(c.cached, &Parcel{Payload: k.Payload, s: s, query: c.query, device: c.device, kind: k.Kind, tag: k.Tag, group: k.Group, expires: k.Expires, seq: k.Seq})
	}
	s.channels.waits(c)
	if c.closed {
		s.channels.closed = append(s.channels.closed, c)
	}
	s.channels.add(c)
	return c, nil
}

func (s *Server) loadEntry(_ string, value []byte) error {
	e := &Entry{}
	if err := json.Unmarshal(value, e); err != nil {
		return err
	}
	s.journal.restore(e)
	return nil
}

// loadParcel takes in a notification that was accepted and did not arrive: it waits for
// its device again. The journal and the channels are loaded already.
func (s *Server) loadParcel(key string, value []byte) error {
	seq, err := strconv.ParseUint(key, 16, 64)
	if err != nil {
		return err
	}
	var r parcelRecord
	if err := json.Unmarshal(value, &r); err != nil {
		return err
	}
	p := &Parcel{Payload: r.Payload, Again: true, s: s, query: r.Channel, kind: r.Kind, tag: r.Tag, group: r.Group, expires: r.Expires, fleeting: r.Fleeting, sent: r.Sent}
	p.numbered(seq)
	if ch := s.channels.byQuery[r.Channel]; ch != nil {
		p.device = ch.device
	}
	s.journal.outcome(seq, Cached)
	s.store(p)
	return nil
}
