//go:build unix

package dmclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dmwake/dmwake/simulator/syncml"
)

// benchServer makes the test binary be the server of the benchmark, so that
// the client's CPU is the client's alone.
const benchServer = "DMWAKE_BENCH_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(benchServer) == "" {
		os.Exit(m.Run())
	}
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err == nil && bytes.Contains(b, []byte("<MsgID>1</MsgID>")) {
			io.WriteString(w, benchReply)
		}
	}))
	srv.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	srv.StartTLS()
	fmt.Println(srv.URL)
	io.Copy(io.Discard, os.Stdin) // until the parent is gone
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// startBenchServer starts the server in a process of its own and gives its URL.
func startBenchServer(b *testing.B) (base string) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), benchServer+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); cmd.Wait() })
	if _, err := fmt.Fscanln(out, &base); err != nil {
		b.Fatal(err)
	}
	return base
}

// atOnce is how many devices hold sessions at a time, as in a load: one device
// that waits for every reply has the runtime go to sleep and wake up, which
// costs as much as a request.
const atOnce = 32

// shared calls f until it was called n times, from atOnce goroutines, and gives
// the CPU time of a call in microseconds. f is told which goroutine it is.
func shared(b *testing.B, n int, f func(k int) error) float64 {
	var left atomic.Int64
	left.Store(int64(n))
	start := cpu()
	var wg sync.WaitGroup
	for k := range atOnce {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := f(k); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return float64((cpu() - start).Nanoseconds()) / 1e3 / float64(n)
}

// benchDevices are atOnce enrolled devices, set up as a load sets up its own: one
// session remembered, the elliptic curve that costs least, and collections of
// garbage less often than Go makes them by itself, for what they are compared
// with, too. cert is theirs, nil for none.
func benchDevices(b *testing.B, base string, cert *tls.Certificate) (out []*Device) {
	b.Helper()
	before := debug.SetGCPercent(400)
	b.Cleanup(func() { debug.SetGCPercent(before) })
	for k := range atOnce {
		id := capturedIdentity()
		id.DeviceID = fmt.Sprintf("%032X", k)
		d, err := New(Config{Discovery: base, Identity: id, Keep: 1, TLS: &tls.Config{
			InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(1), CurvePreferences: []tls.CurveID{tls.X25519}}})
		if err != nil {
			b.Fatal(err)
		}
		d.provider, d.addr, d.state = "MDM", base, Enrolled
		if cert != nil {
			d.transport = d.newTransport(cert, &d.asked)
		}
		out = append(out, d)
	}
	return out
}

func median(list []float64) float64 {
	slices.Sort(list)
	return list[len(list)/2]
}

// BenchmarkSessionRatio compares the client CPU of a session of two round trips
// with two canned POSTs through one shared transport: keep-alive, TLS, many at
// a time. Aim: a ratio of at most 1.5. The second ratio is of the same bytes sent by the
// device's own way, with its headers, a time limit for each request and a transcript:
// what is left of the first one is reading, doing and writing messages.
func BenchmarkSessionRatio(b *testing.B) {
	base := startBenchServer(b)
	devices := benchDevices(b, base, nil)
	ctx := context.Background()
	s, err := devices[0].Sync(ctx, SyncOptions{})
	if err != nil || len(s.Sent) != 2 {
		b.Fatalf("%d messages, %v", len(s.Sent), err)
	}
	canned := [][]byte{s.Exchanges[0].Request, s.Exchanges[1].Request}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: atOnce}}
	floor := func(int) error {
		for _, body := range canned {
			resp, err := client.Post(base, "application/vnd.syncml.dm+xml", bytes.NewReader(body))
			if err != nil {
				return err
			}
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if err != nil {
				return err
			}
		}
		return nil
	}
	session := func(k int) error {
		_, err := devices[k].Sync(ctx, SyncOptions{})
		return err
	}
	bare := func(k int) error {
		d, s := devices[k], &Session{}
		r := &running{d: d, s: s, addr: base, requestID: "0", cv: d.vector(),
			http: recorder{next: d.managed(), note: func(ex *Exchange) { s.Exchanges = append(s.Exchanges, ex) }}}
		for _, body := range canned {
			if _, err := r.post(ctx, &syncml.Message{}, body); err != nil { //nolint:bodyclose // post read and closed it
				return err
			}
		}
		return nil
	}
	const n = 1000
	for _, f := range []func(int) error{floor, session, bare} {
		shared(b, n, f) // connections
	}
	var ratios, bares, each []float64
	for b.Loop() {
		for range 5 { // short rounds: the machine drifts
			posts := shared(b, n, floor)
			ours := shared(b, n, session)
			ratios, each, bares = append(ratios, ours/posts), append(each, ours), append(bares, shared(b, n, bare)/posts)
		}
	}
	b.ReportMetric(median(ratios), "ratio(aim<=1.5)")
	b.ReportMetric(median(bares), "http-ratio")
	b.ReportMetric(median(each), "cpu-us/session")
	b.ReportMetric(0, "ns/op")
}
