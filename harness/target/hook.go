package target

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"text/template"
	"time"
)

// Hooks make the server do things that no device can trigger. Each is optional; a
// scenario that needs a missing hook is skipped.
type Hooks struct {
	Queue  *Hook `yaml:"queue"`  // queue .Verb .LocURI .Format .Data for .DeviceID
	Push   *Hook `yaml:"push"`   // push to .DeviceID
	Wipe   *Hook `yaml:"wipe"`   // wipe .DeviceID; default: queue Exec ./Vendor/MSFT/RemoteWipe/doWipe
	Lock   *Hook `yaml:"lock"`   // lock .DeviceID; default: queue Exec ./Vendor/MSFT/RemoteLock/Lock
	Active *Hook `yaml:"active"` // prints all managed devices; the DeviceID in it means active
	// Unenroll makes the server unenroll .DeviceID.
	Unenroll *Hook `yaml:"unenroll"`
	// Restart restarts the server; it may return before the server is up.
	Restart *Hook `yaml:"restart"`
	// Token prints a directory token for a device of .Username.
	Token *Hook `yaml:"token"`
}

// Hook is an HTTP request or a command; its texts are templates over Vars.
type Hook struct {
	HTTP    *HTTPHook     `yaml:"http"`
	Exec    []string      `yaml:"exec"` // argv, no shell
	Timeout time.Duration `yaml:"timeout"`

	client *http.Client // trusts target.ca; nil means plainClient
}

// HTTPHook is a request; a status of 400 or more is a failure.
type HTTPHook struct {
	Method  string            `yaml:"method"` // default POST
	URL     string            `yaml:"url"`
	Headers map[string]string `yaml:"headers"`
	Body    string            `yaml:"body"`
}

// Vars are the values for a hook's templates: {{.DeviceID}}, {{json .Data}}.
type Vars struct {
	DeviceID   string // the SyncHdr Source
	UDID       string // the same, for servers that call it UDID
	DeviceName string
	HWDevID    string
	Profile    string
	Username   string // who enrolls
	// TokenKind says which token the token hook prints: user, device, or terms, the
	// user's before the device is registered. DirectoryID is the device's id in the
	// directory, Audience whom the token is for; both may be empty.
	TokenKind, DirectoryID, Audience string
	ChannelURI                       string
	Verb                             string
	LocURI                           string
	Format                           string
	Data                             string
}

var functions = template.FuncMap{
	// json writes a string as a JSON string, quotes included.
	"json": func(s string) (string, error) {
		b, err := json.Marshal(s)
		return string(b), err
	},
}

const maxHookOutput = 1 << 20 // bytes

func expand(text string, v Vars) (string, error) {
	t, err := template.New("hook").Funcs(functions).Parse(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := t.Execute(&b, v); err != nil {
		return "", err
	}
	return b.String(), nil
}

// all returns the hooks by name.
func (h *Hooks) all() map[string]*Hook {
	return map[string]*Hook{"queue": h.Queue, "push": h.Push, "wipe": h.Wipe, "lock": h.Lock, "active": h.Active,
		"unenroll": h.Unenroll, "restart": h.Restart, "token": h.Token}
}

// check tries every template, so that a mistake shows before the run.
func (h *Hooks) check() error {
	sample := Vars{DeviceID: "D", Verb: "Get", LocURI: "./DevInfo/Mod"}
	for name, k := range h.all() {
		if k == nil {
			continue
		}
		var texts []string
		switch {
		case k.HTTP == nil && len(k.Exec) == 0:
			return fmt.Errorf("target.hooks.%s: give http or exec", name)
		case k.HTTP != nil && len(k.Exec) > 0:
			return fmt.Errorf("target.hooks.%s: give http or exec, not both", name)
		case k.HTTP != nil:
			if k.HTTP.URL == "" {
				return fmt.Errorf("target.hooks.%s.http: url is missing", name)
			}
			texts = append(texts, k.HTTP.URL, k.HTTP.Body)
			for _, v := range k.HTTP.Headers {
				texts = append(texts, v)
			}
		default:
			texts = k.Exec
		}
		for _, text := range texts {
			if _, err := expand(text, sample); err != nil {
				return fmt.Errorf("target.hooks.%s: %w", name, err)
			}
		}
	}
	return nil
}

// trust makes the HTTP hooks accept certificates from target.ca besides the
// system's: a server's API usually has the same certificate as its endpoints.
func (h *Hooks) trust(caPEM []byte) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	roots.AppendCertsFromPEM(caPEM)
	client := hookClient(roots)
	for _, k := range h.all() {
		if k != nil {
			k.client = client
		}
	}
}

