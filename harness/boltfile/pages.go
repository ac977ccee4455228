package boltfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"slices"
)

// The layout of a bbolt file (bbolt, internal/common: page.go, meta.go, bucket.go).
// Numbers are in the order of the machine that wrote the file.
const (
	headerSize  = 16 // of a page: id, flags, count, overflow
	elementSize = 16 // of a branch page and of a leaf page
	bucketSize  = 16 // of a bucket's value: root page, sequence
	metaSize    = 64 // the part of a meta page after its header

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10

	bucketFlag = 0x01

	magic       = 0xED0CDAED
	layout      = 2
	noFreelist  = ^uint64(0)
	maxPageSize = 1 << 24
	maxDepth    = 64
)

var order = binary.NativeEndian

// meta is one of the two head pages. Each transaction writes the other one.
type meta struct {
	pageSize             uint32
	root, freelist, high uint64 // pages; high is the first one that was never used
	txid                 uint64
}

func readMeta(f io.ReaderAt, at int64) (m meta, ours bool) {
	var b [headerSize + metaSize]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		return m, false
	}
	x := b[headerSize:]
	sum := fnv.New64a()
	sum.Write(x[:56])
	if order.Uint32(x) != magic || order.Uint32(x[4:]) != layout || order.Uint64(x[56:]) != sum.Sum64() {
		return m, false
	}
	m = meta{pageSize: order.Uint32(x[8:]), root: order.Uint64(x[16:]), freelist: order.Uint64(x[32:]), high: order.Uint64(x[40:]), txid: order.Uint64(x[48:])}
	return m, m.pageSize >= 512 && m.pageSize <= maxPageSize && m.pageSize&(m.pageSize-1) == 0
}

// errForeign: neither head page is one of bbolt's.
var errForeign = errors.New("no head page")

// readMetas finds the head pages, the one of the last transaction first. wrong says
// what is damaged.
func readMetas(f io.ReaderAt) (metas []meta, wrong error, err error) {
	first, ok := readMeta(f, 0)
	if ok {
		metas = append(metas, first)
		if second, ok := readMeta(f, int64(first.pageSize)); ok && second.pageSize == first.pageSize {
			metas = append(metas, second)
		}
	} else {
		for size := int64(512); size <= maxPageSize; size *= 2 {
			if second, ok := readMeta(f, size); ok && int64(second.pageSize) == size {
				metas = append(metas, second)
				break
			}
		}
	}
	switch len(metas) {
	case 0:
		return nil, nil, errForeign
	case 1:
		return metas, errors.New("one of its two head pages cannot be read, so the last change may be missing"), nil
	}
	if metas[1].txid > metas[0].txid {
		slices.Reverse(metas)
	}
	return metas, nil, nil
}

// walk reads the records of a file without mapping it, and checks all it reads: a
// mapped page that is damaged ends a process.
type walk struct {
	f    io.ReaderAt
	meta meta
	seen []uint64 // a bit for each page
	// wrong is the first damage; what can be read beyond it is read. unsealed is the
	// first record without a checksum, which is damage in a file that has them.
	wrong, unsealed error
	// bucket is called for each bucket, record for each record of one.
	bucket func(name string)
	record func(bucket string, key, value []byte)
}

func (w *walk) damage(format string, args ...any) {
	if w.wrong == nil {
		w.wrong = fmt.Errorf(format, args...)
	}
}

// run walks the tree of the head page.
func (w *walk) run(size int64) {
	high := uint64(max(size, 0)) / uint64(w.meta.pageSize)
	if w.meta.high > high {
		w.damage("it is cut short: %d of at least %d bytes are there", size, w.meta.high*uint64(w.meta.pageSize))
		w.meta.high = high
	}
	w.seen = make([]uint64, w.meta.high/64+1)
	w.page(w.meta.root, nil, nil, 0, func(flags uint32, key, value []byte) {
		if flags&bucketFlag == 0 || len(value) < bucketSize {
			w.damage("it has a record outside of its buckets")
			return
		}
		w.inBucket(string(key), value)
	})
	if w.meta.freelist != noFreelist {
		w.freelist()
	}
}

func (w *walk) inBucket(name string, value []byte) {
	w.bucket(name)
	leaf := func(flags uint32, key, value []byte) {
		if flags != 0 {
			w.damage("a record of its bucket %q has unknown flags", name)
			return
		}
		w.record(name, key, value)
	}
	if root := order.Uint64(value); root != 0 {
		w.page(root, nil, nil, 0, leaf)
		return
	}
	// A small bucket is a page within its value.
	inline := value[bucketSize:]
	if len(inline) < headerSize || order.Uint16(inline[8:]) != leafPage {
		w.damage("its bucket %q cannot be read", name)
		return
	}
	w.elements("bucket "+name, inline, nil, nil, 0, leaf)
}

