package state

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
)

// pushes is a push service with one device, and what a sender needs.
type pushes struct {
	client     *http.Client
	uri, token string
}

func newPushes(b *testing.B, store fakewns.Store) *pushes {
	s := fakewns.New(fakewns.Config{})
	if store != nil {
		if err := s.Keep(store); err != nil {
			b.Fatal(err)
		}
	}
	srv := httptest.NewTLSServer(s)
	b.Cleanup(srv.Close)
	s.SetChannelBase(srv.URL + "/")
	uri, _, err := s.OpenChannel(b.Context(), "d", fakewns.DefaultApp.PFN, func([]byte) {})
	if err != nil {
		b.Fatal(err)
	}
	p := &pushes{uri: uri, client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: 64, MaxConnsPerHost: 64}}}
	resp, err := p.client.PostForm(srv.URL+fakewns.TokenPath, url.Values{"grant_type": {"client_credentials"}, "scope": {"notify.windows.com"},
		"client_id": {fakewns.DefaultApp.PackageSID}, "client_secret": {fakewns.DefaultApp.Secret}})
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || out.Token == "" {
		b.Fatal(resp.Status, err)
	}
	p.token = out.Token
	return p
}

// load sends n notifications from some clients and gives how many a second were
// accepted, and the median time of one.
func (p *pushes) load(b *testing.B, clients, n int) (perSecond float64, median time.Duration) {
	var left atomic.Int64
	left.Store(int64(n))
	start := time.Now()
	var mu sync.Mutex
	var took []time.Duration
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				req, err := http.NewRequest(http.MethodPost, p.uri, strings.NewReader("payload"))
				if err != nil {
					b.Error(err)
					return
				}
				req.Header.Set("Authorization", "Bearer "+p.token)
				req.Header.Set("Content-Type", "application/octet-stream")
				req.Header.Set("X-WNS-Type", "wns/raw")
				req.Header.Set("X-WNS-Cache-Policy", "cache")
				sent := time.Now()
				resp, err := p.client.Do(req)
				if err != nil {
					b.Error(err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != 200 {
					b.Errorf("answered %d", resp.StatusCode)
					return
				}
				mu.Lock()
				took = append(took, time.Since(sent))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(took)
	return float64(n) / time.Since(start).Seconds(), took[len(took)/2]
}

// BenchmarkPushKept compares accepting a push with a state file, which is synced before
// the answer, with accepting it without one: TLS, keep-alive, sender and service in one
// process. Senders that come together share a sync; a single one waits for its own.
func BenchmarkPushKept(b *testing.B) {
	f, err := Open(filepath.Join(b.TempDir(), "lab.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	plain, kept := newPushes(b, nil), newPushes(b, f)
	for _, clients := range []int{64, 1} {
		n := 20 * clients
		plain.load(b, clients, 10*n)
		kept.load(b, clients, n)
	}
	var rates, alone, waits []float64
	for b.Loop() {
		without, _ := plain.load(b, 64, 2000)
		with, _ := kept.load(b, 64, 2000)
		_, fast := plain.load(b, 1, 50)
		_, slow := kept.load(b, 1, 50)
		rates, alone, waits = append(rates, with/without), append(alone, float64(slow)/float64(fast)), append(waits, slow.Seconds()*1000)
	}
	for name, list := range map[string][]float64{"rate-ratio,64-clients": rates, "latency-ratio,1-client": alone, "ms/push,1-client": waits} {
		slices.Sort(list)
		b.ReportMetric(list[len(list)/2], name)
	}
	b.ReportMetric(0, "ns/op")
}
