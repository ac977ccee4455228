package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/fakewns/control"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/explain"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/target"
)

type pushFlags struct {
	wns             wnsFlags
	channel, device string
	control         string
	real            bool
	kind, payload   string
	payloadFile     string
	policy, ttl     string
	headers         []string
	timeout         time.Duration
}

func pushCommand(s *streams) *cobra.Command {
	var f pushFlags
	c := &cobra.Command{
		Use:   "push (--channel URI | --device ID)",
		Short: "Send a notification as a server would, and explain the answer",
		Long: `Fetches a token and sends a notification to a channel, as an MDM server does, and
says what every answer means. By default it goes to the lab that runs on this
machine (--wns-listen), whatever the channel's host; with --real to the real
service, by the real names.

The app's secret is in DMWAKE_WNS_SECRET. --device takes the channel of a device
from the lab's control API. Exit code 0: the notification was received; 1: it was
not; 2: wrong use; 3: nobody answered.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runPush(c.Context(), s, &f) },
	}
	fl := c.Flags()
	f.wns.add(fl)
	fl.StringVar(&f.channel, "channel", "", "channel URI, as Push/ChannelURI gave it")
	fl.StringVar(&f.device, "device", "", "DeviceID whose channel the lab knows")
	fl.StringVar(&f.control, "control", "http://127.0.0.1:7081", "the lab's control API, for --device")
	fl.BoolVar(&f.real, "real", false, "send to the real service, with your app's real secret")
	fl.StringVar(&f.kind, "type", "wns/raw", "X-WNS-Type: wns/raw, wns/toast, wns/tile or wns/badge")
	fl.StringVar(&f.payload, "payload", "dmwake", "what to send")
	fl.StringVar(&f.payloadFile, "payload-file", "", "send this file")
	fl.StringVar(&f.policy, "cache-policy", "cache", "X-WNS-Cache-Policy: cache, no-cache, or none")
	fl.StringVar(&f.ttl, "ttl", "", "X-WNS-TTL, in seconds")
	fl.StringArrayVar(&f.headers, "header", nil, "\"Name: value\", in place of or beside the others; repeatable")
	fl.DurationVar(&f.timeout, "timeout", 30*time.Second, "of one request")
	return c
}

func runPush(ctx context.Context, s *streams, f *pushFlags) error {
	cfg := &target.Config{}
	f.wns.apply(&cfg.WNS)
	cfg.Defaults()
	cfg.WNS.Mode = "proxy" // the real names, or those of the channel
	payload, header, err := f.message()
	if err != nil {
		return usage(err)
	}
	if (f.channel == "") == (f.device == "") {
		return usage(errors.New("give --channel URI or --device ID"))
	}
	if f.real {
		if os.Getenv("DMWAKE_WNS_SECRET") == "" {
			return usage(errors.New("--real needs your app's secret in DMWAKE_WNS_SECRET, and --sid or --app-kind entra, --tenant and --client-id"))
		}
		if f.device != "" {
			return usage(errors.New("--real needs --channel: the real service tells nobody's channels"))
		}
	}
	if f.device != "" {
		if f.channel, err = channelOf(ctx, f.control, f.device); err != nil {
			return &exitError{exitUnreachable, err}
		}
	}
	uri, err := url.Parse(f.channel)
	if err != nil || uri.Scheme != "https" || uri.Host == "" {
		return usage(fmt.Errorf("--channel %q is no https URI", report.Redact(f.channel)))
	}
	client, err := f.client(cfg)
	if err != nil {
		return usage(err)
	}
	defer client.CloseIdleConnections()
	if f.real && !intercept.IsService(uri.Hostname()) {
		return usage(fmt.Errorf("the channel's host %s is none of the real service: with --real a secret's token would go there", uri.Host))
	}
	tokenURL := lab.TokenURL(cfg)
	if !f.real && !intercept.IsService(uri.Hostname()) {
		if u, err := url.Parse(tokenURL); err == nil { // a lab that is reached directly
			u.Host = uri.Host
			tokenURL = u.String()
		}
	}
	token, err := fetchToken(ctx, s, client, cfg, tokenURL)
	if err != nil {
		return err
	}
	header.Set("Authorization", "Bearer "+token)
	return send(ctx, s, client, f.channel, payload, header)
}

// message is the body and the headers but the token.
func (f *pushFlags) message() ([]byte, http.Header, error) {
	payload := []byte(f.payload)
	if f.payloadFile != "" {
		var err error
		if payload, err = os.ReadFile(f.payloadFile); err != nil {
			return nil, nil, fmt.Errorf("--payload-file: %w", err)
		}
	}
	h := http.Header{}
	h.Set("X-WNS-Type", f.kind)
	h.Set("X-WNS-RequestForStatus", "true")
	h.Set("Content-Type", "text/xml")
	if f.kind == "wns/raw" {
		h.Set("Content-Type", "application/octet-stream")
	}
	if f.policy != "none" {
		h.Set("X-WNS-Cache-Policy", f.policy)
	}
	if f.ttl != "" {
		h.Set("X-WNS-TTL", f.ttl)
	}
	for _, line := range f.headers {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, nil, fmt.Errorf("--header %q is not of the form \"Name: value\"", line)
		}
		if strings.EqualFold(strings.TrimSpace(name), "Authorization") {
			return nil, nil, errors.New("--header: the token is fetched; set --sid and DMWAKE_WNS_SECRET")
		}
		h.Set(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return payload, h, nil
}

// client connects to the lab, whatever a URL names, or to the real service. It
// never follows a redirect: a token goes nowhere else.
func (f *pushFlags) client(cfg *target.Config) (*http.Client, error) {
	if f.real {
		c := lab.WNSClient(nil)
		c.Timeout = f.timeout
		c.Transport.(*http.Transport).Proxy = http.ProxyFromEnvironment //nolint:forcetypeassert // WNSClient made it
		return c, nil
	}
	path := filepath.Join(cfg.WNS.CADir, "ca.pem")
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the lab's CA: %w; start dmwake lab in this folder, or give --ca-dir", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(raw) {
		return nil, fmt.Errorf("%s holds no PEM certificate", path)
	}
	c := lab.WNSClient(roots)
	c.Timeout = f.timeout
	to := cfg.WNS.Listen
	c.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) { //nolint:forcetypeassert // as above
		return (&net.Dialer{}).DialContext(ctx, network, to)
	}
	return c, nil
}

func channelOf(ctx context.Context, api, device string) (string, error) {
	c := control.Client{URL: api, Token: os.Getenv("DMWAKE_CONTROL_TOKEN")}
	list, err := c.Channels(ctx, device)
	if err != nil {
		return "", fmt.Errorf("%w; is dmwake lab running? --control says where", err)
	}
	best := control.Channel{}
	for _, ch := range list {
		if !ch.Revoked && ch.Expires.After(best.Expires) {
			best = ch
		}
	}
	if best.URI == "" {
		return "", fmt.Errorf("the lab knows no channel of device %s", device)
	}
	return best.URI, nil
}

// fetchToken asks for a token and explains where there is none.
func fetchToken(ctx context.Context, s *streams, client *http.Client, cfg *target.Config, tokenURL string) (string, error) {
	a := cfg.WNS.App
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {a.SID}, "client_secret": {a.Secret.Value()}, "scope": {"notify.windows.com"}}
	if a.Kind == "entra" {
		form.Set("client_id", a.ClientID)
		form.Set("scope", "https://wns.windows.com/.default")
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	resp, err := post(ctx, client, tokenURL, []byte(form.Encode()), header)
	if err != nil {
		return "", noAnswer(tokenURL, err)
	}
	var out struct {
		Token       string `json:"access_token"`
		Expires     any    `json:"expires_in"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	badJSON := json.Unmarshal(resp.body, &out)
	fmt.Fprintf(s.out, "token    POST %s -> %d", tokenURL, resp.status)
	switch {
	case resp.status == http.StatusOK && badJSON == nil && out.Token != "":
		fmt.Fprintf(s.out, ", valid for %v s\n", out.Expires)
		return out.Token, nil
	case resp.status == http.StatusOK:
		fmt.Fprintf(s.out, "\n  but the body is no token: %s\n", strings.ToValidUTF8(report.Clip(string(resp.body), 200), "?"))
	default:
		fmt.Fprintf(s.out, " %s\n  %s\n", out.Error, report.Clip(out.Description, 400))
		explained(s.out, explain.Token(resp.status, out.Error, out.Description))
	}
	return "", &exitError{exitFailed, errSilent}
}

// send sends the notification and explains the answer.
func send(ctx context.Context, s *streams, client *http.Client, uri string, payload []byte, header http.Header) error {
	resp, err := post(ctx, client, uri, payload, header)
	if err != nil {
		return noAnswer(report.Redact(uri), err)
	}
	state := resp.header.Get("X-WNS-Status")
	if state == "" {
		state = resp.header.Get("X-WNS-NotificationStatus")
	}
	fmt.Fprintf(s.out, "push     POST %s, %d bytes -> %d %s\n", report.Redact(uri), len(payload), resp.status, state)
	for _, name := range []string{"X-WNS-DeviceConnectionStatus", "X-WNS-Error-Description", "X-WNS-Msg-ID", "X-WNS-Debug-Trace", "Retry-After", "MS-CV", "Location"} {
		if v := resp.header.Get(name); v != "" {
			fmt.Fprintf(s.out, "  %s: %s\n", name, report.Redact(v))
		}
	}
	if len(resp.body) > 0 {
		fmt.Fprintf(s.out, "  a body of %d bytes, where WNS sends none\n", len(resp.body))
	}
	explained(s.out, explain.Notification(resp.status, state))
	if resp.status == http.StatusOK && state == "received" {
		return nil
	}
	return &exitError{exitFailed, errSilent}
}

func explained(w io.Writer, a explain.Answer) {
	fmt.Fprintf(w, "  %s\n", a.Means)
	for _, c := range a.Causes {
		fmt.Fprintf(w, "  cause: %s\n", c)
	}
	for _, d := range a.Do {
		fmt.Fprintf(w, "  do:    %s\n", d)
	}
	if a.Source != "" {
		fmt.Fprintf(w, "  (%s)\n", a.Source)
	}
}

// reply is an answer that was read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func post(ctx context.Context, client *http.Client, to string, body []byte, header http.Header) (*reply, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = header
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	return &reply{resp.StatusCode, resp.Header, got}, err
}

// noAnswer says why nobody answered, without the URI that the error repeats.
func noAnswer(what string, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	hint := "is dmwake lab running (--wns-listen says where), or with --real, is there a network?"
	var cert *tls.CertificateVerificationError
	if errors.As(err, &cert) {
		hint = "is --ca-dir the folder of that lab?"
	}
	return &exitError{exitUnreachable, fmt.Errorf("no answer from %s: %w; %s", what, err, hint)}
}
