package cli

import (
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
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// healthEnv names the file that a health check reads: lab and mdm write it without a
// flag. The image sets it, so that its health check fits whatever the container runs.
const healthEnv = "DMWAKE_READY"

func healthCommand(s *streams) *cobra.Command {
	var file string
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "health [URL]",
		Short: "Ask whether a running lab or reference server is ready",
		Long: `Exits with 0 if a running dmwake is ready, and with 1 if it is not, for the health
check of a container.

URL is the control API of "dmwake lab" or the admin API of "dmwake mdm"; no token is
needed. With --ready it reads the address from the file that lab and mdm write with their
own --ready; of mdm it then also checks the port of devices and its certificate. Without
either it reads the file that the environment variable ` + healthEnv + ` names. lab and mdm write
that file without a flag, and test, load and device run, which serve nothing, are healthy
while they run. The image sets the variable.`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) > 1:
				return usage(fmt.Errorf("unexpected argument %q; dmwake health takes one URL", args[1]))
			case len(args) == 1 && file != "":
				return usage(errors.New("give a URL or --ready, not both"))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if timeout <= 0 {
				return usage(errors.New("--timeout has to be longer than 0"))
			}
			ctx, cancel := context.WithTimeout(c.Context(), timeout)
			defer cancel()
			what, err := health(ctx, args, file)
			if err != nil {
				return err
			}
			say(s.out, "ready: %s\n", what)
			return nil
		},
	}
	fl := c.Flags()
	fl.StringVar(&file, "ready", "", "file that lab or mdm wrote with --ready")
	fl.DurationVar(&timeout, "timeout", 3*time.Second, "longest wait for the answer")
	return c
}

// health says what is ready. An error has the exit code: Docker knows 0 and 1.
func health(ctx context.Context, args []string, file string) (string, error) {
	if len(args) == 1 {
		u, err := url.Parse(args[0])
		if err != nil || u.Scheme != "http" || u.Host == "" {
			return "", usage(fmt.Errorf("%q is no address of a control API or admin API, such as http://127.0.0.1:7081", args[0]))
		}
		return args[0], unready(apiReady(ctx, args[0]))
	}
	if file == "" {
		file = os.Getenv(healthEnv)
	}
	if file == "" {
		return "", usage(errors.New("give the URL of a control API or admin API, or --ready FILE, or set " + healthEnv))
	}
	raw, err := os.ReadFile(file) //nolint:gosec // the user's own file
	if errors.Is(err, os.ErrNotExist) {
		return "", unready(fmt.Errorf("%s is not there: nothing is ready yet", file))
	} else if err != nil {
		return "", unready(err)
	}
	var at struct {
		Control, Admin, Discovery, Listen, CA string
		Command                               string
		PID                                   int
	}
	if json.Unmarshal(raw, &at) != nil {
		return "", unready(fmt.Errorf("%s is no file of --ready: it is not the JSON object that lab and mdm write", file))
	}
	switch {
	case at.Control != "":
		return at.Control, unready(apiReady(ctx, at.Control))
	case at.Admin != "":
		return at.Discovery, unready(errors.Join(apiReady(ctx, at.Admin), presents(ctx, at.Listen, at.Discovery, at.CA)))
	case at.Command != "" && !alive(at.PID):
		return "", unready(fmt.Errorf("%s, process %d, has ended", at.Command, at.PID))
	case at.Command != "":
		return at.Command, nil
	}
	return "", unready(fmt.Errorf("%s is no file of --ready: it has no address", file))
}

func unready(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitFailed, fmt.Errorf("not ready: %w", err)}
}

// apiReady asks an API of this module; /readyz needs no token (package guard).
func apiReady(ctx context.Context, base string) error {
	u, err := url.Parse(base)
	if err != nil {
		return err
	}
	u.Host, u.Path = near(u.Host), strings.TrimSuffix(u.Path, "/")+"/readyz"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	// A proxy of the environment is for the server under test; a redirect is no answer of ours.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil {
		return err
	}
	return fmt.Errorf("%s answers %d: %s", u, resp.StatusCode, strings.TrimSpace(string(text)))
}

// presents connects to the port of devices as they do: with the name of the discovery
// URL, which need not resolve here, and the CA. It sends no request, which a recording
// would show.
func presents(ctx context.Context, listen, discovery, ca string) error {
	u, err := url.Parse(discovery)
	if err != nil {
		return err
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s has no certificate", ca)
	}
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}}
	conn, err := dialer.DialContext(ctx, "tcp", near(listen))
	if err != nil {
		return fmt.Errorf("the port of devices, %s: %w", listen, err)
	}
	conn.Close()
	return nil
}

// near is an address to connect to for one to listen at: this machine for all addresses.
func near(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	switch ip := net.ParseIP(host); {
	case host == "" || ip.Equal(net.IPv4zero):
		return net.JoinHostPort("127.0.0.1", port)
	case ip.Equal(net.IPv6unspecified): // Go listens to IPv4 there, too
		return net.JoinHostPort("localhost", port)
	}
	return addr
}

// readyRunning is what a command that serves nothing writes to the file of healthEnv.
type readyRunning struct {
	Command string `json:"command"`
	PID     int    `json:"pid"`
}

// healthyWhileRunning has a command write the file of healthEnv for as long as it runs.
// One that is there is that of the container's own command, and stays.
func healthyWhileRunning(c *cobra.Command) *cobra.Command {
	run := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		if file := readyFile(os.Getenv(healthEnv)); file != "" {
			if _, err := os.Lstat(string(file)); errors.Is(err, os.ErrNotExist) && file.write(io.Discard, readyRunning{c.CommandPath(), os.Getpid()}) == nil { //nolint:gosec // as above
				defer os.Remove(string(file))
			}
		}
		return run(c, args)
	}
	return c
}
