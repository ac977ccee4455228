package load

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// A collection takes a core or two for tens of milliseconds. Where it comes every
// second, it is the percentiles of a load; every ten seconds it is beyond the 99th.
const (
	perWake    = 100 << 10 // bytes of garbage that a wake-up leaves, about
	between    = 12        // seconds between two collections
	maxGarbage = 2 << 30
	minPercent = 400 // of what is in use: less often than Go by itself
)

// CollectLess lets the garbage of this process grow to what so many wake-ups a
// second leave in some ten seconds: up to 2 GB, and up to a quarter of the memory
// that the machine or the container has free. It gives back how it was. Where GOGC is set, that is the user's
// word, and nothing is changed.
func CollectLess(perSecond float64) (undo func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	used := max(m.HeapAlloc, 1<<20)
	garbage := min(uint64(min(perSecond, maxRate)*perWake*between), maxGarbage)
	garbage = min(max(garbage, min(used*minPercent/100, maxGarbage/4)), free()/4)
	before := debug.SetGCPercent(int(max(100*garbage/used, 100))) //nolint:gosec // up to 200,000
	return func() { debug.SetGCPercent(before) }
}

// free is the memory that the machine, or the container, has to give, in bytes; a
// gigabyte where it does not say.
func free() uint64 {
	have := uint64(1 << 30)
	if raw, err := os.ReadFile("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(raw)) {
			var kib uint64
			if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kib); n == 1 {
				have = kib << 10
			}
		}
	}
	for limit, used := range map[string]string{"memory.max": "memory.current", "memory/memory.limit_in_bytes": "memory/memory.usage_in_bytes"} {
		most, ok1 := number("/sys/fs/cgroup/" + limit)
		now, ok2 := number("/sys/fs/cgroup/" + used)
		if ok1 && ok2 && now < most {
			have = min(have, most-now)
		}
	}
	return have
}

// number reads a file that holds one; "max" is none.
func number(path string) (n uint64, ok bool) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err = strconv.ParseUint(strings.TrimSpace(string(raw)), 10, 64)
	return n, err == nil
}
