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
	"slices"
	"syscall"
	"testing"
	"time"
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

var benchReply = `<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>1</SessionID><MsgID>1</MsgID>` +
	`<Target><LocURI>D</LocURI></Target><Source><LocURI>https://mdm.example</LocURI></Source></SyncHdr><SyncBody>` +
	`<Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>200</Data></Status>` +
	`<Status><CmdID>2</CmdID><MsgRef>1</MsgRef><CmdRef>2</CmdRef><Cmd>Alert</Cmd><Data>200</Data></Status>` +
	`<Status><CmdID>3</CmdID><MsgRef>1</MsgRef><CmdRef>3</CmdRef><Cmd>Alert</Cmd><Data>200</Data></Status>` +
	`<Status><CmdID>4</CmdID><MsgRef>1</MsgRef><CmdRef>4</CmdRef><Cmd>Replace</Cmd><Data>200</Data></Status>` +
	`<Get><CmdID>5</CmdID><Item><Target><LocURI>./DevDetail/SwV</LocURI></Target></Item></Get>` +
	`<Get><CmdID>6</CmdID><Item><Target><LocURI>./DevInfo/Lang</LocURI></Target></Item></Get><Final/></SyncBody></SyncML>`

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

// BenchmarkSessionRatio compares the client CPU of a session of two round
// trips with that of two canned POSTs through one shared transport, keep-alive,
// over TLS. Aim: a ratio of at most 2.0.
func BenchmarkSessionRatio(b *testing.B) {
	base := startBenchServer(b)
	insecure := &tls.Config{InsecureSkipVerify: true}
	d, err := New(Config{Discovery: base, Identity: capturedIdentity(), TLS: insecure})
	if err != nil {
		b.Fatal(err)
	}
	d.provider, d.addr, d.state = "MDM", base, Enrolled
	ctx := context.Background()
	s, err := d.Sync(ctx, SyncOptions{})
	if err != nil || len(s.Sent) != 2 {
		b.Fatalf("%d messages, %v", len(s.Sent), err)
	}
	canned := [][]byte{s.Exchanges[0].Request, s.Exchanges[1].Request}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: insecure}}
	post := func(body []byte) {
		resp, err := client.Post(base, "application/vnd.syncml.dm+xml", bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			b.Fatal(err)
		}
		resp.Body.Close()
	}
	const n = 1000
	var ratios, each []float64
	for b.Loop() {
		start := cpu()
		for range n {
			post(canned[0])
			post(canned[1])
		}
		floor := cpu() - start
		start = cpu()
		for range n {
			if _, err := d.Sync(ctx, SyncOptions{}); err != nil {
				b.Fatal(err)
			}
		}
		ours := cpu() - start
		ratios = append(ratios, float64(ours)/float64(floor))
		each = append(each, float64(ours.Microseconds())/n)
	}
	slices.Sort(ratios)
	slices.Sort(each)
	b.ReportMetric(ratios[len(ratios)/2], "ratio(aim<=2.0)")
	b.ReportMetric(each[len(each)/2], "cpu-us/session")
	b.ReportMetric(0, "ns/op")
}
