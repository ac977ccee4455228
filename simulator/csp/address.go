package csp

import (
	"strings"
	"sync"
)

// address is a LocURI found in a schema. It is shared and does not change.
type address struct {
	Path
	rule    *rule    // nil where nothing is described
	dynamic []string // the names that matched a dynamic node
	// keys are what a tree stores the nodes on the way under, from the root down
	// to the node itself; empty for those that come with their parent.
	keys []string
	key  string // the node's own, in any case
}

// found are the addresses that were asked for before: devices ask for the same
// nodes again and again. Their number is bounded, since servers choose names.
type found struct {
	mu    sync.RWMutex
	known map[string]*address
}

const (
	maxAddresses = 4096
	maxAddress   = 512 // bytes of a LocURI that is remembered
)

// address finds a LocURI; the error is ParsePath's.
func (s *Schema) address(locURI string) (*address, error) {
	s.found.mu.RLock()
	a := s.found.known[locURI]
	s.found.mu.RUnlock()
	if a != nil {
		return a, nil
	}
	if len(locURI) <= maxAddress {
		locURI = strings.Clone(locURI) // not the message that it is a part of
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

// locate walks the described tree along the names of a path.
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
		key := ""
		if dynamic || next.node != nil && next.node.Occurs != One {
			key = s.key(p.Scope, p.Names[:i+1])
		}
		a.rule, a.keys = next, append(a.keys, key)
	}
	return a
}

// key is what a tree stores a node under; names hold no NUL.
func (s *Schema) key(scope Scope, names []string) string {
	k := s.fold(strings.Join(names, "\x00"))
	if scope == UserScope {
		return "\x01" + k
	}
	return k
}

// parent is what an operation on the node's parent is about.
func (a *address) parent() []string { return a.keys[:max(len(a.keys)-1, 0)] }
