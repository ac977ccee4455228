package load

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// garbage is what may lie about before it is collected, where the machine has the
// memory: a collection takes a core or two for tens of milliseconds, which would
// be in the percentiles of a load that has many in a minute.
const garbage = 1 << 30

// CollectLess lets the garbage of this process grow to a gigabyte, to a quarter of
// the memory that is free where that is less, and at least to what is in use. It
// gives back how it was.
func CollectLess() (undo func()) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := debug.SetGCPercent(int(max(100*min(garbage, free()/4)/max(m.HeapAlloc, 1<<20), 100))) //nolint:gosec // up to 100,000
	return func() { debug.SetGCPercent(before) }
}

// free is the memory that the machine has to give, in bytes; a gigabyte where it
// does not say.
func free() uint64 {
	raw, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 1 << 30 // not Linux
	}
	for line := range strings.Lines(string(raw)) {
		var kib uint64
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return 1 << 30
}
