package target

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/redact"
	"github.com/dmwake/dmwake/simulator/enroll"
)

// Hooks make the server do things that no device can trigger. Each is optional; a
// scenario that needs a missing hook is skipped.
type Hooks struct {
	Queue  *Hook `yaml:"queue"`  // queue .Verb .LocURI .Format .Data for .DeviceID
	Work   *Hook `yaml:"work"`   // give .DeviceID anything to do; {{.N}} makes each call's work differ
	Push   *Hook `yaml:"push"`   // push to .DeviceID
	Wipe   *Hook `yaml:"wipe"`   // wipe .DeviceID; default: queue Exec ./Vendor/MSFT/RemoteWipe/doWipe
	Lock   *Hook `yaml:"lock"`   // lock .DeviceID; default: queue Exec ./Vendor/MSFT/RemoteLock/Lock
	Active *Hook `yaml:"active"` // prints all managed devices; the DeviceID in it means active
	// Unenroll makes the server unenroll .DeviceID.
	Unenroll *Hook `yaml:"unenroll"`
	// Link makes the server set up the linked enrollment of .DeviceID.
	Link *Hook `yaml:"link"`
	// Restart restarts the server; it may return before the server is up.
	Restart *Hook `yaml:"restart"`
	// Token prints the token that devices send to enroll, whatever AuthPolicy the
	// server names.
	Token *TokenHook `yaml:"token"`
	// Lookup prints the server's own id for .DeviceID. It runs once for each
	// enrollment, before the first hook that uses .ServerID.
	Lookup *Hook `yaml:"lookup"`
	// Enrolled runs after each enrollment, before the first session: for a server
	// that manages a device only after an administrator's step. With After: session
	// it runs after the first session: for a server that knows a device only then.
	Enrolled *Hook `yaml:"enrolled"`
}

// TokenHook is a hook that prints a token.
type TokenHook struct {
	Hook `yaml:",inline"`
	// ValueType is the one of the BinarySecurityToken. Default: JWT, the user token
	// of a directory, which the device also shows in its sessions.
	ValueType string `yaml:"value_type"`
}

// Type is the ValueType of the token.
func (k *TokenHook) Type() string { return cmp.Or(k.ValueType, enroll.JWTToken) }

// Hook is an HTTP request or a command; its texts are templates over Vars.
type Hook struct {
	HTTP    *HTTPHook     `yaml:"http"`
	Exec    []string      `yaml:"exec"` // argv, no shell
	Timeout time.Duration `yaml:"timeout"`
	// Output is a template that makes what the hook prints from .Output, what the
	// server answered or the command printed. It is for hooks whose output is used.
	Output string `yaml:"output"`
	// Verbs and Formats are what the queue hook takes; empty means anything.
	Verbs   []string `yaml:"verbs"`
	Formats []string `yaml:"formats"`
	// After is when the enrolled hook runs, enrollment (default) or session.
	After string `yaml:"after"`

	client  *http.Client // trusts target.ca; nil means plainClient
	secrets []string     // of the configuration, hidden in outputs
}

// HTTPHook is a request; a status of 400 or more is a failure.
type HTTPHook struct {
	Method  string            `yaml:"method"` // default POST
	URL     string            `yaml:"url"`
	Headers map[string]string `yaml:"headers"`
	Body    string            `yaml:"body"`
}

// all returns the hooks by name, without those that are not set.
func (h *Hooks) all() map[string]*Hook {
	list := map[string]*Hook{"queue": h.Queue, "work": h.Work, "push": h.Push, "wipe": h.Wipe, "lock": h.Lock, "active": h.Active,
		"unenroll": h.Unenroll, "restart": h.Restart, "link": h.Link, "lookup": h.Lookup, "enrolled": h.Enrolled}
	if h.Token != nil {
		list["token"] = &h.Token.Hook
	}
	maps.DeleteFunc(list, func(_ string, k *Hook) bool { return k == nil })
	return list
}

// UseVariable reports whether a hook uses a variable.
func (h *Hooks) UseVariable(name string) bool {
	for _, k := range h.all() {
		if k.Uses(name) {
			return true
		}
	}
	return false
}

// check tries every template, so that a mistake shows before the run.
func (h *Hooks) check() error {
	list := h.all()
	for _, name := range slices.Sorted(maps.Keys(list)) {
		k := list[name]
		if err := k.check("target.hooks." + name); err != nil {
			return err
		}
		if err := k.checkForms(name); err != nil {
			return err
		}
		if k.Output != "" && !slices.Contains(printing, name) {
			return fmt.Errorf("target.hooks.%s.output: nothing uses what this hook prints; output belongs to %s and target.signin.hook", name, strings.Join(printing, ", "))
		}
		if err := k.checkAfter(name); err != nil {
			return err
		}
		switch {
		case k.Uses("SignInURL"):
			return fmt.Errorf("target.hooks.%s: only target.signin has .SignInURL", name)
		case name != "token" && (k.Uses("TokenKind") || k.Uses("DirectoryID") || k.Uses("Audience")):
			return fmt.Errorf("target.hooks.%s: only target.hooks.token has .TokenKind, .DirectoryID and .Audience", name)
		case k.Uses("Password") && name != "token":
			return fmt.Errorf("target.hooks.%s: only target.signin and target.hooks.token have .Password; {{env \"NAME\"}} is a variable of the environment", name)
		}
		if !k.Uses("ServerID") {
			continue
		}
		switch {
		case name == "lookup" || name == "token":
			return fmt.Errorf("target.hooks.%s: %w", name, errTooEarly)
		case h.Lookup == nil:
			return fmt.Errorf("target.hooks.%s uses .ServerID: add target.hooks.lookup, which prints the server's own id for a device, for example {exec: [./find.sh, '{{.DeviceID}}']}", name)
		}
	}
	return nil
}

