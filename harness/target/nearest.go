package target

import (
	"strings"

	"github.com/agnivade/levenshtein"
)

// Nearest is the known name that a misspelt one most likely means; empty if none
// is near.
func Nearest(name string, known []string) (best string) {
	least := len(name)/3 + 2 // so many letters may differ
	for _, k := range known {
		if d := levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}
