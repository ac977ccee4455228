// Package nearest finds the name that a misspelt one most likely means.
package nearest

import (
	"strings"

	"github.com/agnivade/levenshtein"
)

// Of is the known name that is nearest to a misspelt one, in any case of letters; empty
// if none is near. The first letters of a name are near to it, and so is a name in
// which two letters are others, or one in four of a long one. It is linear in the length
// of name, which may come from outside.
func Of(name string, known []string) (best string) {
	given := strings.ToLower(name)
	least := max(2, len(given)/4) + 1
	for _, k := range known {
		full := strings.ToLower(k)
		if len(given) > 2 && strings.HasPrefix(full, given) {
			return k
		}
		if len(given) > len(full)+least {
			continue
		}
		if d := levenshtein.ComputeDistance(given, full); d < least && d < len(given) && d < len(full) {
			best, least = k, d
		}
	}
	return best
}

// Hint is "; did you mean x?", or empty if no name is near: the end of an error about
// an unknown name.
func Hint(name string, known []string) string {
	if near := Of(name, known); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}
