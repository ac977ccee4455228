package load

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
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
// that the machine or the container has free, or GOMEMLIMIT allows. It gives back
// how it was. Where GOGC is set, that is the user's word, and nothing is changed.
//
// Go knows a percentage of what is in use, and what is in use grows a hundredfold
// where a server is late and sessions wait: the percentage is set anew after each
// collection, so that the garbage has the same bound.
func CollectLess(perSecond float64) (undo func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	debug.FreeOSMemory() // what the enrollment used is not needed any more
	rated := min(uint64(min(perSecond, maxRate)*perWake*between), maxGarbage, free()/4)
	garbage := max(rated, min(inUse()*minPercent/100, maxGarbage/4, free()/4))
	bound.Lock()
	defer bound.Unlock()
	was := bound.garbage
	bound.garbage = garbage
	before := keep()
	if rated > was {
		touch(rated)
		runtime.GC()
		keep()
	}
	if !bound.kept {
		bound.kept = true
		keepAfter()
	}
	return func() {
		bound.Lock()
		defer bound.Unlock()
		bound.garbage = was
		debug.SetGCPercent(before)
	}
}

// touch has the system give the memory now: the first use of a page is slow, and
// where all of them come in the first seconds of a load (on a virtual machine, from
// its host), they are its percentiles.
func touch(size uint64) {
	const chunk, page = 1 << 20, 4 << 10
	var list [][]byte
	for range size / chunk {
		b := make([]byte, chunk)
		for i := 0; i < chunk; i += page {
			b[i] = 1
		}
		list = append(list, b)
	}
	runtime.KeepAlive(list)
}

// bound is how much garbage there may be, the latest word on it; 0 is that of Go.
var bound struct {
	sync.Mutex
	garbage uint64
	kept    bool // after each collection
}

// keep sets the percentage that lets the garbage grow to its bound.
func keep() (before int) {
	return debug.SetGCPercent(int(max(100*bound.garbage/inUse(), 100))) //nolint:gosec // up to 200,000
}

// keepAfter keeps the bound after the next collection, and each that follows.
func keepAfter() {
	runtime.SetFinalizer(&sentinel{}, func(*sentinel) {
		bound.Lock()
		defer bound.Unlock()
		if bound.kept = bound.garbage > 0; bound.kept {
			keep()
			keepAfter()
		}
	})
}

// sentinel is what the next collection finds unused. It has a pointer: small
// objects without one share a block, and live as long as the others in it.
type sentinel struct{ _ *sentinel }

// inUse is what the last collection found in use, in bytes.
func inUse() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	return max(s[0].Value.Uint64(), 1<<20)
}

// free is the memory that the machine, the container, or GOMEMLIMIT has to give,
// in bytes; a gigabyte where none says.
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
	limit := uint64(max(debug.SetMemoryLimit(-1), 0)) // a negative one asks
	return min(have, limit-min(inUse(), limit))
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
