package csp

import (
	"strings"
	"sync"

	"github.com/dmwake/dmwake/simulator/csp/admx"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// The policies of an ADMX file that a server ingests (Learn, "Win32 and Desktop Bridge
// app ADMX policy Ingestion"): the file is added as
// ConfigOperations/ADMXInstall/{AppName}/{SettingsType}/{AdmxFileId}, and its policies
// are Config/{AppName}~{SettingsType}~{categories}/{policy} from then on. No document
// names the statuses of what goes wrong [model]: a policy whose file is not there is
// 404, as any node that Windows lacks; a value with an id that the file lacks is 500,
// as any value that is not allowed; a file that is not ADMX, or that writes to keys of
// Windows, is 500 too.

var admxInstall = []string{"Vendor", "MSFT", "Policy", "ConfigOperations", "ADMXInstall"}

// admxFiles caches files that were read: devices of a fleet are given the same ones.
var admxFiles struct {
	sync.Mutex
	known map[string]*admx.File // by text
}

const maxADMXFiles = 32

func readADMX(text string) (*admx.File, error) {
	admxFiles.Lock()
	defer admxFiles.Unlock()
	if f := admxFiles.known[text]; f != nil {
		return f, nil
	}
	f, err := admx.Read(text)
	if err != nil {
		return nil, err
	}
	if admxFiles.known == nil || len(admxFiles.known) >= maxADMXFiles {
		admxFiles.known = map[string]*admx.File{}
	}
	admxFiles.known[text] = f
	return f, nil
}

// ingested are the files of an app's settings.
func (t *Tree) ingested(app, kind string) (out []*admx.File) {
	prefix := t.schema.key(DeviceScope, append(append([]string(nil), admxInstall...), app, kind)) + "\x00"
	for k, e := range t.stored {
		if !e.leaf || !strings.HasPrefix(k, prefix) {
			continue
		}
		if f, err := readADMX(e.value); err == nil {
			out = append(out, f)
		}
	}
	return out
}

// areaParts splits the name of an area of ingested policies.
func areaParts(name string) (app, kind, category string, ok bool) {
	parts := strings.SplitN(name, "~", 3)
	if len(parts) < 3 {
		return "", "", "", false
	}
	return parts[0], parts[1], parts[2], true
}

// ingestedPolicy is what an ingested file says of the policy that c addresses.
func ingestedPolicy(c *Call) *admx.Policy {
	n := len(c.names)
	app, kind, category, ok := areaParts(c.names[n-2])
	if !ok {
		return nil
	}
	for _, f := range c.tree.ingested(app, kind) {
		if p := f.Policy(category, c.names[n-1]); p != nil && inScope(p, c.scope) {
			return p
		}
	}
	return nil
}

// inScope: a policy of class Machine is the device's, one of class User the user's.
func inScope(p *admx.Policy, s Scope) bool {
	switch strings.ToLower(p.Class) {
	case "machine":
		return s == DeviceScope
	case "user":
		return s == UserScope
	}
	return true
}

// open reports whether names of areas and policies are open: no Base has a list, or the
// device takes more than it has.
func (o *Options) open() bool { return o.Base == nil || o.AcceptUnknown || o.AnyPolicy }

// knownArea and knownPolicy say of a name that is not Windows' own whether an ingested
// file has it. What was provisioned is known.
func knownArea(c *Call) bool {
	if c.tree.schema.opts.open() || c.tree.isStored(c.key) {
		return true
	}
	app, kind, category, ok := areaParts(c.names[len(c.names)-1])
	if !ok {
		return false
	}
	for _, f := range c.tree.ingested(app, kind) {
		if f.HasCategory(category) {
			return true
		}
	}
	return false
}

func knownPolicy(c *Call) bool {
	return c.tree.schema.opts.open() || c.tree.isStored(c.key) || ingestedPolicy(c) != nil
}

// checkIngested checks a value of an ingested policy.
func checkIngested(c *Call, value string) int {
	p := ingestedPolicy(c)
	if p == nil {
		return syncml.OK
	}
	if c.Format != "" && !Chr.Takes(c.Format) {
		return syncml.UnsupportedFormat
	}
	if !c.tree.schema.opts.AnyValue && p.Check(value) != nil {
		return syncml.CommandFailed
	}
	return syncml.OK
}

// ingest takes an ADMX file.
func ingest(_ *Call, text string) int {
	f, err := readADMX(text)
	if err != nil || f.Protected() != "" {
		return syncml.CommandFailed
	}
	return syncml.OK
}

// forget removes the values of an app's policies with their file, or with all files of
// the app [model].
func forget(c *Call) {
	at := c.names[len(admxInstall):]
	t := c.tree
	if len(at) == 3 {
		e := t.stored[c.key]
		if f, err := readADMX(e.value); err == nil {
			for i := range f.Policies {
				t.forgetPolicy(at[0]+"~"+at[1]+"~"+f.Policies[i].Category, f.Policies[i].Name)
			}
		}
		return
	}
	area := t.schema.fold(strings.Join(at, "~") + "~")
	for _, scope := range []Scope{DeviceScope, UserScope} {
		for _, part := range []string{"Config", "Result"} {
			prefix := t.schema.key(scope, []string{"Vendor", "MSFT", "Policy", part}) + "\x00" + area
			for k := range t.stored {
				if strings.HasPrefix(k, prefix) {
					delete(t.stored, k)
				}
			}
		}
	}
}

func (t *Tree) forgetPolicy(area, name string) {
	for _, scope := range []Scope{DeviceScope, UserScope} {
		for _, part := range []string{"Config", "Result"} {
			t.drop(scope, []string{"Vendor", "MSFT", "Policy", part, area, name})
		}
	}
}
