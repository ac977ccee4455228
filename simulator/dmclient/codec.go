package dmclient

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"sync"

	"github.com/google/uuid"
)

// Dictionary holds strings that many devices of a fleet share; a device stores
// their number instead. It only grows, up to a bound, and takes in a string
// when it is seen for the second time.
type Dictionary struct {
	mu    sync.RWMutex
	index map[string]uint64
	list  []string
	once  map[string]struct{} // seen once
	bytes int
}

// Bounds of a dictionary.
const (
	dictStrings = 1 << 16
	dictOnce    = 1 << 12
	minShared   = 3 // shorter strings are as cheap inline
)

// NewDictionary makes an empty one.
func NewDictionary() *Dictionary {
	return &Dictionary{index: map[string]uint64{}, once: map[string]struct{}{}}
}

// ref returns the number of a string; sure takes it in at once.
func (d *Dictionary) ref(s string, sure bool) (uint64, bool) {
	if d == nil || len(s) < minShared {
		return 0, false
	}
	d.mu.RLock()
	n, ok := d.index[s]
	d.mu.RUnlock()
	if ok {
		return n, true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if n, ok := d.index[s]; ok {
		return n, true
	}
	if _, seen := d.once[s]; !seen && !sure {
		if len(d.once) >= dictOnce {
			d.once = map[string]struct{}{}
		}
		d.once[s] = struct{}{}
		return 0, false
	}
	if len(d.list) >= dictStrings {
		return 0, false
	}
	delete(d.once, s)
	n = uint64(len(d.list))
	d.list, d.index[s], d.bytes = append(d.list, s), n, d.bytes+len(s)
	return n, true
}

func (d *Dictionary) lookup(n uint64) (string, bool) {
	if d == nil {
		return "", false
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	if n >= uint64(len(d.list)) {
		return "", false
	}
	return d.list[n], true
}

// Size is the number of strings and of their bytes.
func (d *Dictionary) Size() (strings, bytes int) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return len(d.list), d.bytes
}

// Encodings of a string, in the low three bits of its head.
const (
	formRaw = iota
	formShared
	formHEX // upper-case hexadecimal
	formUUID
	formUPPERUUID
	formBase64
	formBits = 3
)

// encoder writes a compact record.
type encoder struct {
	b    []byte
	dict *Dictionary
}

func (e *encoder) uint(n uint64) { e.b = binary.AppendUvarint(e.b, n) }
func (e *encoder) int(n int64)   { e.b = binary.AppendVarint(e.b, n) }
func (e *encoder) bytes(b []byte) {
	e.uint(uint64(len(b)))
	e.b = append(e.b, b...)
}

func (e *encoder) head(form, n uint64) { e.uint(n<<formBits | form) }

// string writes s in its shortest form.
func (e *encoder) string(s string) { e.text(s, false) }

// shared writes a string that other devices have, too.
func (e *encoder) shared(s string) { e.text(s, true) }

func (e *encoder) text(s string, sure bool) {
	form, b := compact(s)
	if sure || form == formRaw {
		if n, ok := e.dict.ref(s, sure); ok {
			e.head(formShared, n)
			return
		}
	}
	e.head(form, uint64(len(b)))
	e.b = append(e.b, b...)
}

// compact returns the bytes of a string that encodes binary data.
func compact(s string) (form uint64, b []byte) {
	if len(s) == 36 && s[8] == '-' && s[13] == '-' {
		if u, err := uuid.Parse(s); err == nil {
			switch s {
			case u.String():
				return formUUID, u[:]
			case strings.ToUpper(u.String()):
				return formUPPERUUID, u[:]
			}
		}
	}
	if len(s) >= 8 && len(s)%2 == 0 {
		if b, err := hex.DecodeString(s); err == nil && strings.ToUpper(hex.EncodeToString(b)) == s {
			return formHEX, b
		}
	}
	if len(s) >= 16 && len(s)%4 == 0 {
		if b, err := base64.StdEncoding.Strict().DecodeString(s); err == nil {
			return formBase64, b
		}
	}
	return formRaw, []byte(s)
}

// decoder reads what encoder wrote; it keeps the first error.
type decoder struct {
	b    []byte
	dict *Dictionary
	err  error
}

var errRecord = errors.New("the device's record is damaged")

func (d *decoder) fail() {
	d.err, d.b = errRecord, nil
}

func (d *decoder) uint() uint64 {
	n, w := binary.Uvarint(d.b)
	if w <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[w:]
	return n
}

func (d *decoder) int() int64 {
	n, w := binary.Varint(d.b)
	if w <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[w:]
	return n
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	b := d.b[:n:n]
	d.b = d.b[n:]
	return b
}

// bytes gives a copy.
func (d *decoder) bytes() []byte {
	if b := d.take(d.uint()); len(b) > 0 {
		return append([]byte(nil), b...)
	}
	return nil
}

func (d *decoder) string() string {
	head := d.uint()
	n := head >> formBits
	switch form := head & (1<<formBits - 1); form {
	case formShared:
		s, ok := d.dict.lookup(n)
		if !ok {
			d.fail()
		}
		return s
	case formRaw:
		return string(d.take(n))
	case formHEX:
		return strings.ToUpper(hex.EncodeToString(d.take(n)))
	case formUUID, formUPPERUUID:
		u, err := uuid.FromBytes(d.take(n))
		if err != nil {
			d.fail()
			return ""
		}
		if form == formUUID {
			return u.String()
		}
		return strings.ToUpper(u.String())
	case formBase64:
		return base64.StdEncoding.EncodeToString(d.take(n))
	}
	d.fail()
	return ""
}

// count reads a length, at most the number of bytes left.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(n) //nolint:gosec // at most len(d.b)
}
