package lab

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/redact"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// Snapshot is the state that all scenarios of a run share in a lab. A scenario
// that changes it makes other verdicts depend on the order; compare before and
// after a scenario that ran alone. The server under test and a scenario's own
// devices are not part of it.
type Snapshot struct {
	faults  map[uint64]fakewns.Fault
	apps    map[string]fakewns.App // by PFN
	wns     fakewns.Settings
	config  map[string]string
	secrets [3]string
	opts    dmclient.EnrollOptions
	lenient bool
	usual   int32
	shared  *dmclient.Condition
}

// Snapshot takes one.
func (l *Lab) Snapshot() Snapshot {
	s := Snapshot{
		faults: map[uint64]fakewns.Fault{}, apps: map[string]fakewns.App{}, wns: l.WNS.Settings(), config: map[string]string{}, usual: l.usual.Load(),
		secrets: [3]string{l.Config.Target.Password.Value(), l.Config.WNS.App.Secret.Value(), l.Config.WNS.TokenKey.Value()},
	}
	for _, f := range l.WNS.Faults() {
		s.faults[f.ID] = f.Fault
	}
	for _, a := range l.WNS.Apps() {
		s.apps[a.PFN] = a
	}
	s.opts, s.lenient = l.lenient().get()
	var doc yaml.Node
	if err := doc.Encode(&l.Config); err == nil { // of strings, numbers and maps: cannot fail
		flatten(s.config, "", &doc)
	}
	if d := l.shared.Load(); d != nil {
		c := d.Condition()
		s.shared = &c
	}
	return s
}

// flatten writes the leaves of a document under their keys: target.username.
func flatten(into map[string]string, key string, n *yaml.Node) {
	below := func(name string) string { return strings.TrimPrefix(key+"."+name, ".") }
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			flatten(into, below(n.Content[i].Value), n.Content[i+1])
		}
	case yaml.SequenceNode:
		for i, k := range n.Content {
			flatten(into, below(fmt.Sprint(i)), k)
		}
	default:
		into[key] = n.Value
	}
}

// Diff says in plain words what differs in after; nil if nothing does. Newly
// learned facts (the leniency, the shared device) do not count, nor do faults
// that expired as planned. Secrets are not shown.
func (s Snapshot) Diff(after Snapshot) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, id := range slices.Sorted(maps.Keys(after.faults)) {
		if _, ok := s.faults[id]; !ok {
			say("the fake WNS still has the fault %s", describe(after.faults[id]))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.faults)) {
		f := s.faults[id]
		if _, ok := after.faults[id]; !ok && f.Times == 0 && f.Until.IsZero() {
			say("the fake WNS no longer has the fault %s", describe(f))
		}
	}
	for _, pfn := range slices.Sorted(maps.Keys(s.apps)) {
		if now, ok := after.apps[pfn]; !ok {
			say("the fake WNS no longer knows the app %s", pfn)
		} else if now != s.apps[pfn] {
			say("the app %s of the fake WNS was changed", pfn)
		}
	}
	for _, pfn := range slices.Sorted(maps.Keys(after.apps)) {
		if _, ok := s.apps[pfn]; !ok {
			say("the fake WNS has a new app %s", pfn)
		}
	}
	out = append(out, s.settings(after)...)
	if s.secrets != after.secrets {
		say("a secret of the configuration was changed")
	}
	if s.lenient && (!after.lenient || s.opts != after.opts) {
		say("what devices overlook when they enroll was changed")
	}
	if s.usual != after.usual {
		say("which answers of the target count as healthy was changed")
	}
	if s.shared != nil && after.shared != nil {
		out = append(out, conditions(*s.shared, *after.shared)...)
	}
	return out
}

// settings compares the settings of the fake WNS and the configuration.
func (s Snapshot) settings(after Snapshot) (out []string) {
	differ := func(what string, was, is any) {
		if was != is {
			out = append(out, fmt.Sprintf("%s was %v, is %v", what, was, is))
		}
	}
	a, b := s.wns, after.wns
	if by := b.Offset - a.Offset; by != 0 {
		out = append(out, fmt.Sprintf("the clock of the fake WNS was moved by %s", by.Round(time.Millisecond)))
	}
	differ("the base of channel URIs", a.ChannelBase, b.ChannelBase)
	differ("the rate of notifications of an app", a.AppRate, b.AppRate)
	differ("the rate of notifications of a channel", a.ChannelRate, b.ChannelRate)
	differ("the lifetime of access tokens", a.TokenLifetime, b.TokenLifetime)
	differ("whether wake-ups are watched", a.Watched, b.Watched)
	keys := maps.Clone(s.config)
	maps.Copy(keys, after.config)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		was, is := s.config[key], after.config[key]
		switch {
		case was == is:
		case strings.HasPrefix(key, "target.hooks."): // a header or an argument may be a secret
			out = append(out, fmt.Sprintf("the configuration's %s was changed", key))
		default:
			differ("the configuration's "+key, fmt.Sprintf("%q", redact.Text(was)), fmt.Sprintf("%q", redact.Text(is)))
		}
	}
	return out
}

// conditions compares the shared device.
func conditions(was, is dmclient.Condition) (out []string) {
	for _, c := range []struct {
		what    string
		was, is any
	}{
		{"state", was.State, is.State}, {"login", was.Login, is.Login}, {"power", was.Power, is.Power},
		{"faults", strings.Join(was.Faults, ", "), strings.Join(is.Faults, ", ")},
	} {
		if c.was != c.is {
			out = append(out, fmt.Sprintf("the shared device's %s was %v, is %v", c.what, c.was, c.is))
		}
	}
	return out
}

// describe names a fault briefly.
func describe(f fakewns.Fault) string {
	parts := []string{}
	if f.Name != "" {
		parts = append(parts, fmt.Sprintf("%q", f.Name))
	}
	if f.On != "" {
		parts = append(parts, "of "+string(f.On))
	}
	if f.Status != 0 {
		parts = append(parts, fmt.Sprintf("status %d", f.Status))
	}
	if f.Do != nil {
		parts = append(parts, f.Do.Fault())
	}
	if len(parts) == 0 {
		return "without a name"
	}
	return strings.Join(parts, ", ")
}
