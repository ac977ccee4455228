package load

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/lab"
)

// DefaultSender is who pushes where nothing is said: the server, if it can be told
// to or does it by itself, and otherwise dmwake.
func DefaultSender(l *lab.Lab) string {
	switch h := &l.Config.Target.Hooks; {
	case h.Push != nil:
		return SenderHook
	case l.Config.Target.PushOnQueue && h.Queue != nil:
		return SenderOwn
	}
	return SenderWNS
}

// connections are how many the sender has to one host, at most.
const connections = 64

// sender pushes in the place of the server under test, to measure everything
// but its sender.
type sender struct {
	lab    *lab.Lab
	client *http.Client
	url    string // of the token endpoint

	mu    sync.Mutex
	token string
}

func newSender(l *lab.Lab, timeout time.Duration) *sender {
	to := l.WNSAddr()
	return &sender{lab: l, url: "https://" + to + fakewns.TokenPath, client: &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		// A bound, so that a burst waits for a connection in place of opening
		// hundreds, whose handshakes would keep it waiting longer.
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: l.CA.Pool(), MinVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.X25519}},
			MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections,
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, to)
			}},
	}}
}

// bearer is the one token of all pushes.
func (s *sender) bearer(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != "" {
		return s.token, nil
	}
	a := s.lab.Config.WNS.App
	to := s.url
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {a.SID}, "client_secret": {a.Secret.Value()}, "scope": {"notify.windows.com"}}
	if a.Kind == string(fakewns.Entra) {
		to = "https://" + s.lab.WNSAddr() + "/" + a.Tenant + "/oauth2/v2.0/token"
		form.Set("client_id", a.ClientID)
		form.Set("scope", "https://wns.windows.com/.default")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := s.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var out struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&out); err != nil || out.Token == "" {
		return "", fmt.Errorf("no token: HTTP status %d", resp.StatusCode)
	}
	s.token = out.Token
	return s.token, nil
}

var payload = []byte("wake")

func (s *sender) push(ctx context.Context, uri string) error {
	token, err := s.bearer(ctx)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, uri, bytes.NewReader(payload))
	if err != nil {
		return err
	}
	req.Header = http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/octet-stream"}, "X-Wns-Type": {"wns/raw"}, "X-Wns-Cache-Policy": {"cache"}}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16)); err != nil {
		return err
	}
	if resp.StatusCode == http.StatusUnauthorized {
		s.mu.Lock()
		s.token = ""
		s.mu.Unlock()
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("WNS answered %d", resp.StatusCode)
	}
	return nil
}
