package dmclient

import (
	"crypto"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Packing is how devices are packed. The zero value makes records that stand
// alone, for a file.
type Packing struct {
	Dict *Dictionary
	// Keys holds private keys that several devices share, or that are stored
	// elsewhere; nil keeps keys in the record.
	Keys Keyring
}

// Keyring stores private keys by reference. Key gives nil for a key that was lost:
// the device is there, but has no sessions (ErrNoKey).
type Keyring interface {
	PutKey(crypto.Signer) (ref []byte, err error)
	Key(ref []byte) (crypto.Signer, error)
}

const (
	packVersion = 3 // 1 had no number of quirks, 2 of a directory only its token
	quirksOf1   = 12
)

// Pack encodes the device in few bytes, without its transcript and without what
// follows from the profile.
func (d *Device) Pack(p Packing) ([]byte, error) {
	e := &encoder{dict: p.Dict, b: make([]byte, 0, 1024)}
	e.uint(packVersion)
	d.packIdentity(e)
	overlay := slices.DeleteFunc(d.tree.Overlay(), described)
	linked, err := d.packLink(p)
	if err != nil {
		return nil, err
	}
	d.push.pack(e)
	d.mu.Lock()
	defer d.mu.Unlock()
	e.uint(uint64(d.state)) //nolint:gosec // not negative
	e.shared(string(d.login))
	e.shared(d.provider)
	e.shared(d.addr)
	e.shared(d.enrollURL)
	e.shared(d.cfg.EnrollmentType)
	if at, cert, key := cutPoint(d.cert, d.key); at > 0 {
		e.bytes(cert)
		e.uint(keyCertified)
		e.bytes(key)
		e.uint(uint64(at))
	} else {
		e.bytes(d.cert)
		if err := packKey(e, d.key, p.Keys); err != nil {
			return nil, err
		}
	}
	e.uint(uint64(len(d.roots)))
	for _, r := range d.roots {
		e.shared(string(r))
	}
	e.uint(uint64(d.nextID)) //nolint:gosec // as above
	s := &d.schedule
	e.time(s.enrolled, time.Time{})
	for _, t := range []time.Time{s.lastPoll, s.lastContact, s.channelTry, s.renewTry, d.renewal.at} {
		e.time(t, s.enrolled)
	}
	e.uint(uint64(s.polls))          //nolint:gosec // as above
	e.uint(uint64(bit(s.renewNow)))  //nolint:gosec // as above
	e.uint(uint64(d.renewal.status)) //nolint:gosec // as above
	e.int(d.renewal.code)
	e.string(d.directory.token)
	rest, err := json.Marshal(packedRest{d.life, d.jobs, d.alerts, d.setup, d.cfg.Identity.Serial, d.pending, linked, d.declared, d.refreshed, d.federated})
	if err != nil {
		return nil, fmt.Errorf("pack the device: %w", err)
	}
	if linked != nil || d.primary != nil {
		e.string(string(rest))
	} else {
		e.shared(string(rest)) // shared, because on most devices nothing has happened yet
	}
	packOverlay(e, overlay)
	d.directory.pack(e, s.enrolled)
	return append(make([]byte, 0, len(e.b)), e.b...), nil
}

// packedRest is state that few devices have.
type packedRest struct {
	Life   Life             `json:"l"`
	Jobs   []csp.Job        `json:"j,omitempty"`
	Alerts []syncml.Command `json:"a,omitempty"`
	Setup  setup            `json:"s,omitzero"`
	Serial string           `json:"n,omitempty"`
	// Pending are effects of a session that was still running, such as a wipe.
	Pending []csp.Effect `json:"p,omitempty"`
	Link    *packedLink  `json:"k,omitempty"`
	// Of a linked enrollment.
	Declared  []declaration `json:"d,omitempty"`
	Refreshed time.Time     `json:"r,omitzero"`
	Federated bool          `json:"f,omitempty"`
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// time writes milliseconds since another time, plus 1 if not negative: 0 stands
// for no time.
func (e *encoder) time(t, since time.Time) {
	if t.IsZero() {
		e.int(0)
		return
	}
	n := t.UnixMilli()
	if !since.IsZero() {
		n -= since.UnixMilli()
	}
	if n >= 0 {
		n++
	}
	e.int(n)
}

func (d *decoder) time(since time.Time) time.Time {
	n := d.int()
	if n == 0 {
		return time.Time{}
	}
	if n > 0 {
		n--
	}
	if !since.IsZero() {
		n += since.UnixMilli()
	}
	return time.UnixMilli(n).UTC()
}

func (d *Device) packIdentity(e *encoder) {
	id, p := &d.cfg.Identity, &d.cfg.Profile
	e.shared(p.Name)
	quirks, list := uint64(0), QuirkList()
	for i, q := range list {
		quirks |= uint64(bit(*q.field(&d.own))) << i //nolint:gosec // 0 or 1
	}
	e.uint(uint64(len(list)))
	e.uint(quirks)
	e.string(id.DeviceID)
	e.string(id.GUID)
	hw := id.HWDevID
	if hw == HardwareID(id.DeviceID) {
		hw = "" // follows from the DeviceID
	}
	e.string(hw)
	e.string(id.Name)
	e.shared(id.Manufacturer)
	e.shared(id.Model)
	e.shared(id.Locale)
	e.uint(uint64(len(id.MACs)))
	for _, m := range id.MACs {
		e.string(m)
	}
}

// described reports whether describe provisions the entry from the identity.
func described(s csp.Stored) bool {
	return strings.HasPrefix(strings.ToLower(s.Path), "vendor\x00msft\x00devicestatus")
}

// packOverlay writes the values stored in the tree: the shape, which devices of
// one server share, and each device's own values.
func packOverlay(e *encoder, overlay []csp.Stored) {
	shape := &encoder{dict: e.dict}
	var own []string
	for _, s := range overlay {
		shape.shared(s.Path)
		shape.shared(string(s.Format))
		form, _ := compact(s.Value)
		_, common := e.dict.ref(s.Value, false)
		switch {
		case !s.Leaf:
			shape.uint(0)
		case len(s.Value) < minShared || form == formRaw && common:
			shape.uint(1)
			shape.string(s.Value)
		default:
			shape.uint(2)
			own = append(own, s.Value)
		}
	}
	e.uint(uint64(len(overlay)))
	e.string(string(shape.b))
	for _, v := range own {
		e.string(v)
	}
}

func unpackOverlay(d *decoder) (out []csp.Stored) {
	n := d.uint()
	shape := &decoder{b: []byte(d.string()), dict: d.dict}
	for range n {
		s := csp.Stored{Path: shape.string(), Format: csp.Format(shape.string())}
		switch shape.uint() {
		case 1:
			s.Leaf, s.Value = true, shape.string()
		case 2:
			s.Leaf, s.Value = true, d.string()
		}
		if shape.err != nil {
			d.fail()
		}
		if d.err != nil {
			return nil
		}
		out = append(out, s)
	}
	return out
}

// Unpack restores a device from its record. cfg is the configuration it was
// made with. Profile and Identity come from the record, except a profile that
// is not in Profiles.
func Unpack(cfg Config, p Packing, record []byte) (*Device, error) {
	return unpack(cfg, p, record, nil)
}

func unpack(cfg Config, p Packing, record []byte, primary *Device) (*Device, error) {
	d := &decoder{b: record, dict: p.Dict}
	v := d.uint()
	if d.err == nil && (v < 1 || v > packVersion) {
		return nil, fmt.Errorf("the device's record has version %d, this program reads 1 to %d", v, packVersion)
	}
	unpackIdentity(d, &cfg, v)
	if d.err != nil {
		return nil, d.err
	}
	dev, err := newDevice(cfg, primary)
	if err != nil {
		return nil, err
	}
	dev.push.unpack(d)
	dev.state = State(d.uint()) //nolint:gosec // checked below
	dev.login = Login(d.string())
	dev.provider, dev.addr, dev.enrollURL, dev.cfg.EnrollmentType = d.string(), d.string(), d.string(), d.string()
	dev.cert = d.bytes()
	if dev.key, err = unpackKey(d, p.Keys, &dev.cert); err != nil {
		return nil, fmt.Errorf("unpack the device: %w", err)
	}
	for range d.count() {
		dev.roots = append(dev.roots, []byte(d.string()))
	}
	dev.nextID = int(d.uint()) //nolint:gosec // a small counter
	s := &dev.schedule
	s.enrolled = d.time(time.Time{})
	for _, t := range []*time.Time{&s.lastPoll, &s.lastContact, &s.channelTry, &s.renewTry, &dev.renewal.at} {
		*t = d.time(s.enrolled)
	}
	s.polls, s.renewNow = int(d.uint()), d.uint() == 1            //nolint:gosec // as above
	dev.renewal.status, dev.renewal.code = int(d.uint()), d.int() //nolint:gosec // as above
	token := d.string()
	var rest packedRest
	if raw := d.string(); d.err == nil {
		if err := json.Unmarshal([]byte(raw), &rest); err != nil {
			return nil, errRecord
		}
	}
	dev.cfg.Identity.Serial = rest.Serial
	dev.life, dev.jobs, dev.alerts, dev.setup, dev.pending = rest.Life, rest.Jobs, rest.Alerts, rest.Setup, rest.Pending
	overlay := unpackOverlay(d)
	dev.directory.unpack(d, v, token, s.enrolled)
	if d.err != nil || dev.state < NotEnrolled || dev.state > Wiped {
		return nil, errRecord
	}
	dev.tree.Restore(overlay)
	dev.describe()
	dev.declared, dev.refreshed, dev.federated = rest.Declared, rest.Refreshed, rest.Federated
	if err := dev.unpackLink(rest.Link, p); err != nil {
		return nil, err
	}
	dev.settle() // the session did not reach its end, but its commands were acknowledged
	return dev, nil
}

func unpackIdentity(d *decoder, cfg *Config, version uint64) {
	name, known := d.string(), uint64(quirksOf1)
	if version > 1 {
		known = d.uint()
	}
	quirks := d.uint()
	if p, err := ProfileByName(name); err == nil {
		cfg.Profile = p
	}
	for i, q := range QuirkList() {
		if uint64(i) < known { // later quirks are as in the profile
			*q.field(&cfg.Profile.Quirks) = quirks>>i&1 == 1
		}
	}
	id := Identity{DeviceID: d.string(), GUID: d.string(), HWDevID: d.string(), Name: d.string(), Manufacturer: d.string(), Model: d.string(), Locale: d.string()}
	if id.HWDevID == "" {
		id.HWDevID = HardwareID(id.DeviceID)
	}
	for range d.count() {
		id.MACs = append(id.MACs, d.string())
	}
	cfg.Identity = id
}

func (p *pushClient) pack(e *encoder) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.uint(uint64(p.power)) //nolint:gosec // not negative
	e.uint(uint64(len(p.accounts)))
	for provider, a := range p.accounts {
		e.shared(provider)
		e.shared(a.pfn)
		base, token := a.uri, ""
		if i := strings.IndexByte(a.uri, '='); i >= 0 {
			base, token = a.uri[:i+1], a.uri[i+1:]
		}
		e.shared(base)
		e.string(token)
		e.uint(uint64(a.status)) //nolint:gosec // as above
		e.time(a.expires, time.Time{})
	}
}

func (p *pushClient) unpack(d *decoder) {
	p.power = Power(d.uint()) //nolint:gosec // a small number
	for range d.count() {
		p.accounts[d.string()] = &pushAccount{pfn: d.string(), uri: d.string() + d.string(), status: int(d.uint()), expires: d.time(time.Time{})} //nolint:gosec // as above
	}
}

// HardwareID is the HWDevID of a random identity.
func HardwareID(deviceID string) string { return fmt.Sprintf("%X", sha256.Sum256([]byte(deviceID))) }
