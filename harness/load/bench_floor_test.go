//go:build unix

package load

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"
)

// threePosts is the CPU time, in microseconds, of three POSTs one after the other: one as
// small as a notification, two as large as a device's messages, of which the first gets
// an answer as large as a server's. They are begun at a rate that does not wait for them.
func threePosts(b *testing.B, rate int, during time.Duration) float64 {
	b.Helper()
	reply := bytes.Repeat([]byte("r"), 1200)
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/1" {
			w.Write(reply)
		}
	}))
	defer srv.Close()
	client := srv.Client()
	tr := client.Transport.(*http.Transport)
	tr.MaxIdleConnsPerHost, tr.MaxConnsPerHost = 64, 64 // a burst of handshakes would be no floor
	bodies := [][]byte{bytes.Repeat([]byte("p"), 32), bytes.Repeat([]byte("1"), 1300), bytes.Repeat([]byte("2"), 900)}
	one := func() {
		for i, body := range bodies {
			resp, err := client.Post(srv.URL+"/"+strconv.Itoa(i), "application/octet-stream", bytes.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
	}
	run := func(n int) {
		var wg sync.WaitGroup
		start := time.Now()
		for i := range n {
			time.Sleep(time.Until(start.Add(time.Duration(i) * time.Second / time.Duration(rate))))
			wg.Go(one)
		}
		wg.Wait()
	}
	run(rate) // connections
	n, before := int(during.Seconds()*float64(rate)), cpu(b)
	run(n)
	return float64(cpu(b)-before) / 1000 / float64(n)
}

// ciphers is the CPU time, in milliseconds, of the cryptography that enrolling one device
// takes on both sides, with EC keys: a key, a request signed and verified, a certificate
// issued, and two handshakes, the second with that certificate.
func ciphers(b *testing.B, n int) float64 {
	b.Helper()
	check := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	key := func() *ecdsa.PrivateKey {
		k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		check(err)
		return k
	}
	caKey := key()
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	check(err)
	ca, err = x509.ParseCertificate(der)
	check(err)
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: caKey}},
		ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: roots, CurvePreferences: []tls.CurveID{tls.X25519}, SessionTicketsDisabled: true})
	check(err)
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.Copy(io.Discard, c)
			}()
		}
	}()
	connect := func(own ...tls.Certificate) {
		c, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{RootCAs: roots, Certificates: own, CurvePreferences: []tls.CurveID{tls.X25519}})
		check(err)
		c.Close()
	}
	before := cpu(b)
	for i := range n {
		connect()
		k := key()
		request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "device"}}, k)
		check(err)
		csr, err := x509.ParseCertificateRequest(request)
		check(err)
		check(csr.CheckSignature())
		cert, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(int64(i + 2)), Subject: csr.Subject, NotAfter: ca.NotAfter,
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, ca, csr.PublicKey, caKey)
		check(err)
		connect(tls.Certificate{Certificate: [][]byte{cert}, PrivateKey: k})
	}
	return float64(cpu(b)-before) / 1e6 / float64(n)
}
