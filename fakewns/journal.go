package fakewns

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
)

// Journal is a record of requests, bounded in entries and in bytes: the oldest are
// dropped first.
type Journal struct {
	mu      sync.Mutex
	ring    []*Entry
	sizes   []int  // in bytes, of the entries of ring
	bytes   int    // their sum
	most    int    // what bytes may be
	cut     uint64 // entries that were cut
	first   uint64 // Seq of the oldest entry that was not cleared
	next    uint64 // Seq of the next entry
	waiting int
	changed chan struct{}
	// log has the Seq of every new or changed entry, in order.
	log     []uint64
	changes uint64 // how many there were

	store Store // nil: nothing is kept
	// behind: the store lacks entries from missing on. It gets all that are left at
	// once when it can be written again, so what is owed to it stays bounded.
	behind  atomic.Bool
	missing uint64
	// stale removes from the store what this journal dropped.
	stale    []Record
	restored bool // from a store, which will be saved to
}

const defaultJournal = 4096

func newJournal(size, bytes int) *Journal {
	if size <= 0 {
		size = defaultJournal
	}
	if bytes <= 0 {
		bytes = max(size*defaultEntryBytes, minJournalBytes)
	}
	return &Journal{ring: make([]*Entry, size), sizes: make([]int, size), most: bytes, changed: make(chan struct{})}
}

// add takes an entry in with its parcel; kept waits until both are stored durably.
func (j *Journal) add(e *Entry) (kept func() error) {
	size := e.bound()
	j.mu.Lock()
	defer j.mu.Unlock()
	records := j.take(e, size)
	if j.store == nil {
		return nothingKept
	}
	return j.store.Save(records...)
}

// addLater is add for an entry that nobody waits for.
func (j *Journal) addLater(e *Entry) {
	size := e.bound()
	j.mu.Lock()
	defer j.mu.Unlock()
	records := j.take(e, size)
	switch {
	case j.store == nil:
	case j.behind.Load() || j.store.Err() != nil:
		j.fallBehind(e.Seq)
	default:
		j.store.Later(records...)
	}
}

// unkept notes that an entry could not be stored.
func (j *Journal) unkept(seq uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fallBehind(seq)
}

// fallBehind is unkept; the caller holds the lock.
func (j *Journal) fallBehind(seq uint64) {
	if !j.behind.Load() || seq < j.missing {
		j.missing = seq
	}
	j.behind.Store(true)
}

// catchUp gives the store what it lacks, after it could be written again.
func (j *Journal) catchUp() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.behind.Swap(false) {
		return
	}
	var records []Record
	size, oldest := uint64(len(j.ring)), j.oldest()
	for seq := j.missing - min(j.missing, size); seq < min(j.missing, oldest); seq++ {
		records = append(records, Record{bucketJournal, entryKey(seq), nil})
	}
	for _, e := range j.since(oldest, nil) {
		records = append(records, entryRecord(e))
	}
	j.store.Later(records...)
}

// take takes an entry in; the caller holds the lock.
func (j *Journal) take(e *Entry, size int) (records []Record) {
	e.Seq = j.next
	j.place(e, size)
	j.note(e.Seq)
	if e.parcel != nil {
		e.parcel.numbered(e.Seq)
	}
	if j.store == nil {
		return nil
	}
	records, j.stale = append(j.stale, entryRecord(e)), nil
	if e.parcel != nil {
		records = append(records, e.parcel.record())
	}
	return records
}

// place makes an entry the newest, and drops the oldest ones that are too many or too
// long beside it. The caller holds the lock.
func (j *Journal) place(e *Entry, size int) {
	if e.Cut != "" {
		j.cut++
	}
	at := e.Seq % uint64(len(j.ring))
	j.drop(at)
	j.ring[at], j.sizes[at] = e, size
	j.bytes += size
	j.next = e.Seq + 1
	for seq := j.oldest(); j.bytes > j.most && seq < e.Seq; seq++ {
		j.drop(seq % uint64(len(j.ring)))
		j.first = seq + 1
	}
}

// drop empties a place of the ring; the caller holds the lock.
func (j *Journal) drop(at uint64) {
	old := j.ring[at]
	if old == nil {
		return
	}
	j.bytes -= j.sizes[at]
	j.ring[at], j.sizes[at] = nil, 0
	if j.store != nil || j.restored {
		j.stale = append(j.stale, Record{bucketJournal, entryKey(old.Seq), nil})
	}
}

// note wakes the watchers for a new or changed entry; the caller holds the
// lock.
func (j *Journal) note(seq uint64) {
	if j.log == nil {
		j.log = make([]uint64, 2*len(j.ring))
	}
	j.log[j.changes%uint64(len(j.log))] = seq
	j.changes++
	if j.waiting > 0 {
		close(j.changed)
		j.changed = make(chan struct{})
	}
}

func entryKey(seq uint64) string { return fmt.Sprintf("%016x", seq) }

// entryRecord is an entry for the store, without secrets.
func entryRecord(e *Entry) Record {
	value, _ := json.Marshal(e) //nolint:errchkjson // strings and numbers, cannot fail
	return Record{bucketJournal, entryKey(e.Seq), value}
}

// restore takes in an entry from a store, in the order of Seq.
func (j *Journal) restore(e *Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.next == 0 {
		j.first = e.Seq
	}
	j.restored = true
	j.place(e, e.bound())
}

// outcome records a later delivery. It replaces the entry, so what readers hold
// does not change.
func (j *Journal) outcome(seq uint64, d Delivery) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.amend(seq, func(k *Entry) { k.Delivery = d })
}

