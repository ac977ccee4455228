package compare

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"time"

	"github.com/dmwake/dmwake/harness/trace"
)

// stage is the server of the recording, on loopback: it gives the recorded answers.
// The simulated device reaches it under every name.
type stage struct {
	ln     net.Listener
	server *http.Server
	play   scene
}

// scene answers the requests of one act. A stage has one at a time.
type scene interface {
	answer(*trace.Exchange) trace.Exchange
}

func newStage(http2 bool) (*stage, error) {
	cert, _, err := selfSigned(nil)
	if err != nil {
		return nil, err
	}
	ln, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &stage{ln: ln}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*cert}, NextProtos: []string{"http/1.1"}}
	if http2 {
		conf.NextProtos = []string{"h2", "http/1.1"}
	}
	s.server = &http.Server{Handler: s, TLSConfig: conf, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go s.server.ServeTLS(ln, "", "") //nolint:errcheck // ends with close
	return s, nil
}

func (s *stage) close() { s.server.Close() }

// dial connects to the stage, whatever the address.
func (s *stage) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, s.ln.Addr().String())
}

// maxBody bounds what the simulated device sends in one request, in bytes.
const maxBody = 8 << 20

func (s *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil || s.play == nil {
		http.Error(w, "not expected", http.StatusBadRequest)
		return
	}
	out := s.play.answer(&trace.Exchange{Method: r.Method, URL: "https://" + r.Host + r.URL.RequestURI(), Proto: r.Proto, Header: r.Header, Request: body})
	for name, values := range out.Reply {
		switch name {
		case "Content-Length", "Transfer-Encoding", "Connection", "Content-Encoding":
			continue
		}
		w.Header()[name] = values
	}
	w.WriteHeader(out.Status)
	io.Copy(w, bytes.NewReader(out.Response)) //nolint:errcheck // the device is gone
}

// selfSigned makes a certificate for key, and the key if it is nil.
func selfSigned(key crypto.Signer) (*tls.Certificate, []byte, error) {
	if key == nil {
		var err error
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return nil, nil, err
		}
	}
	now := time.Now()
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, der, nil
}
