package target

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// traceHeader is the header of W3C Trace Context.
const traceHeader = "traceparent"

const maxHookOutput = 1 << 20 // bytes

// keptAnswer is how much is kept of what Hook.Output was made from, in bytes. It is
// more than is shown, so that secrets are found in all that is shown.
const keptAnswer = 4 * shownOutput

// hookConnections is how many connections HTTP hooks open to one host. Under load a
// trigger waits for one instead of opening another: thousands of handshakes would
// keep a late server busy.
const hookConnections = 512

// hookClient returns a client that trusts roots; nil means the system's.
func hookClient(roots *x509.CertPool) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // net/http documents it
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	t.MaxIdleConns, t.MaxIdleConnsPerHost, t.MaxConnsPerHost = 0, hookConnections, hookConnections
	// Servers close what stays idle, many after a minute; a POST that is sent just then
	// fails, and is not sent again.
	t.IdleConnTimeout = 10 * time.Second
	return &http.Client{Transport: t}
}

// plainClient is the client of all hooks without a target.ca.
var plainClient = hookClient(nil)

// Run is Do for callers that need only the output or the error.
func (k *Hook) Run(ctx context.Context, name string, v Vars, timeout time.Duration) (string, error) {
	o := k.Do(ctx, name, v, timeout)
	return o.Output, o.Err
}

// Do runs the hook. name is for reports; timeout applies if the hook has none. Do
// ends with ctx, whatever the server or the command does; the error then wraps
// ctx's.
func (k *Hook) Do(ctx context.Context, name string, v Vars, timeout time.Duration) *Outcome {
	if k.Timeout > 0 {
		timeout = k.Timeout
	}
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	o := &Outcome{Hook: name, DeviceID: v.DeviceID, Began: time.Now(), secrets: func() []string { return k.secretsOf(v) }}
	run := k.runExec
	if k.HTTP != nil {
		run = k.runHTTP
	}
	err := run(within, v, o)
	if err == nil && k.Output != "" {
		err = k.made(v, o)
	}
	o.Took = time.Since(o.Began)
	switch {
	case err != nil && ctx.Err() != nil:
		err = ctx.Err() // not "signal: killed", which we sent
	case errors.Is(within.Err(), context.DeadlineExceeded):
		err = fmt.Errorf("it did not end within %s", timeout)
	}
	if err != nil {
		o.Err = &HookError{name, err, o}
	}
	return o
}

// made replaces the output by the one that the template Output makes of it.
func (k *Hook) made(v Vars, o *Outcome) error {
	v.Output = strings.TrimSpace(o.Output)
	out, err := expand(k.Output, v)
	var in *notIn
	switch {
	case errors.As(err, &in): // the text may be secret, and is shown where it is not
		return fmt.Errorf("output: %s what it printed", in.what)
	case err != nil:
		return fmt.Errorf("output: %w", err)
	}
	o.Answer, o.Output = strings.Clone(o.Output[:min(len(o.Output), keptAnswer)]), out // not to keep all of it
	return nil
}

func (k *Hook) runHTTP(ctx context.Context, v Vars, o *Outcome) error {
	method := cmp.Or(k.HTTP.Method, http.MethodPost)
	o.Asked = method
	to, err := expand(k.HTTP.URL, v)
	if err != nil {
		return err
	}
	body, err := expand(k.HTTP.Body, v)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, to, strings.NewReader(body))
	if err != nil {
		return err
	}
	o.Asked = method + " " + req.URL.Host + req.URL.EscapedPath() // the query may be secret
	for name, text := range k.HTTP.Headers {
		value, err := expand(text, v)
		if err != nil {
			return err
		}
		req.Header.Set(name, value)
	}
	if v.TraceParent != "" && req.Header.Get(traceHeader) == "" {
		req.Header[traceHeader] = []string{v.TraceParent} // in lower case, as the Recommendation asks for
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
		return err
	}
	defer resp.Body.Close()
	o.Status = resp.StatusCode
	out, err := io.ReadAll(io.LimitReader(resp.Body, maxHookOutput))
	o.Output = string(out)
	if err == nil && resp.StatusCode >= 400 {
		err = fmt.Errorf("HTTP status %d: %s", resp.StatusCode, firstLine(out))
	}
	return err
}

func (k *Hook) runExec(ctx context.Context, v Vars, o *Outcome) error {
	argv := make([]string, len(k.Exec))
	for i, text := range k.Exec {
		a, err := expand(text, v)
		if err != nil {
			return err
		}
		argv[i] = a
	}
	o.Asked = filepath.Base(argv[0])
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // the user's own configuration
	cmd.WaitDelay = time.Second                           // a grandchild may hold the pipe
	if v.TraceParent != "" {
		cmd.Env = append(os.Environ(), "TRACEPARENT="+v.TraceParent)
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &limited{&out, maxHookOutput}, &tail{&errs, 4096}
	err := cmd.Run()
	o.Output, o.Errors = out.String(), errs.String()
	if err == nil {
		return nil
	}
	if line := lastLine(errs.Bytes()); line != "" {
		return fmt.Errorf("%s: %w: %s", argv[0], err, line)
	}
	return fmt.Errorf("%s: %w", argv[0], err)
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
