package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/console"
	"github.com/dmwake/dmwake/harness/lab"
)

// readyFile is a file that a command writes once it serves, for programs that start it:
// they wait for the file, and need not read the output.
type readyFile string

func (r *readyFile) flag(fl *pflag.FlagSet) {
	fl.StringVar((*string)(r), "ready", "", "write the addresses as JSON to this file once it serves, for programs that wait for it")
}

// clear removes the file of an earlier run, and finds out whether it can be written.
// Without the flag, the file is that of the environment, if it names one.
func (r *readyFile) clear() error {
	if *r == "" {
		*r = readyFile(os.Getenv(healthEnv))
	}
	if *r == "" {
		return nil
	}
	path := string(*r)
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return fmt.Errorf("--ready %s: there is no folder %s", path, filepath.Dir(path))
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("--ready %s is no file", path)
	case err == nil:
		err = os.Remove(path)
	}
	if err != nil {
		return fmt.Errorf("--ready: %w", err)
	}
	return nil
}

// write writes the whole file at once, so that nobody reads half of it.
func (r readyFile) write(w io.Writer, v any) error {
	if r == "" {
		return nil
	}
	out, err := openOutput(string(r))
	if err != nil {
		return fmt.Errorf("--ready: %w", err)
	}
	enc := json.NewEncoder(out.w)
	enc.SetIndent("", "  ")
	if err := errors.Join(enc.Encode(v), out.finish()); err != nil {
		return fmt.Errorf("--ready: %w", err)
	}
	out.tell(w)
	return nil
}

// readyLab is what programs need of a lab. It has no secrets: the app's is that of the
// configuration, or the public default.
type readyLab struct {
	Control string            `json:"control"` // URL of the control API; its token is DMWAKE_CONTROL_TOKEN
	Console string            `json:"console"`
	WNS     string            `json:"wns"`
	Proxy   string            `json:"proxy,omitempty"`
	CA      string            `json:"ca"`  // file, PEM
	Env     map[string]string `json:"env"` // for the server under test
	App     readyApp          `json:"app"`
	Seed    uint64            `json:"seed"`
	PID     int               `json:"pid"`
}

type readyApp struct {
	PFN        string `json:"pfn"`
	PackageSID string `json:"packageSid,omitempty"`
	Tenant     string `json:"tenant,omitempty"`
	ClientID   string `json:"clientId,omitempty"`
	Secret     string `json:"secret,omitempty"` // the public default only
	TokenURL   string `json:"tokenUrl"`
}

func labReady(l *lab.Lab, trust *intercept.Trust) readyLab {
	w := &l.Config.WNS
	r := readyLab{Control: "http://" + l.ControlAddr, Console: "http://" + l.ControlAddr + console.Prefix, WNS: "https://" + w.Listen, CA: trust.CA, Env: map[string]string{},
		App: readyApp{PFN: w.App.PFN, Tenant: w.App.Tenant, ClientID: w.App.ClientID, TokenURL: lab.TokenURL(&l.Config)}, Seed: l.Seed, PID: os.Getpid()}
	proxy := ""
	if w.Mode == "proxy" {
		proxy, r.Proxy = w.Proxy, "http://"+w.Proxy
	}
	for _, line := range trust.Env(proxy) {
		name, value, _ := strings.Cut(line, "=")
		r.Env[name] = value
	}
	if w.App.Kind != string(fakewns.Entra) {
		r.App.PackageSID = w.App.SID
	}
	if w.App.Secret.Value() == fakewns.DefaultApp.Secret {
		r.App.Secret = fakewns.DefaultApp.Secret
	}
	return r
}

// readyMDM is what programs need of the reference server.
type readyMDM struct {
	Discovery string `json:"discovery"` // URL
	Admin     string `json:"admin"`     // URL of the admin API; its token is DMWAKE_ADMIN_TOKEN
	CA        string `json:"ca"`        // file, PEM
	Username  string `json:"username"`
	Listen    string `json:"listen"` // address of the discovery URL, which need not resolve
	PID       int    `json:"pid"`
}
