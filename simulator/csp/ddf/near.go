package ddf

import (
	"cmp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/dmwake/dmwake/simulator/csp"
)

// Near are paths that a mistyped LocURI may mean, best first, at most three: nodes with
// the same name anywhere, and nodes with a similar one in the same place.
func (s *Set) Near(locURI string) []string {
	uri, _, _ := strings.Cut(locURI, "?")
	p, err := csp.ParsePath(uri)
	if err != nil || len(p.Names) == 0 {
		return nil
	}
	type found struct {
		path string
		far  int
	}
	var out []found
	whole := strings.ToLower(strings.Join(p.Names, "/"))
	given := strings.Split(whole, "/")
	last, above := given[len(given)-1], given[:len(given)-1]
	if len(last) > 200 || len(whole) > 500 {
		return nil
	}
	for i := range s.nodes {
		n := &s.nodes[i]
		name := strings.ToLower(n.Name())
		most := min(5, 1+len(last)/5)
		if n.Dynamic() || abs(len(name)-len(last)) > most {
			continue
		}
		far := levenshtein.ComputeDistance(last, name)
		if far > most {
			continue
		}
		list, scope := names(n.Path)
		path := strings.Split(strings.ToLower(strings.Join(list, "/")), "/")
		if far > 0 && !similar(above, path[:len(path)-1]) || len(last) < 3 {
			continue
		}
		far = far*100 + min(80, levenshtein.ComputeDistance(whole, strings.Join(path, "/"))) + abs(int(scope-p.Scope))
		out = append(out, found{n.Path, far})
	}
	slices.SortStableFunc(out, func(a, b found) int { return cmp.Compare(a.far, b.far) })
	var paths []string
	for _, f := range out[:min(3, len(out))] {
		paths = append(paths, f.path)
	}
	return paths
}

// similar reports whether a place may be another one mistyped. Above a node with any
// name, the place of that node decides.
func similar(given, place []string) bool {
	for len(given) > 0 && len(place) > 0 {
		name := place[len(place)-1]
		if !strings.HasPrefix(name, "{") {
			return levenshtein.ComputeDistance(given[len(given)-1], name) <= min(2, len(name)/4)
		}
		given, place = given[:len(given)-1], place[:len(place)-1]
	}
	return len(given) == len(place)
}

func abs(n int) int { return max(n, -n) }

// beginning is the described node whose path ends as p does, if nothing in a Windows
// begins as p does: a server left out what stands before the name of a CSP or of a
// policy's area, as in ./Camera/AllowCamera. Windows 10 and 11 have ./Device, ./User and
// ./Vendor, OMA's ./DevInfo, ./DevDetail and ./DMAcc (Learn, "OMA DM protocol support"
// and the CSPs' pages), and ./cimv2 for classes of WMI (Learn, "WMI providers supported
// in Windows").
func (s *Set) beginning(p csp.Path) *Node {
	first := strings.ToLower(p.Names[0])
	if len(p.Names) < 2 || slices.Contains([]string{"device", "user", "vendor", "cimv2", "syncml"}, first) || s.roots[csp.DeviceScope].kids[first] != nil {
		return nil
	}
	for _, above := range [][]string{{"Vendor", "MSFT"}, {"Vendor", "MSFT", "Policy", "Config"}} {
		for _, scope := range []csp.Scope{p.Scope, csp.DeviceScope, csp.UserScope} {
			if m := s.find(csp.Path{Scope: scope, Names: slices.Concat(above, p.Names)}); m.Node != nil {
				return m.Node
			}
		}
	}
	return nil
}
