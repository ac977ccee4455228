package compare

import (
	"html"
	"strings"
)

// sameBytes reports whether two messages with equal elements have equal bytes, but
// for skipped values and white space between elements. If not, it gives the first
// place of both where they differ. spaces is how often only white space differs.
func sameBytes(seen, sim string, skipped map[[2]string]bool) (same bool, atReal, atSim string, spaces int) {
	a, spacesA := tokens(seen)
	b, spacesB := tokens(sim)
	spaces = max(spacesA-spacesB, spacesB-spacesA)
	for i := range a {
		if i >= len(b) {
			return false, a[i], "the end", spaces
		}
		if a[i] == b[i] || strings.Contains(a[i], hidden) && !strings.HasPrefix(a[i], "<") || skipped[[2]string{html.UnescapeString(a[i]), html.UnescapeString(b[i])}] {
			continue
		}
		return false, a[i], b[i], spaces
	}
	if len(b) > len(a) {
		return false, "the end", b[len(a)], spaces
	}
	return true, "", "", spaces
}

// tokens are the tags of a message and the texts between them. White space between
// two tags is only counted.
func tokens(s string) (out []string, spaces int) {
	for s != "" {
		n := strings.IndexByte(s, '<')
		if n == 0 {
			if n = strings.IndexByte(s, '>') + 1; n == 0 {
				n = len(s)
			}
		} else if n < 0 {
			n = len(s)
		}
		if t := s[:n]; strings.TrimSpace(t) != "" {
			out = append(out, t)
		} else {
			spaces++
		}
		s = s[n:]
	}
	return out, spaces
}