// hookConnections is how many connections HTTP hooks open to one host. Under load a
// trigger waits for one instead of opening another: thousands of handshakes would
// keep a late server busy.
const hookConnections = 512

// hookClient returns a client that trusts roots; nil means the system's.
func hookClient(roots *x509.CertPool) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // net/http documents it
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	t.MaxIdleConns, t.MaxIdleConnsPerHost, t.MaxConnsPerHost = 0, hookConnections, hookConnections
	return &http.Client{Transport: t}
}

// plainClient is the client of all hooks without a target.ca.
var plainClient = hookClient(nil)

// HookError says which hook failed and why, in one line.
type HookError struct {
	Hook string
	Err  error
}

func (e *HookError) Error() string {
	return Redact(fmt.Sprintf("the %s hook failed: %v", e.Hook, e.Err))
}

// Unwrap returns the cause.
func (e *HookError) Unwrap() error { return e.Err }

// Run runs the hook and returns its output or the reply. name is for the error;
// timeout applies if the hook has none. Run ends with ctx, whatever the server or
// the command does; the error then wraps ctx's.
func (k *Hook) Run(ctx context.Context, name string, v Vars, timeout time.Duration) (string, error) {
	if k.Timeout > 0 {
		timeout = k.Timeout
	}
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	run := k.runExec
	if k.HTTP != nil {
		run = k.runHTTP
	}
	out, err := run(within, v)
	switch {
	case err != nil && ctx.Err() != nil:
		err = ctx.Err() // not "signal: killed", which we sent
	case errors.Is(within.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("it did not end within %s", timeout)
	}
	if err != nil {
		return out, &HookError{name, err}
	}
	return out, nil
}

func (k *Hook) runHTTP(ctx context.Context, v Vars) (string, error) {
	to, err := expand(k.HTTP.URL, v)
	if err != nil {
		return "", err
	}
	body, err := expand(k.HTTP.Body, v)
	if err != nil {
		return "", err
	}
	method := k.HTTP.Method
	if method == "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, to, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	for name, text := range k.HTTP.Headers {
		value, err := expand(text, v)
		if err != nil {
			return "", err
		}
		req.Header.Set(name, value)
	}
	client := k.client
	if client == nil {
		client = plainClient
	}
	resp, err := client.Do(req)
	var u *url.Error
	if errors.As(err, &u) {
		// The URL may contain a secret; its host does not.
		err = fmt.Errorf("%s %s: %w", method, req.URL.Host, u.Err)
	}
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(io.LimitReader(resp.Body, maxHookOutput))
	if err != nil {
		return "", err
	}
	if resp.StatusCode >= 400 {
		return string(out), fmt.Errorf("HTTP status %d: %s", resp.StatusCode, firstLine(out))
	}
	return string(out), nil
}

func (k *Hook) runExec(ctx context.Context, v Vars) (string, error) {
	argv := make([]string, len(k.Exec))
	for i, text := range k.Exec {
		a, err := expand(text, v)
		if err != nil {
			return "", err
		}
		argv[i] = a
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // the user's own configuration
	cmd.WaitDelay = time.Second                           // a grandchild may hold the pipe
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &limited{&out, maxHookOutput}, &tail{&errs, 4096}
	if err := cmd.Run(); err != nil {
		if line := lastLine(errs.Bytes()); line != "" {
			return out.String(), fmt.Errorf("%s: %w: %s", argv[0], err, line)
		}
		return out.String(), fmt.Errorf("%s: %w", argv[0], err)
	}
	return out.String(), nil
}

// limited accepts everything and keeps the first bytes.
type limited struct {
	b    *bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	l.b.Write(p[:n])
	return len(p), nil
}

// tail accepts everything and keeps the last bytes: a command's last output says why
// it failed.
type tail struct {
	b    *bytes.Buffer
	most int
}

func (l *tail) Write(p []byte) (int, error) {
	l.b.Write(p[max(0, len(p)-l.most):])
	l.b.Next(max(0, l.b.Len()-l.most))
	return len(p), nil
}

func firstLine(b []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	return short(line)
}

// lastLine returns the last non-empty line.
func lastLine(b []byte) string {
	text := strings.TrimSpace(strings.ToValidUTF8(string(b), ""))
	return short(strings.TrimSpace(text[strings.LastIndex(text, "\n")+1:]))
}

func short(line string) string {
	if len(line) > 200 {
		line = strings.ToValidUTF8(line[:200], "") + "..."
	}
	return line
}
