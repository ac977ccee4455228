package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/redact"

	"github.com/spf13/cobra"

	"github.com/dmwake/dmwake/fakewns/control"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/bounded"
	"github.com/dmwake/dmwake/harness/explain"
	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/harness/sender"
	"github.com/dmwake/dmwake/harness/target"
	"github.com/dmwake/dmwake/harness/wording"
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
	reveal          bool
}

func pushCommand(s *streams) *cobra.Command {
	var f pushFlags
	c := &cobra.Command{
		Use:   "push (--channel URI | --device ID)",
		Short: "Send a notification as an MDM server does, and explain the answer",
		Long: `Fetches a token, sends a notification to a channel, and explains both answers. The
notification goes to the lab on this machine (--wns-listen), whatever host the
channel URI names. With --real it goes to the real service.

DMWAKE_WNS_SECRET holds the app's secret. --device gets the channel of a device
from the lab's control API.

Exit codes: 0 received, 1 not received, 2 usage, 3 no answer.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runPush(c.Context(), s, &f) },
	}
	fl := c.Flags()
	f.wns.add(fl)
	fl.StringVar(&f.channel, "channel", "", "channel URI (Push/ChannelURI)")
	fl.StringVar(&f.device, "device", "", "DeviceID of a device that the lab knows")
	fl.StringVar(&f.control, "control", "http://127.0.0.1:7081", "control API of the lab, for --device")
	fl.BoolVar(&f.real, "real", false, "send to the real service, with the real secret of your app")
	fl.StringVar(&f.kind, "type", "wns/raw", "X-WNS-Type: wns/raw, wns/toast, wns/tile or wns/badge")
	fl.StringVar(&f.payload, "payload", "dmwake", "payload of the notification")
	fl.StringVar(&f.payloadFile, "payload-file", "", "file with the payload")
	fl.StringVar(&f.policy, "cache-policy", "cache", "X-WNS-Cache-Policy: cache, no-cache, or none")
	fl.StringVar(&f.ttl, "ttl", "", "X-WNS-TTL, in seconds")
	fl.StringArrayVar(&f.headers, "header", nil, "additional header \"Name: value\", or replacement of a default one; repeatable")
	fl.BoolVar(&f.reveal, "reveal", false, "show the channel's token, and what the answers have in full")
	fl.DurationVar(&f.timeout, "timeout", 30*time.Second, "timeout of one request")
	return c
}

func runPush(ctx context.Context, s *streams, f *pushFlags) error {
	cfg := &target.Config{}
	f.wns.apply(&cfg.WNS)
	cfg.Defaults()
	cfg.WNS.Mode = "proxy" // real host names
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
			return usage(errors.New("--real needs --channel: the real service does not tell channels"))
		}
	}
	if f.device != "" {
		if f.channel, err = channelOf(ctx, f.control, f.device); err != nil {
			return &exitError{exitUnreachable, err}
		}
	}
	uri, err := url.Parse(f.channel)
	if err != nil || uri.Scheme != "https" || uri.Host == "" {
		return usage(fmt.Errorf("--channel %q is not an https URI", redact.Target(f.channel)))
	}
	client, err := f.client(cfg)
	if err != nil {
		return usage(err)
	}
	if f.real && !intercept.IsService(uri.Hostname()) {
		return usage(fmt.Errorf("--real: the channel's host %s does not belong to the real service, and would receive the token", uri.Host))
	}
	tokenURL := lab.TokenURL(cfg)
	if !f.real && !intercept.IsService(uri.Hostname()) { // a lab in direct mode
		if tokenURL, err = sender.OnHost(tokenURL, uri.Host); err != nil {
			return usage(err)
		}
	}
	snd := sender.New(sender.Config{App: cfg.WNS.App, TokenURL: tokenURL, Client: client})
	defer snd.Close()
	if err := f.fetchToken(ctx, s.out, snd, tokenURL); err != nil {
		return err
	}
	return f.send(ctx, s.out, snd, header, payload)
}

// message returns the payload and all headers except Authorization.
func (f *pushFlags) message() ([]byte, http.Header, error) {
	payload := []byte(f.payload)
	if f.payloadFile != "" {
		var err error
		if payload, err = bounded.ReadFile(f.payloadFile, bounded.Text); err != nil {
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
			return nil, nil, fmt.Errorf("--header %q: write \"Name: value\"", line)
		}
		if strings.EqualFold(strings.TrimSpace(name), "Authorization") {
			return nil, nil, errors.New("--header: Authorization is set to the token that is fetched; set --sid and DMWAKE_WNS_SECRET")
		}
		h.Set(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return payload, h, nil
}

// client connects to the lab, whatever host a URL names, or to the real service.
func (f *pushFlags) client(cfg *target.Config) (*http.Client, error) {
	if f.real {
		return sender.RealClient(f.timeout), nil
	}
	if lab.Address(cfg.WNS.Listen) != cfg.WNS.Listen {
		return nil, fmt.Errorf("--wns-listen %s: dmwake lab prints its address; give that", cfg.WNS.Listen)
	}
	path := filepath.Join(cfg.WNS.CADir, "ca.pem")
	raw, err := bounded.ReadFile(path, bounded.Text)
	if err != nil {
		return nil, fmt.Errorf("the lab's CA: %w; start dmwake lab in this folder, or give --ca-dir", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(raw) {
		return nil, fmt.Errorf("%s holds no PEM certificate", path)
	}
	return sender.LabClient(cfg.WNS.Listen, roots, f.timeout), nil
}

func channelOf(ctx context.Context, api, device string) (string, error) {
	if err := wording.WebAddress(api); err != nil {
		return "", fmt.Errorf("--control: %w", err)
	}
	c := control.Client{URL: api, Token: os.Getenv("DMWAKE_CONTROL_TOKEN")}
	list, err := c.Channels(ctx, device)
	if err != nil {
		return "", fmt.Errorf("the lab's control API at %s gave no channels: %w; is dmwake lab running? set its address with --control", api, wording.NoAnswer(err))
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

// fetchToken fetches the token, and explains an answer without one.
func (f *pushFlags) fetchToken(ctx context.Context, out io.Writer, snd *sender.Sender, tokenURL string) error {
	t, err := snd.FetchToken(ctx)
	if err != nil {
		return noAnswer(tokenURL, err)
	}
	put(out, "token    POST %s -> %d", tokenURL, t.Status)
	switch {
	case t.Err() == nil:
		put(out, ", valid for %v s\n", t.Expires)
		return nil
	case t.Status == http.StatusOK:
		put(out, "\n  but the body has no token: %s\n", f.shown(string(t.Body), tokenBody))
	default:
		put(out, " %s\n  %s\n", f.shown(t.ErrorCode, prose), f.shown(t.Description, refusal))
		explained(out, explain.Token(t.Status, t.ErrorCode, t.Description))
	}
	return &exitError{exitFailed, errSilent}
}

// send sends the notification, and explains the answer.
func (f *pushFlags) send(ctx context.Context, out io.Writer, snd *sender.Sender, header http.Header, payload []byte) error {
	a, err := snd.Push(ctx, f.channel, header, payload)
	if err != nil {
		return noAnswer(f.shown(f.channel, redact.Target), err)
	}
	state := a.State()
	put(out, "push     POST %s, %d bytes -> %d %s\n", f.shown(f.channel, redact.Target), len(payload), a.Status, f.shown(state, prose))
	for _, name := range []string{"X-WNS-DeviceConnectionStatus", "X-WNS-Error-Description", "X-WNS-Msg-ID", "X-WNS-Debug-Trace", "Retry-After", "WWW-Authenticate", "MS-CV", "Location"} {
		if v := a.Header.Get(name); v != "" {
			put(out, "  %s: %s\n", name, f.shown(v, prose))
		}
	}
	if len(a.Body) > 0 {
		put(out, "  a body of %d bytes; WNS sends none\n", len(a.Body))
	}
	explained(out, sender.Explain(&a, header))
	if a.Status == http.StatusOK && state == "received" {
		return nil
	}
	return &exitError{exitFailed, errSilent}
}

// refusal is what a token endpoint says about a refusal.
func refusal(s string) string { return report.Clip(prose(s), 400) }

func prose(s string) string { return redact.Prose(redact.URLs(s)) }

// tokenBody is the body of an answer without a token, as it may be shown.
func tokenBody(s string) string {
	if strings.HasPrefix(strings.TrimSpace(s), "{") {
		s = redact.Body("application/json", []byte(s))
	}
	return report.Clip(redact.Prose(s), 200)
}

// shown is a text as hide shows it, or the whole with --reveal.
func (f *pushFlags) shown(s string, hide func(string) string) string {
	if f.reveal {
		return s
	}
	return hide(s)
}

func explained(w io.Writer, a explain.Answer) {
	say(w, "  %s\n", a.Means)
	for _, c := range a.Causes {
		say(w, "  cause: %s\n", c)
	}
	for _, d := range a.Do {
		say(w, "  do:    %s\n", d)
	}
	if a.Source != "" {
		say(w, "  (%s)\n", a.Source)
	}
}

// noAnswer says why there was no answer. It drops the URI, which the error repeats.
func noAnswer(what string, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	hint := "is dmwake lab running at --wns-listen? with --real: is there a network?"
	var cert *tls.CertificateVerificationError
	if errors.As(err, &cert) {
		hint = "is --ca-dir the folder of that lab?"
	}
	return &exitError{exitUnreachable, fmt.Errorf("no answer from %s: %w; %s", what, wording.NoAnswer(err), hint)}
}