// take marks the pages from id on as used, and reports whether nothing else uses them.
func (w *walk) take(id, pages uint64) bool {
	if id < 2 || id >= w.meta.high || pages > w.meta.high-id {
		return false
	}
	for p := id; p < id+pages; p++ {
		if w.seen[p/64]&(1<<(p%64)) != 0 {
			return false
		}
		w.seen[p/64] |= 1 << (p % 64)
	}
	return true
}

// load reads a page with the pages that it overflows into; nil if it is damaged.
func (w *walk) load(id uint64) []byte {
	size := uint64(w.meta.pageSize)
	if id < 2 || id >= w.meta.high {
		w.damage("it points to page %d of %d", id, w.meta.high)
		return nil
	}
	at := int64(id * size) //nolint:gosec // within the file
	var head [headerSize]byte
	if _, err := w.f.ReadAt(head[:], at); err != nil {
		w.damage("page %d cannot be read: %w", id, plain(err))
		return nil
	}
	pages := uint64(order.Uint32(head[12:])) + 1
	if order.Uint64(head[:]) != id || pages > w.meta.high-id {
		w.damage("page %d has the head of another page", id)
		return nil
	}
	if !w.take(id, pages) {
		w.damage("page %d is used twice", id)
		return nil
	}
	b := make([]byte, pages*size)
	if _, err := w.f.ReadAt(b, at); err != nil {
		w.damage("page %d cannot be read: %w", id, plain(err))
		return nil
	}
	return b
}

// page walks the page id and all below it. Its keys are from low on and below high.
func (w *walk) page(id uint64, low, high []byte, depth int, leaf func(flags uint32, key, value []byte)) {
	b := w.load(id)
	if b == nil {
		return
	}
	if depth > maxDepth {
		w.damage("its pages are nested too deep")
		return
	}
	w.elements(fmt.Sprint("page ", id), b, low, high, depth, leaf)
}

// elements walks the elements of a page. bbolt writes their data in their order and
// without a gap, so that a changed count, position or size is seen.
func (w *walk) elements(what string, b, low, high []byte, depth int, leaf func(flags uint32, key, value []byte)) {
	flags, count := order.Uint16(b[8:]), int(order.Uint16(b[10:]))
	if flags != branchPage && flags != leafPage || flags == branchPage && count == 0 {
		w.damage("%s is no page of records", what)
		return
	}
	next := headerSize + count*elementSize
	var before []byte
	type child struct {
		id  uint64
		key []byte
	}
	var children []child
	for i := range count {
		at := headerSize + i*elementSize
		if at+elementSize > len(b) {
			w.damage("%s ends within its records", what)
			return
		}
		e := b[at : at+elementSize]
		var pos, keySize, valueSize uint32
		if flags == leafPage {
			pos, keySize, valueSize = order.Uint32(e[4:]), order.Uint32(e[8:]), order.Uint32(e[12:])
		} else {
			pos, keySize = order.Uint32(e), order.Uint32(e[4:])
		}
		end := uint64(next) + uint64(keySize) + uint64(valueSize)
		if uint64(at)+uint64(pos) != uint64(next) || keySize == 0 || end > uint64(len(b)) {
			w.damage("record %d of %s cannot be read", i, what)
			return
		}
		key := b[next : next+int(keySize)]
		value := b[next+int(keySize) : end]
		next = int(end) //nolint:gosec // within the page
		if before != nil && bytes.Compare(before, key) >= 0 || low != nil && bytes.Compare(key, low) < 0 || high != nil && bytes.Compare(key, high) >= 0 {
			w.damage("the records of %s are out of order", what)
			return
		}
		before = key
		if flags == leafPage {
			leaf(order.Uint32(e), key, value)
		} else {
			children = append(children, child{order.Uint64(e[8:]), key})
		}
	}
	for i, c := range children {
		end := high
		if i+1 < len(children) {
			end = children[i+1].key
		}
		w.page(c.id, c.key, end, depth+1, leaf)
	}
}

// freelist checks the list of free pages of a file that has one: bbolt trusts it.
func (w *walk) freelist() {
	b := w.load(w.meta.freelist)
	if b == nil {
		return
	}
	if order.Uint16(b[8:]) != freelistPage {
		w.damage("page %d is no list of free pages", w.meta.freelist)
		return
	}
	count, at := uint64(order.Uint16(b[10:])), uint64(headerSize)
	if count == 0xFFFF { // a long list has its length in the first place
		count, at = order.Uint64(b[at:]), at+8
	}
	if count > (uint64(len(b))-at)/8 {
		w.damage("the list of free pages is longer than its page")
		return
	}
	for i := range count {
		if id := order.Uint64(b[at+8*i:]); !w.take(id, 1) {
			w.damage("page %d is free and used", id)
			return
		}
	}
}

// plain is what went wrong, without the path that the sentence has already.
func plain(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
