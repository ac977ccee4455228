package sender

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/target"
)

// service is a token endpoint at /token and WNS elsewhere. Each token works until
// revoke.
type service struct {
	*httptest.Server
	fetched atomic.Int64 // tokens
	revoked atomic.Int64 // tokens up to this number are refused
	answer  func(w http.ResponseWriter, r *http.Request) bool
}

func start(t *testing.T, answer func(w http.ResponseWriter, r *http.Request) bool) (*service, *Sender) {
	t.Helper()
	s := &service{answer: answer}
	s.Server = httptest.NewTLSServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	app := target.App{SID: "ms-app://s-1", Secret: target.NewSecret("secret-1")}
	return s, New(Config{App: app, TokenURL: s.URL + "/token", Client: s.Client()})
}

func (s *service) serve(w http.ResponseWriter, r *http.Request) {
	var n int64
	switch {
	case s.answer != nil && s.answer(w, r):
	case r.URL.Path == "/token":
		fmt.Fprintf(w, `{"access_token":"T%d","token_type":"bearer","expires_in":86400}`, s.fetched.Add(1))
	default:
		if _, err := fmt.Sscanf(r.Header.Get("Authorization"), "Bearer T%d", &n); err != nil || n <= s.revoked.Load() {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("X-WNS-Status", "received")
	}
}

func push(t *testing.T, s *Sender, channel string) Answer {
	t.Helper()
	a, err := s.Push(t.Context(), channel, http.Header{"X-Wns-Type": {"wns/raw"}}, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestOneToken: concurrent pushes share one token. When WNS refuses it, the pushes
// under way fail and the next ones fetch another.
func TestOneToken(t *testing.T) {
	srv, s := start(t, nil)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if a, err := s.Push(t.Context(), srv.URL+"/c", nil, nil); err != nil || a.Err() != nil {
				t.Error(a.Status, err)
			}
		})
	}
	wg.Wait()
	if n := srv.fetched.Load(); n != 1 {
		t.Errorf("%d tokens", n)
	}
	srv.revoked.Store(1)
	var refused *StatusError
	if a := push(t, s, srv.URL+"/c"); !errors.As(a.Err(), &refused) || refused.Status != http.StatusUnauthorized || refused.Error() != "WNS answered 401" {
		t.Errorf("%d, %v", a.Status, a.Err())
	}
	if a := push(t, s, srv.URL+"/c"); a.Err() != nil || srv.fetched.Load() != 2 {
		t.Errorf("%d with %d tokens", a.Status, srv.fetched.Load())
	}
}

// TestLateRefusal: a refusal of the previous token does not drop the current one.
func TestLateRefusal(t *testing.T) {
	srv, s := start(t, nil)
	push(t, s, srv.URL+"/c")
	old := s.bearer
	srv.revoked.Store(1)
	push(t, s, srv.URL+"/c")
	push(t, s, srv.URL+"/c")
	s.drop(old)
	if a := push(t, s, srv.URL+"/c"); a.Err() != nil || srv.fetched.Load() != 2 {
		t.Errorf("%d with %d tokens", a.Status, srv.fetched.Load())
	}
}

// TestTokenRequest: what is sent to the token endpoint, by kind of app.
func TestTokenRequest(t *testing.T) {
	var got url.Values
	srv, _ := start(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/token" {
			return false
		}
		if err := r.ParseForm(); err != nil || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
			t.Error(err, r.Header)
		}
		got = r.PostForm
		return false
	})
	app := target.App{SID: "ms-app://s-1", Secret: target.NewSecret("a+b&c"), Tenant: "t", ClientID: "client-1"}
	for kind, want := range map[string][]string{
		string(fakewns.Classic): {"ms-app://s-1", "notify.windows.com"}, string(fakewns.Entra): {"client-1", "https://wns.windows.com/.default"},
	} {
		app.Kind = kind
		s := New(Config{App: app, TokenURL: srv.URL + "/token", Client: srv.Client()})
		tok, err := s.FetchToken(t.Context())
		if err != nil || tok.Err() != nil || tok.Expires != 86400.0 {
			t.Fatal(tok, err)
		}
		if got.Get("client_id") != want[0] || got.Get("scope") != want[1] || got.Get("client_secret") != "a+b&c" || got.Get("grant_type") != "client_credentials" {
			t.Errorf("%s: %v", kind, got)
		}
		n := srv.fetched.Load()
		if a := push(t, s, srv.URL+"/c"); a.Err() != nil || srv.fetched.Load() != n {
			t.Errorf("%s: the push did not use the token that was fetched: %d", kind, a.Status)
		}
	}
}

