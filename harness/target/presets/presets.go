// Package presets writes configuration files: for any server, and for servers that
// people run. A preset is a text with the facts of a server, in which the rest is
// filled in.
package presets

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/dmwake/dmwake/harness/nearest"
)

// Preset is what is known about a server.
type Preset struct {
	Name  string // empty: any server
	About string // one line
	// Tried is which version it was tried with, or where its facts are from.
	Tried string
	// Path is the one of the discovery service, for servers that have it always in the
	// same place: those need only Values.Server.
	Path string
	// Policy is the AuthPolicy that the server names; empty: any.
	Policy string
	// Defaults are the values to begin with.
	Defaults Values
	// Asks are the names of the values that it uses, besides those that every file has
	// (CA, profile, and the way to the fake WNS): flags of "dmwake init".
	Asks []string
	// Env is what the environment must have before dmwake reads the file.
	Env []Variable
}

// Variable is one of the environment.
type Variable struct{ Name, Means string }

// Values are what a server's author knows.
type Values struct {
	Server, Admin string // base URLs
	Discovery     string
	CA            string
	Username      string
	Password      Answer // whether the user has one
	Profile       string
	Cert, Key     string

	Directory                  string // where the fake directory listens
	Tenant, Audience, ClientID string

	NoPush, PushOnQueue                                         bool
	Queue, Work, Push, Lookup, Enrolled, Wipe, Unenroll, Active string   // URLs
	Restart                                                     []string // a command, or a URL alone
	PFN, SID                                                    string
	Mode, Listen, Proxy                                         string // the way to the fake WNS
}

// Answer is yes, no, or empty where nobody knows.
type Answer string

// The answers.
const (
	Yes Answer = "yes"
	No  Answer = "no"
)

// Hooks of a server with an API of its own.
var hooks = []string{"no-push", "queue-url", "work-url", "push-url", "lookup-url", "enrolled-url", "wipe-url", "unenroll-url", "active-url", "restart", "pfn", "sid"}

// All lists the presets. The first one is for any server.
func All() []*Preset {
	password := Variable{"MDM_PASSWORD", "the user's password"}
	return []*Preset{
		{About: "What dmwake needs to know about your server.",
			Asks: slices.Concat([]string{"username", "discovery", "no-password", "cert", "key"}, hooks), Env: []Variable{password}},
		{Name: "reference", About: "dmwake's own reference server, \"dmwake mdm\" in the folder of this file", Tried: "run by dmwake's tests", Path: "/EnrollmentServer/Discovery.svc",
			Defaults: Values{Server: "https://127.0.0.1:8443", Admin: "http://127.0.0.1:8444", Username: "demo@mdm.example", CA: ".dmwake/ca.pem"},
			Asks:     []string{"username", "server", "admin", "pfn", "sid"}, Env: []Variable{{"DMWAKE_PASSWORD", "the password that dmwake mdm was given"}}},
		{Name: "fleet", About: "Fleet: devices enroll by the token of its agent and poll for work; Fleet does not push through WNS", Tried: "from its source of 2026, never run", Path: "/api/mdm/microsoft/discovery", Policy: "OnPremise",
			Asks: []string{"server"}, Env: []Variable{{"FLEET_ENROLL_SECRET", "an enroll secret (Hosts, Manage enroll secret)"}, {"FLEET_API_TOKEN", "the API token of a user who may run MDM commands"}}},
		{Name: "entra", About: "a server that enrolls devices with tokens of Entra, which dmwake issues itself", Tried: "run with the reference server; the tokens have the claims that Learn documents", Policy: "Federated",
			Asks: slices.Concat([]string{"username", "discovery", "directory", "tenant", "audience", "client-id"}, hooks)},
		{Name: "certificate", About: "a server that enrolls devices by a certificate (AuthPolicy Certificate)", Tried: "run with the reference server", Policy: "Certificate",
			Asks: slices.Concat([]string{"username", "discovery", "cert", "key"}, hooks)},
	}
}

// Find returns a preset; the empty name is for any server. Its error names the
// nearest.
func Find(name string) (*Preset, error) {
	var names []string
	for _, p := range All() {
		if p.Name == name {
			return p, nil
		}
		if p.Name != "" {
			names = append(names, p.Name)
		}
	}
	mean := ""
	if near := nearest.Of(name, names); near != "" {
		mean = fmt.Sprintf("; did you mean %s?", near)
	}
	return nil, fmt.Errorf("unknown preset %q%s --list-presets lists them: %s", name, cmp.Or(mean, "."), strings.Join(names, ", "))
}

// RestartURL is Restart if it is a URL.
func (v Values) RestartURL() string {
	if len(v.Restart) == 1 && (strings.HasPrefix(v.Restart[0], "http://") || strings.HasPrefix(v.Restart[0], "https://")) {
		return v.Restart[0]
	}
	return ""
}

// Uses reports whether the preset asks for a value.
func (p *Preset) Uses(name string) bool { return slices.Contains(p.Asks, name) }

// DiscoveryOf is where the discovery service is: where it always is, or as given.
func (p *Preset) DiscoveryOf(v *Values) string {
	if p.Path == "" {
		return v.Discovery
	}
	return strings.TrimRight(v.Server, "/") + p.Path
}

//go:embed *.yaml
var files embed.FS

// Text is the file with the values filled in.
func (p *Preset) Text(v Values) (string, error) {
	name := p.Name
	if name == "" {
		name = "any"
	}
	t, err := template.New("").Delims("<<", ">>").Funcs(template.FuncMap{"q": quoted, "list": list}).ParseFS(files, "parts.yaml", name+".yaml")
	if err != nil {
		return "", err
	}
	v.Discovery, v.Server, v.Admin = p.DiscoveryOf(&v), strings.TrimRight(v.Server, "/"), strings.TrimRight(v.Admin, "/")
	var b strings.Builder
	err = t.ExecuteTemplate(&b, name+".yaml", struct {
		*Preset
		Values
	}{p, v})
	return strings.TrimRight(b.String(), "\n") + "\n", err
}

// quoted is any string as a YAML scalar that stands in any place: a plain one with
// braces or colons would not, in {url: ...}.
func quoted(s string) (string, error) {
	style := yaml.SingleQuotedStyle
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		style = yaml.DoubleQuotedStyle
	}
	b, err := yaml.Marshal(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s, Style: style})
	if err != nil {
		return "", err
	}
	text := strings.TrimRight(string(b), "\n")
	if strings.Contains(text, "\n") {
		return "", errors.New("a value of several lines")
	}
	return text, nil
}

// list is a YAML list on one line.
func list(all []string) (string, error) {
	out := make([]string, len(all))
	for i, s := range all {
		var err error
		if out[i], err = quoted(s); err != nil {
			return "", err
		}
	}
	return "[" + strings.Join(out, ", ") + "]", nil
}
