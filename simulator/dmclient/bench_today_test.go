//go:build unix

package dmclient

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/xml"
	"io"
	"math/big"
	"net/http"
	"testing"
	"time"
)

// todays is a message as scripts that play a device have it.
type todays struct {
	XMLName xml.Name `xml:"SyncML"`
	Hdr     struct {
		SessionID, MsgID string
		Target           string `xml:"Target>LocURI"`
		Source           string `xml:"Source>LocURI"`
	} `xml:"SyncHdr"`
	Body struct {
		Status []struct {
			CmdID, MsgRef, CmdRef, Cmd, Data string
		}
		Get []struct {
			CmdID string
			Items []string `xml:"Item>Target>LocURI"`
		}
		Final *struct{}
	} `xml:"SyncBody"`
}

// BenchmarkTodayRatio compares the client CPU of a session of two round trips with
// what people do today: a new client and a new TLS connection for each request,
// and encoding/xml. Without client certificates the device keeps its connection;
// with mutual TLS it opens one for each session and resumes. Aims: 10 and 2.5.
func BenchmarkTodayRatio(b *testing.B) {
	base := startBenchServer(b)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "device"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		b.Fatal(err)
	}
	cert := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	plain, mutual := benchDevices(b, base, nil), benchDevices(b, base, cert)
	ctx := context.Background()
	s, err := plain[0].Sync(ctx, SyncOptions{})
	if err != nil || len(s.Sent) != 2 {
		b.Fatalf("%d messages, %v", len(s.Sent), err)
	}
	today := func(cert *tls.Certificate) error {
		for _, ex := range s.Exchanges {
			var m todays
			if err := xml.Unmarshal(ex.Request, &m); err != nil { // in place of building it
				return err
			}
			if _, err := xml.Marshal(&m); err != nil {
				return err
			}
			conf := &tls.Config{InsecureSkipVerify: true}
			if cert != nil {
				conf.Certificates = []tls.Certificate{*cert}
			}
			tr := &http.Transport{TLSClientConfig: conf}
			resp, err := (&http.Client{Transport: tr}).Post(base, "application/vnd.syncml.dm+xml", bytes.NewReader(ex.Request))
			if err != nil {
				return err
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			tr.CloseIdleConnections()
			if err != nil {
				return err
			}
			if len(body) > 0 {
				if err := xml.Unmarshal(body, &m); err != nil {
					return err
				}
			}
		}
		return nil
	}
	session := func(d *Device, end bool) error {
		_, err := d.Sync(ctx, SyncOptions{})
		if end {
			d.transport.CloseIdleConnections()
		}
		return err
	}
	const n = 500
	var kept, resumed []float64
	for b.Loop() {
		pattern := shared(b, n, func(int) error { return today(nil) })
		kept = append(kept, pattern/shared(b, n, func(k int) error { return session(plain[k], false) }))
		pattern = shared(b, n, func(int) error { return today(cert) })
		resumed = append(resumed, pattern/shared(b, n, func(k int) error { return session(mutual[k], true) }))
	}
	b.ReportMetric(median(kept), "keep-alive(aim>=10)")
	b.ReportMetric(median(resumed), "mutual-tls-resumed(aim>=2.5)")
	b.ReportMetric(0, "ns/op")
}
