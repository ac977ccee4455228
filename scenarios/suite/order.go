package suite

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// shuffled returns the list with areas, and scenarios within them, in an order drawn
// from the seed: no scenario may depend on what another leaves behind.
func shuffled(list []Scenario, seed uint64) []Scenario {
	draw := rand.New(rand.NewPCG(seed, 3)) //nolint:gosec // an order, not a secret
	areas := map[string]int{}
	for _, s := range list {
		areas[s.Area()] = 0
	}
	names := slices.Sorted(maps.Keys(areas))
	for i, k := range draw.Perm(len(names)) {
		areas[names[i]] = k
	}
	list = slices.Clone(list)
	draw.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	slices.SortStableFunc(list, func(a, b Scenario) int { return areas[a.Area()] - areas[b.Area()] })
	return list
}
