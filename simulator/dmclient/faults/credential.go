package faults

import (
	"sync"

	"github.com/dmwake/dmwake/harness/faultspec"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// staleNonce makes digests with an old nonce.
type staleNonce struct {
	mu    sync.Mutex
	times int
}

func newStaleNonce(arg string) (dmclient.Fault, error) {
	n, err := faultspec.Number(arg, 1)
	return &staleNonce{times: n}, err
}

func (*staleNonce) Fault() string { return "uses an old nonce" }

func (f *staleNonce) Nonce(nonce []byte) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.times--; f.times >= 0 {
		return []byte("of long ago")
	}
	return nonce
}

// garbageDigest sends a credential that nothing can verify.
type garbageDigest struct{}

func (garbageDigest) Fault() string { return "sends a garbage digest" }

func (garbageDigest) Rewrite(m *syncml.Message, _ int) {
	m.Hdr.Cred = &syncml.Cred{Meta: &syncml.Meta{Type: "syncml:auth-md5", Format: "b64"}, Data: "Z2FyYmFnZQ=="}
}
