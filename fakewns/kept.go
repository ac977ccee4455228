package fakewns

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Store keeps the service's state over a restart.
type Store interface {
	// Load calls f for the records of a bucket, in the order of their keys.
	Load(bucket string, f func(key string, value []byte) error) error
	// Save queues records in the order of the calls; the records of one call
	// are written together or not at all. Once kept returns they are stored
	// durably.
	Save(records ...Record) (kept func() error)
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
)

const (
	keySigning = "signing"
	keyRevoked = "revoked"
)

// channelRecord is a channel in the store.
type channelRecord struct {
	ID, URI, PFN, Device, App, Query string
	Expires                          time.Time
	Closed                           bool           `json:",omitempty"`
	Cached                           []cachedRecord `json:",omitempty"`
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
	for _, k := range ch.cached {
		r.Cached = append(r.Cached, cachedRecord{Payload: k.payload, Kind: k.kind, Tag: k.tag, Group: k.group, Expires: k.expires, Seq: k.seq})
	}
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

// Keep loads a store and keeps the state there from now on. Call it before the
// service serves. Apps in the store replace the configured ones; an empty store
// gets the configured ones. Devices are out of reach until their channels are
// attached.
func (s *Server) Keep(store Store) error {
	for _, load := range []struct {
		bucket string
		f      func(key string, value []byte) error
	}{{bucketKeys, s.loadKey}, {bucketApps, s.loadApps}, {bucketChannels, s.loadChannel}, {bucketJournal, s.loadEntry}} {
		if err := store.Load(load.bucket, load.f); err != nil {
			return fmt.Errorf("read the state: %w", err)
		}
	}
	s.msgID.Store(s.journal.Mark() << 8) // numbering continues
	s.saved = store
	s.journal.save = store.Save
	return s.keep(Record{bucketKeys, keySigning, s.signer.key}, s.appsRecord(s.Apps()))()
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

func (s *Server) loadChannel(_ string, value []byte) error {
	var r channelRecord
	if err := json.Unmarshal(value, &r); err != nil {
		return err
	}
	c := &channel{id: r.ID, uri: r.URI, pfn: r.PFN, device: r.Device, app: r.App, token: channelTokenOf(r.Query), query: r.Query, path: pathOf(r.URI), expires: r.Expires, closed: r.Closed}
	for _, k := range r.Cached {
		c.cached = append(c.cached, &cached{payload: k.Payload, kind: k.Kind, tag: k.Tag, group: k.Group, expires: k.Expires, seq: k.Seq})
	}
	s.channels.waits(c)
	if c.closed {
		s.channels.closed = append(s.channels.closed, c)
	}
	s.channels.add(c)
	return nil
}

func (s *Server) loadEntry(_ string, value []byte) error {
	e := &Entry{}
	if err := json.Unmarshal(value, e); err != nil {
		return err
	}
	s.journal.restore(e)
	return nil
}
