package lab

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"sync"
	"sync/atomic"
)

// sharedKeys is how many RSA keys the devices of an embedded target share.
// Making one takes 40 to 80 ms of a core, and a run enrolls hundreds of devices:
// with a key for each that was most of what the run cost. A few are enough for
// every case in which two devices must not have the same one.
const sharedKeys = 16

// keyring hands out sharedKeys RSA keys in turn; each is made when its turn
// comes first.
type keyring struct {
	next atomic.Uint64
	keys [sharedKeys]func() (*rsa.PrivateKey, error)
}

func newKeyring() *keyring {
	r := &keyring{}
	for i := range r.keys {
		r.keys[i] = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })
	}
	return r
}

// key is the next key.
func (r *keyring) key() (*rsa.PrivateKey, error) {
	return r.keys[(r.next.Add(1)-1)%sharedKeys]()
}

// makeKeys keeps a few RSA keys of devices of their own ready.
func (l *Lab) makeKeys() {
	defer l.wg.Done()
	for {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
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

// key is the key of a device: one of the keyring against the embedded server,
// one of the device's own against a server of the user's, as real devices have.
func (l *Lab) key() (crypto.Signer, error) {
	switch {
	case l.opts.Key != nil:
		return l.opts.Key()
	case l.embedded != nil:
		return l.family.keys.key()
	}
	select {
	case k := <-l.ready:
		return k, nil
	case <-l.ctx.Done():
		return nil, l.ctx.Err()
	}
}
