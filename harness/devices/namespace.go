package devices

import (
	"slices"
	"strings"
)

// Namespace is a namespace that has devices.
type Namespace struct {
	Name    string `json:"name"`
	Devices int    `json:"devices"`
}

// IsNamespace reports whether a namespace can have that name.
func IsNamespace(name string) bool { return namespaceName.MatchString(name) }

// Namespaces lists the namespaces that have devices, by name.
func (p *Pool) Namespaces() []Namespace {
	count := map[string]int{}
	for _, s := range p.all() {
		count[s.spec.Namespace]++
	}
	out := []Namespace{}
	for name, n := range count {
		out = append(out, Namespace{name, n})
	}
	slices.SortFunc(out, func(a, b Namespace) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// NamespaceOf is the namespace of a DeviceID, also of a device that was removed; empty if
// the pool never had it.
func (p *Pool) NamespaceOf(deviceID string) string {
	key := strings.ToUpper(deviceID)
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.byID[key]; s != nil {
		return s.spec.Namespace
	}
	return p.spaces[key]
}

// RemoveAll removes the devices of a namespace, or all if it is empty, and tells how many
// there were.
func (p *Pool) RemoveAll(namespace string) int {
	n := 0
	for _, s := range p.all() {
		if namespace == "" || s.spec.Namespace == namespace {
			p.drop(s)
			n++
		}
	}
	return n
}

// Forget lets the pool forget of which namespace the removed devices were.
func (p *Pool) Forget(namespace string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, of := range p.spaces {
		if namespace == "" || of == namespace {
			delete(p.spaces, id)
		}
	}
}
