package cli

import (
	"context"
	"fmt"
	"sync"

	"github.com/dmwake/dmwake/harness/trace"
	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// unstored are the devices whose last write to the file failed.
type unstored struct {
	mu      sync.Mutex
	devices map[string]error
	told    bool
}

// note remembers how a device was stored, and reports the first failure of all.
func (u *unstored) note(id string, err error) (first bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if err == nil {
		delete(u.devices, id)
		return false
	}
	if u.devices == nil {
		u.devices = map[string]error{}
	}
	u.devices[id] = err
	first, u.told = !u.told, true
	return first
}

// left is how many devices are not stored, and why one of them is not.
func (u *unstored) left() (n int, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, err = range u.devices {
		break
	}
	return len(u.devices), err
}

// persist stores a device as it is now. It is called before the server may rely on
// what the device has.
func (b *bench) persist(d *dmclient.Device) error { return b.put(d, "") }

// keep stores a device after a session, with the session's text.
func (b *bench) keep(d *dmclient.Device, s *dmclient.Session) {
	text := ""
	if s != nil {
		text = trace.Session(d, s)
	}
	b.put(d, text) //nolint:errcheck // b.rest tells it
}

func (b *bench) put(d *dmclient.Device, transcript string) error {
	err := b.store.Keep(d, transcript)
	if b.unstored.note(d.Identity().DeviceID, err) {
		before, after := "", ""
		if color(b.s.err) {
			before, after = "\x1b[31m", "\x1b[0m"
		}
		fmt.Fprintf(b.s.err, "%sdmwake: %v. Until it can, sessions end before they acknowledge a change.%s\n", before, err, after)
	}
	return err
}

// rest tries again to store what could not be stored, and says what is lost.
func (b *bench) rest() error {
	if n, _ := b.unstored.left(); n == 0 {
		return nil
	}
	b.unstored.mu.Lock()
	var again []row
	for _, r := range b.rows {
		if b.unstored.devices[r.id] != nil {
			again = append(again, r)
		}
	}
	b.unstored.mu.Unlock()
	for _, r := range again {
		b.fleet.Do(context.Background(), r.i, b.persist) //nolint:errcheck // told below
	}
	n, err := b.unstored.left()
	if n == 0 {
		return nil
	}
	return usage(fmt.Errorf("%s could not be stored in the end: %w", wording.Count(n, "device"), err))
}