// put replaces an entry.
func (j *Journal) put(e *Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.amend(e.Seq, func(k *Entry) { *k = *e })
}

// amend replaces an entry by a changed copy, if it is still kept; the caller
// holds the lock.
func (j *Journal) amend(seq uint64, f func(*Entry)) {
	at := seq % uint64(len(j.ring))
	if seq < j.first || j.ring[at] == nil || j.ring[at].Seq != seq {
		return
	}
	old := j.ring[at]
	k := *old
	f(&k)
	j.ring[at] = &k
	longer := len(k.Session) - len(old.Session)
	j.sizes[at] += longer
	j.bytes += longer
	j.note(seq)
	if j.store != nil && !j.behind.Load() {
		j.store.Later(entryRecord(&k))
	}
}

// oldest is the Seq of the oldest kept entry; the caller holds the lock.
func (j *Journal) oldest() uint64 {
	if size := uint64(len(j.ring)); j.next > size {
		return max(j.first, j.next-size)
	}
	return j.first
}

// led records the session that a device's last wake-up led to.
func (j *Journal) led(device, session string) {
	session = session[:min(len(session), maxText)]
	j.mu.Lock()
	defer j.mu.Unlock()
	for seq := j.next; seq > j.oldest(); seq-- {
		e := j.ring[(seq-1)%uint64(len(j.ring))]
		if e != nil && e.Kind == Notification && e.Device == device && e.Delivery == Woken {
			if e.Session == "" {
				j.amend(e.Seq, func(k *Entry) { k.Session = session })
			}
			return
		}
	}
}

// Clear drops all entries. Numbering continues.
func (j *Journal) Clear() error {
	j.mu.Lock()
	var records []Record
	for seq := j.oldest(); seq < j.next; seq++ {
		records = append(records, Record{bucketJournal, entryKey(seq), nil})
	}
	j.first = j.next
	clear(j.ring)
	clear(j.sizes)
	j.bytes, j.stale = 0, nil
	kept := nothingKept
	if j.store != nil && len(records) > 0 {
		kept = j.store.Save(records...)
	}
	j.mu.Unlock()
	return kept()
}

// Remove drops the entries that want accepts, and tells how many there were. Numbering
// continues.
func (j *Journal) Remove(want func(*Entry) bool) (n int, err error) {
	j.mu.Lock()
	var records []Record
	for seq := j.oldest(); seq < j.next; seq++ {
		at := seq % uint64(len(j.ring))
		if e := j.ring[at]; e == nil || !want(e) {
			continue
		}
		j.bytes -= j.sizes[at]
		j.ring[at], j.sizes[at] = nil, 0
		records = append(records, Record{bucketJournal, entryKey(seq), nil})
	}
	kept := nothingKept
	if j.store != nil && len(records) > 0 {
		kept = j.store.Save(records...)
	}
	j.mu.Unlock()
	return len(records), kept()
}

// held is how many bytes the entries take, about, and how many of all entries so far
// were too much to be kept whole.
func (j *Journal) held() (bytes int, cut uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.bytes, j.cut
}

// Mark is the Seq of the next entry.
func (j *Journal) Mark() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.next
}

// Since returns the kept entries from mark on that want accepts, oldest first.
// A nil want accepts all.
func (j *Journal) Since(mark uint64, want func(*Entry) bool) []*Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.since(mark, want)
}

func (j *Journal) since(mark uint64, want func(*Entry) bool) (out []*Entry) {
	for mark = max(mark, j.oldest()); mark < j.next; mark++ {
		if e := j.ring[mark%uint64(len(j.ring))]; e != nil && (want == nil || want(e)) {
			out = append(out, e)
		}
	}
	return out
}

// Await waits for n entries from mark on that want accepts, until ctx ends.
// With an error it returns what it found so far.
func (j *Journal) Await(ctx context.Context, mark uint64, n int, want func(*Entry) bool) ([]*Entry, error) {
	j.mu.Lock()
	j.waiting++
	defer j.leave()
	for {
		found, changed := j.since(mark, want), j.changed
		j.mu.Unlock()
		if len(found) >= n {
			return found, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return found, fmt.Errorf("%d of %d requests arrived: %w", len(found), n, ctx.Err())
		}
		j.mu.Lock()
	}
}

func (j *Journal) leave() {
	j.mu.Lock()
	j.waiting--
	j.mu.Unlock()
}

// Changes counts the new and changed entries so far; Watch starts from it.
func (j *Journal) Changes() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.changes
}

// Watch calls f for every new or changed entry after the given number of
// Changes, until ctx ends or f fails. missed is how many changes were lost
// before this one because f was too slow.
func (j *Journal) Watch(ctx context.Context, at uint64, f func(e *Entry, missed uint64) error) error {
	j.mu.Lock()
	j.waiting++
	defer j.leave()
	for {
		var batch []*Entry
		missed := uint64(0)
		if j.log != nil && j.changes-at > uint64(len(j.log)) {
			missed = j.changes - at - uint64(len(j.log))
			at += missed
		}
		for ; at < j.changes; at++ {
			seq := j.log[at%uint64(len(j.log))]
			if e := j.ring[seq%uint64(len(j.ring))]; e != nil && e.Seq == seq {
				batch = append(batch, e)
			} else {
				missed++
			}
		}
		changed := j.changed
		j.mu.Unlock()
		for _, e := range batch {
			if err := f(e, missed); err != nil {
				return err
			}
			missed = 0
		}
		if len(batch) == 0 {
			select {
			case <-changed:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		j.mu.Lock()
	}
}
