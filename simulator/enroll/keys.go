package enroll

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"sync"
	"sync/atomic"
)

// keyBits is the length of the RSA keys for certificate requests.
const keyBits = 2048

// KeyPool hands out RSA keys for certificate requests. Making a key takes 40 to
// 80 ms of CPU time, so many simulated devices share a pool. The zero value
// makes a new key each time, as real devices do.
type KeyPool struct {
	next atomic.Uint64
	keys []func() (*rsa.PrivateKey, error)
}

// NewKeyPool makes a pool that hands out n keys in turn, each made on first
// use. With n < 1 every key is new.
func NewKeyPool(n int) *KeyPool {
	p := &KeyPool{}
	for range n {
		p.keys = append(p.keys, sync.OnceValues(newRSAKey))
	}
	return p
}

func newRSAKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, keyBits) }

// RSA returns the next key.
func (p *KeyPool) RSA() (*rsa.PrivateKey, error) {
	if len(p.keys) == 0 {
		return newRSAKey()
	}
	return p.keys[(p.next.Add(1)-1)%uint64(len(p.keys))]()
}

// Key is RSA as dmclient.Config.Key takes it.
func (p *KeyPool) Key() (crypto.Signer, error) {
	k, err := p.RSA()
	if err != nil {
		return nil, err // not a nil *rsa.PrivateKey in an interface
	}
	return k, nil
}
