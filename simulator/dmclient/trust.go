package dmclient

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"hash"
	"net"
	"net/http"
	"sync"
	"time"
)

// Trust remembers which certificates of servers devices found right, so that many
// devices of a process verify a server's chain once. It holds for devices with the
// same Config.Roots. A chain counts for the name, the roots and the time for which it
// was verified; the handshake's signature is verified each time. Only what is right is
// remembered: an error is found anew, with all that it says.
//
// The zero Trust is ready.
type Trust struct {
	mu    sync.Mutex
	pools map[sha]*x509.CertPool
	good  map[sha]span
}

type sha [sha256.Size]byte

// span is the time in which all certificates of a chain are valid.
type span struct{ from, until time.Time }

// Bounds of what is remembered. A server has one chain for each of its names; those of
// a run have under ten.
const (
	maxPools  = 64
	maxChains = 256
)

// rootsOf is a pool with base, or the system's roots if it is nil, and the roots of a
// provisioning document.
func (t *Trust) rootsOf(base *x509.CertPool, delivered [][]byte) *x509.CertPool {
	if len(delivered) == 0 {
		return base
	}
	key := shaOf(nil, delivered)
	if t != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		if pool := t.pools[key]; pool != nil {
			return pool
		}
	}
	pool := x509.NewCertPool()
	if base != nil {
		pool = base.Clone()
	} else if system, err := x509.SystemCertPool(); err == nil {
		pool = system
	}
	for _, der := range delivered {
		if c, err := x509.ParseCertificate(der); err == nil {
			pool.AddCert(c)
		}
	}
	if t != nil {
		if t.pools == nil || len(t.pools) >= maxPools {
			t.pools = map[sha]*x509.CertPool{}
		}
		t.pools[key] = pool
	}
	return pool
}

// dial is http.Transport.DialTLSContext of tr: it connects and shakes hands, with the
// server's chain verified by t. delivered are the roots that the device has beside
// those that all devices have. A transport cannot do it without: to the hook of its TLS
// configuration a server that is called by its address has no name (crypto/tls sends
// none), and the chain would count for every address.
func (t *Trust) dial(tr *http.Transport, delivered [][]byte) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		raw, err := tr.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		conf := tr.TLSClientConfig.Clone()
		if conf.ServerName == "" {
			if conf.ServerName, _, err = net.SplitHostPort(addr); err != nil {
				raw.Close()
				return nil, err
			}
		}
		conf.InsecureSkipVerify = true // VerifyConnection verifies
		conf.VerifyConnection = func(cs tls.ConnectionState) error { return t.verify(cs, conf, delivered) }
		if tr.TLSHandshakeTimeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, tr.TLSHandshakeTimeout)
			defer cancel()
		}
		conn := tls.Client(raw, conf)
		if err := conn.HandshakeContext(ctx); err != nil {
			raw.Close()
			return nil, err
		}
		return conn, nil
	}
}

// verify is what crypto/tls does without InsecureSkipVerify.
func (t *Trust) verify(cs tls.ConnectionState, conf *tls.Config, delivered [][]byte) error {
	chain, now := cs.PeerCertificates, time.Now()
	if conf.Time != nil {
		now = conf.Time()
	}
	if len(chain) == 0 {
		return errors.New("tls: received empty certificates message")
	}
	shown := make([][]byte, len(chain))
	for i, c := range chain {
		shown[i] = c.Raw
	}
	key := shaOf([]byte(conf.ServerName), delivered, shown)
	t.mu.Lock()
	valid, ok := t.good[key]
	t.mu.Unlock()
	if ok && !now.Before(valid.from) && !now.After(valid.until) {
		return nil
	}
	opts := x509.VerifyOptions{Roots: conf.RootCAs, CurrentTime: now, DNSName: conf.ServerName, Intermediates: x509.NewCertPool()}
	for _, c := range chain[1:] {
		opts.Intermediates.AddCert(c)
	}
	found, err := chain[0].Verify(opts)
	if err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: err}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.good == nil || len(t.good) >= maxChains {
		t.good = map[sha]span{}
	}
	t.good[key] = spanOf(found[0])
	return nil
}

func spanOf(chain []*x509.Certificate) (s span) {
	for i, c := range chain {
		if i == 0 || c.NotBefore.After(s.from) {
			s.from = c.NotBefore
		}
		if i == 0 || c.NotAfter.Before(s.until) {
			s.until = c.NotAfter
		}
	}
	return s
}

// shaOf tells a name and lists of certificates from all others.
func shaOf(name []byte, lists ...[][]byte) (out sha) {
	h := sha256.New()
	part(h, name)
	for _, list := range lists {
		part(h, binary.AppendUvarint(nil, uint64(len(list))))
		for _, der := range list {
			part(h, der)
		}
	}
	h.Sum(out[:0])
	return out
}

func part(h hash.Hash, b []byte) {
	h.Write(binary.AppendUvarint(nil, uint64(len(b))))
	h.Write(b)
}
