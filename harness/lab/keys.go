package lab

import (
	"crypto"

	"github.com/dmwake/dmwake/simulator/enroll"
)

// sharedKeys is how many RSA keys the devices of an embedded target share. A run
// enrolls hundreds of devices, and with a key for each that was most of what the
// run cost. A few are enough for every case in which two devices must not have
// the same one.
const sharedKeys = 16

// makeKeys keeps a few keys ready, each for one device of a server of the user's.
func (l *Lab) makeKeys() {
	defer l.wg.Done()
	var own enroll.KeyPool
	for {
		k, err := own.Key()
		if err != nil {
			return
		}
		select {
		case l.ready <- k:
		case <-l.ctx.Done():
			return
		}
	}
}

// key is the key of a device: a shared one against the embedded server, one of
// the device's own against a server of the user's, as real devices have.
func (l *Lab) key() (crypto.Signer, error) {
	switch {
	case l.opts.Key != nil:
		return l.opts.Key()
	case l.embedded != nil:
		return l.family.keys.Key()
	}
	select {
	case k := <-l.ready:
		return k, nil
	case <-l.ctx.Done():
		return nil, l.ctx.Err()
	}
}