// printing are the hooks whose output is used, besides target.signin.hook.
var printing = []string{"token", "lookup", "active"}

// The values of Hook.After.
const (
	AfterEnrollment = "enrollment"
	AfterSession    = "session"
)

func (k *Hook) checkAfter(name string) error {
	switch {
	case k.After == "":
	case name != "enrolled":
		return fmt.Errorf("target.hooks.%s.after: only target.hooks.enrolled has it", name)
	case k.After != AfterEnrollment && k.After != AfterSession:
		return fmt.Errorf("target.hooks.enrolled.after %q is neither %s nor %s, the first one", k.After, AfterEnrollment, AfterSession)
	}
	return nil
}

// check tries the hook's templates; key is for the error.
func (k *Hook) check(key string) error {
	switch {
	case k.HTTP == nil && len(k.Exec) == 0:
		return fmt.Errorf("%s: give http or exec", key)
	case k.HTTP != nil && len(k.Exec) > 0:
		return fmt.Errorf("%s: give http or exec, not both", key)
	case k.HTTP != nil && k.HTTP.URL == "":
		return fmt.Errorf("%s.http: url is missing", key)
	case k.Timeout < 0:
		return fmt.Errorf("%s: timeout %s is negative", key, k.Timeout)
	}
	for _, t := range k.texts() {
		if err := try(t); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	switch {
	case slices.ContainsFunc(k.asks(), func(t string) bool { return uses(t, "Output") }):
		return fmt.Errorf("%s: only its output has .Output", key)
	case k.Output != "" && !uses(k.Output, "Output"):
		return fmt.Errorf("%s.output does not use .Output, which is what the server answered or the command printed", key)
	}
	if k.HTTP != nil {
		if err := CheckURL(k.HTTP.URL); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

// CheckURL tries the template of a hook's URL.
func CheckURL(text string) error {
	if err := try(text); err != nil {
		return err
	}
	if strings.HasPrefix(text, "{{") {
		return nil // only a device shows where it leads
	}
	made, err := execute(text, exampleVars(), trial)
	if err != nil {
		return err
	}
	u, err := url.Parse(made)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("the URL %q is not one of http or https with a host", redact.Text(text))
	}
	return nil
}

// UsesServerID reports whether a template needs the lookup hook.
func UsesServerID(text string) bool { return uses(text, "ServerID") }

// texts are the hook's templates.
func (k *Hook) texts() []string {
	if k.Output == "" {
		return k.asks()
	}
	return append(slices.Clone(k.asks()), k.Output)
}

// asks are the templates of the request or of the command.
func (k *Hook) asks() []string {
	if k.HTTP == nil {
		return k.Exec
	}
	out := []string{k.HTTP.URL, k.HTTP.Body}
	for _, name := range slices.Sorted(maps.Keys(k.HTTP.Headers)) {
		out = append(out, k.HTTP.Headers[name])
	}
	return out
}

// Uses reports whether the hook uses a variable.
func (k *Hook) Uses(variable string) bool {
	return slices.ContainsFunc(k.texts(), func(t string) bool { return uses(t, variable) })
}

// trust makes the HTTP hooks accept certificates from target.ca besides the
// system's: a server's API usually has the same certificate as its endpoints.
func (t *Target) trust(caPEM []byte) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	roots.AppendCertsFromPEM(caPEM)
	client := hookClient(roots)
	for _, k := range t.hooks() {
		k.client = client
	}
}

// hooks are all hooks of the target.
func (t *Target) hooks() []*Hook {
	out := slices.Collect(maps.Values(t.Hooks.all()))
	if t.SignIn.Hook != nil {
		out = append(out, t.SignIn.Hook)
	}
	return out
}

// environment checks that the variables of the environment that hooks and steps of the
// sign-in name exist.
func (t *Target) environment() error {
	list := t.Hooks.all()
	for _, name := range slices.Sorted(maps.Keys(list)) {
		for _, text := range list[name].texts() {
			if err := envSet(text); err != nil {
				return fmt.Errorf("target.hooks.%s: %w", name, err)
			}
		}
	}
	if h := t.SignIn.Hook; h != nil {
		for _, text := range h.texts() {
			if err := envSet(text); err != nil {
				return fmt.Errorf("target.signin.hook: %w", err)
			}
		}
	}
	_, err := t.SignIn.script(func(src string) (string, error) { return "", envSet(src) })
	return err
}

// conceal hides secrets of the configuration in what hooks print.
func (t *Target) conceal(secrets ...string) {
	for _, k := range t.hooks() {
		k.secrets = secrets
	}
}
