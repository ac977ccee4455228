package csp

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// ErrBadURI is wrapped by every error about a LocURI; it is answered with 400.
var ErrBadURI = errors.New("invalid LocURI")

// Path is a parsed LocURI: decoded node names from the root down.
type Path struct {
	Scope Scope
	Names []string
}

// Most real LocURIs are under 300 bytes and 15 segments; DevDetail/URI
// publishes no limit (0) on desktops.
const (
	maxURI      = 4096
	maxSegments = 64
)

// ParsePath parses a LocURI. A leading slash, an empty node name and a name that is
// only "*" are invalid (Learn, "OMA DM protocol support"). "./Device/Vendor/X" and
// "./Vendor/X" give the same path.
func ParsePath(locURI string) (Path, error) {
	var p Path
	if len(locURI) > maxURI {
		return p, fmt.Errorf("%w: %d bytes, at most %d", ErrBadURI, len(locURI), maxURI)
	}
	if locURI == "" || locURI[0] == '/' {
		return p, fmt.Errorf("%w %q: it must start with ./", ErrBadURI, locURI)
	}
	rest := strings.TrimSuffix(strings.TrimPrefix(locURI, "./"), "/")
	if rest == "." || rest == "" {
		return p, nil
	}
	parts := strings.Split(rest, "/")
	if len(parts) > maxSegments {
		return p, fmt.Errorf("%w: %d segments, at most %d", ErrBadURI, len(parts), maxSegments)
	}
	for i, s := range parts {
		name, err := url.PathUnescape(s)
		if err != nil {
			return p, fmt.Errorf("%w %q: %w", ErrBadURI, locURI, err)
		}
		if name == "" || name == "*" {
			return p, fmt.Errorf("%w %q: empty or wildcard node name", ErrBadURI, locURI)
		}
		parts[i] = name
	}
	p.Names = parts
	if len(p.Names) > 1 && strings.EqualFold(p.Names[1], "Vendor") || len(p.Names) == 1 {
		switch {
		case strings.EqualFold(p.Names[0], "Device"):
			p.Names = p.Names[1:]
		case strings.EqualFold(p.Names[0], "User"):
			p.Scope = UserScope
			p.Names = p.Names[1:]
		}
	}
	return p, nil
}
