package lab

import (
	"crypto"

	"github.com/dmwake/dmwake/simulator/enroll"
)

// sharedKeys is how many RSA keys the devices of an embedded target share. A
// run enrolls hundreds of devices; a key for each took most of the run's time.
// A few keys are enough for every case that needs different ones.
const sharedKeys = 16

// makeKeys keeps a few fresh keys ready, for devices of the user's own server.
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

// key is the key of a new device: shared against the embedded server, unique
// against the user's own server, as on real devices.
func (l *Lab) key() (crypto.Signer, error) {
	if l.opts.Keys != nil || l.embedded != nil {
		return l.family.keys.Key()
	}
	select {
	case k := <-l.ready:
		return k, nil
	case <-l.ctx.Done():
		return nil, l.ctx.Err()
	}
}
