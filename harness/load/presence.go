package load

// presence of a device that is not simply there.
type presence byte

const (
	present  presence = iota
	leaving           // its wipe is on the way: it is not chosen any more
	changing          // it enrolls again, or another one takes its place
	left              // for good
)

// noDevice is the cause of items that found no device.
const noDevice = "no device was left, all were wiped or are enrolling"

// pick chooses the next device; -1 if none is there. Devices that leave or enroll again
// are passed over, and for these the part prefers devices that are at rest.
func (r *Run) pick(b *batch) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.devices)
	if len(r.away) >= n {
		return -1
	}
	if b.Among > 0 {
		n = min(n, b.Among)
	}
	second := -1
	for try := range n {
		var i int
		switch {
		case b.part.Who != whoRandom || try > 2*tries:
			i = r.next % n
			r.next++
		default:
			i = b.who.IntN(n)
		}
		if r.away[i] != present {
			continue
		}
		if !b.kind().changes() || try >= tries || r.rests(i) {
			return i
		}
		second = i
	}
	return second
}

// tries is how many devices are looked at for one that is at rest.
const tries = 50

// rests tells whether a device has nothing under way. The caller holds r.mu.
func (r *Run) rests(i int) bool {
	if len(r.devices[i].open) > 0 {
		return false
	}
	for _, b := range r.live {
		if b.visits[i] != nil {
			return false
		}
	}
	return true
}

// gone notes that a device left for good. What waits for it fails. The caller holds r.mu.
func (r *Run) gone(i int, why string) {
	r.away[i] = left
	for _, b := range r.live {
		if v := b.visits[i]; v != nil {
			for _, w := range v.waiting {
				r.failVisit(w, "session: its device has left: "+why, nil)
			}
			v.waiting = nil
			if len(v.running) == 0 {
				delete(b.visits, i)
			}
		}
	}
}

// back notes that a device can be used again, and begins the visits that waited for it.
// The caller holds r.mu.
func (r *Run) back(i int) {
	delete(r.away, i)
	for _, b := range r.live {
		if v := b.visits[i]; v != nil && len(v.waiting) > 0 {
			r.askVisit(b, i)
		}
	}
}