// TestNoToken: answers without a token.
func TestNoToken(t *testing.T) {
	for body, status := range map[string]int{
		`{"error":"invalid_client","error_description":"no"}`: http.StatusBadRequest, `{"access_token":"T1"}`: http.StatusInternalServerError,
		"<html>": http.StatusOK, `{"access_token":""}`: http.StatusOK, `{"access_token":"T1"`: http.StatusOK,
	} {
		srv, s := start(t, func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/token" {
				t.Error("pushed without a token")
			}
			w.WriteHeader(status)
			io.WriteString(w, body)
			return true
		})
		tok, err := s.FetchToken(t.Context())
		if err != nil || tok.Status != status || string(tok.Body) != body || status == http.StatusBadRequest && (tok.ErrorCode != "invalid_client" || tok.Description != "no") {
			t.Errorf("%s: %+v %v", body, tok, err)
		}
		var none *TokenError
		if _, err := s.Push(t.Context(), srv.URL+"/c", nil, nil); !errors.As(err, &none) || none.Status != status {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestPush: header and payload are sent as they are, the answer is returned
// complete, and the caller's header stays as it was.
func TestPush(t *testing.T) {
	srv, s := start(t, func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/token" {
			return false
		}
		raw, err := io.ReadAll(r.Body)
		if err != nil || string(raw) != "payload" || r.Method != http.MethodPost || r.Header.Get("X-WNS-Type") != "wns/raw" || r.Header.Get("Authorization") != "Bearer T1" || r.URL.Query().Get("token") != "x" {
			t.Errorf("%s %s %v %q %v", r.Method, r.URL, r.Header, raw, err)
		}
		w.Header().Set("X-WNS-Error-Description", "too much")
		w.WriteHeader(http.StatusNotAcceptable)
		io.WriteString(w, "body")
		return true
	})
	header := http.Header{"X-Wns-Type": {"wns/raw"}}
	a, err := s.Push(t.Context(), srv.URL+"/c?token=x", header, []byte("payload"))
	if err != nil || a.Status != http.StatusNotAcceptable || a.Header.Get("X-WNS-Error-Description") != "too much" || string(a.Body) != "body" {
		t.Errorf("%+v %v", a, err)
	}
	if got := slices.Collect(maps.Keys(header)); !slices.Equal(got, []string{"X-Wns-Type"}) {
		t.Errorf("the header of the caller has %v", got)
	}
}

// TestUnreachable: a push ends with its context, and with an error if nobody
// answers.
func TestUnreachable(t *testing.T) {
	hold := make(chan struct{})
	srv, s := start(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/token" {
			return false
		}
		close(hold)
		<-r.Context().Done()
		return true
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-hold
		cancel()
	}()
	if _, err := s.Push(ctx, srv.URL+"/c", nil, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	srv.Close()
	if _, err := s.FetchToken(t.Context()); err == nil {
		t.Error("a token from a closed server")
	}
}

// TestLab: the client of a lab reaches its fake WNS under the real names, and under
// its address.
func TestLab(t *testing.T) {
	l, err := lab.Start(nil, lab.Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	app := l.Config.WNS.App
	channel, _, err := l.WNS.OpenChannel(t.Context(), "D1", app.PFN, func([]byte) {})
	if err != nil {
		t.Fatal(err)
	}
	direct, err := OnHost("https://login.live.com"+fakewns.TokenPath, l.WNSAddr())
	if err != nil || direct != "https://"+l.WNSAddr()+fakewns.TokenPath {
		t.Fatal(direct, err)
	}
	for _, tokenURL := range []string{"https://login.live.com" + fakewns.TokenPath, direct} {
		s := New(Config{App: app, TokenURL: tokenURL, Client: LabClient(l.WNSAddr(), l.CA.Pool(), time.Minute)})
		a, err := s.Push(t.Context(), channel, http.Header{"X-Wns-Type": {"wns/raw"}, "Content-Type": {"application/octet-stream"}, "X-Wns-Cache-Policy": {"cache"}}, []byte("wake"))
		if err != nil || a.Err() != nil || a.Header.Get("X-WNS-Status") != "received" || a.Body != nil {
			t.Errorf("%s: %+v %v", tokenURL, a, err)
		}
		s.Close()
	}
}

// TestNoRedirect: a redirect is an answer and is not followed, so that the token
// stays with WNS.
func TestNoRedirect(t *testing.T) {
	srv, _ := start(t, func(w http.ResponseWriter, r *http.Request) bool {
		switch r.URL.Path {
		case "/token":
			return false
		case "/c":
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		default:
			t.Errorf("the token went to %s", r.URL)
		}
		return true
	})
	for _, c := range []*http.Client{LabClient(srv.Listener.Addr().String(), nil, time.Minute), RealClient(time.Minute)} {
		c.Transport.(*http.Transport).TLSClientConfig.RootCAs = srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		s := New(Config{TokenURL: srv.URL + "/token", Client: c})
		if a := push(t, s, srv.URL+"/c"); a.Status != http.StatusTemporaryRedirect {
			t.Errorf("%d", a.Status)
		}
		s.Close()
	}
}
