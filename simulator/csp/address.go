package csp

import (
	"strings"
	"sync"
)

// address is a LocURI resolved in a schema. It is shared and immutable.
type address struct {
	Path
	rule    *rule    // nil if the schema does not describe it
	dynamic []string // the names that matched a dynamic node
	// keys are the keys under which a tree stores the nodes on the path, from the root
	// down to the node itself; empty for nodes that exist with their parent.
	keys []string
	key  string // the node's own key, never empty
	// atomic: the DDF requires an Atomic. misnamed: it does not allow a name that the
	// server chose.
	atomic, misnamed bool
}

// found caches resolved addresses: devices use the same nodes again and again. Their
// number is limited, since servers choose names.
type found struct {
	mu    sync.RWMutex
	known map[string]*address
}

const (
	maxAddresses = 4096
	maxAddress   = 512 // maximum bytes of a cached LocURI
)

// address resolves a LocURI; the error is ParsePath's.
func (s *Schema) address(locURI string) (*address, error) {
	s.found.mu.RLock()
	a := s.found.known[locURI]
	s.found.mu.RUnlock()
	if a != nil {
		return a, nil
	}
	if len(locURI) <= maxAddress {
		locURI = strings.Clone(locURI) // do not keep the whole message
	}
	p, err := ParsePath(locURI)
	if err != nil {
		return nil, err
	}
	a = s.locate(p)
	if len(locURI) > maxAddress {
		return a, nil
	}
	s.found.mu.Lock()
	defer s.found.mu.Unlock()
	if s.found.known == nil || len(s.found.known) >= maxAddresses {
		s.found.known = map[string]*address{}
	}
	s.found.known[locURI] = a
	return a, nil
}

// locate follows a path through the described tree.
func (s *Schema) locate(p Path) *address {
	a := &address{Path: p, rule: s.root, key: s.key(p.Scope, p.Names)}
	for i, n := range p.Names {
		next, dynamic := s.next(a.rule, n)
		if next == nil {
			a.rule = nil
			return a
		}
		if dynamic {
			a.dynamic = append(a.dynamic, n)
		}
		key, node := "", next.node.in(p.Scope)
		if node != nil {
			a.atomic = a.atomic || node.Atomic
			a.misnamed = a.misnamed || dynamic && node.Format == Interior && !node.valid(n)
		}
		if dynamic || node != nil && node.Occurs != One && !(node.Present && p.Scope == DeviceScope) {
			key = s.key(p.Scope, p.Names[:i+1])
		}
		a.rule, a.keys = next, append(a.keys, key)
	}
	return a
}

// key returns the key of a node in a tree; names contain no NUL.
func (s *Schema) key(scope Scope, names []string) string {
	k := s.fold(strings.Join(names, "\x00"))
	if scope == UserScope {
		return "\x01" + k
	}
	return k
}

// parent returns the address of the node's parent.
func (a *address) parent() []string { return a.keys[:max(len(a.keys)-1, 0)] }
