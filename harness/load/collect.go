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

// A garbage collection takes one or two cores for tens of milliseconds. One every
// second dominates the percentiles of a load; one every ten seconds stays beyond
// the 99th.
const (
	garbagePerWake = 100 << 10 // bytes, about
	gcInterval     = 12        // seconds between two collections
	maxGarbage     = 2 << 30   // bytes
	minPercent     = 400       // of the heap in use; Go's default is 100
	enrollGarbage  = 48 << 20  // bytes; with more, pages stay half used for the whole run
)

// CollectLess lets garbage grow to what so many wake-ups a second leave in about
// ten seconds: at most 2 GB, and at most a quarter of the free memory of the
// machine or container, or of what GOMEMLIMIT leaves. If GOGC is set, CollectLess
// changes nothing. undo restores the previous state.
//
// Go's setting is a percentage of the heap in use, which grows a hundredfold when
// a slow server keeps sessions waiting. The percentage is therefore adjusted
// after each collection, to keep the limit in bytes.
func CollectLess(perSecond float64) (undo func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	debug.FreeOSMemory() // garbage of the enrollment
	rated := min(uint64(min(perSecond, MaxRate)*garbagePerWake*gcInterval), maxGarbage, freeMemory()/4)
	garbage := max(rated, min(heapInUse()*minPercent/100, maxGarbage/4, freeMemory()/4))
	return collectLess(garbage, rated)
}

// CollectLessEnrolling is CollectLess for the time in which devices enroll. With Go's
// setting a tenth of their cost is collections, because what is in use is small
// beside what an enrollment leaves.
func CollectLessEnrolling() (undo func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	return collectLess(min(enrollGarbage, freeMemory()/4), 0)
}

// collectLess lets so much garbage grow, of which ready is allocated now.
func collectLess(garbage, ready uint64) (undo func()) {
	limit.Lock()
	defer limit.Unlock()
	previous := limit.garbage
	limit.garbage = garbage
	percent := setPercent()
	if ready > previous {
		touch(ready)
		runtime.GC()
		setPercent()
	}
	if !limit.kept {
		limit.kept = true
		adjustAfterGC()
	}
	return func() {
		limit.Lock()
		defer limit.Unlock()
		limit.garbage = previous
		debug.SetGCPercent(percent)
	}
}

// touch makes the system hand out memory now. The first use of a page is slow, on
// a virtual machine in particular, and would slow down the first seconds of the
// load.
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

// limit is the limit of the latest CollectLess; 0 leaves it to Go.
var limit struct {
	sync.Mutex
	garbage uint64 // bytes
	kept    bool   // adjustAfterGC is active
}

// setPercent lets garbage grow to the limit, and returns the percentage before.
func setPercent() (before int) {
	return debug.SetGCPercent(int(max(100*limit.garbage/heapInUse(), 100))) //nolint:gosec // up to 200,000
}

// adjustAfterGC calls setPercent after every collection: each finalizes a
// sentinel, which makes the next one.
func adjustAfterGC() {
	runtime.SetFinalizer(&sentinel{}, func(*sentinel) {
		limit.Lock()
		defer limit.Unlock()
		if limit.kept = limit.garbage > 0; limit.kept {
			setPercent()
			adjustAfterGC()
		}
	})
}

// sentinel is garbage that the next collection finds. It holds a pointer because
// Go packs small objects without pointers into shared blocks, where they live as
// long as their neighbours.
type sentinel struct{ _ *sentinel }

// heapInUse is what the last collection found in use, in bytes.
func heapInUse() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	return max(s[0].Value.Uint64(), 1<<20)
}

// freeMemory is the memory that the machine, the container and GOMEMLIMIT leave,
// in bytes. It is a gigabyte if the system does not tell.
func freeMemory() uint64 {
	free := uint64(1 << 30)
	if raw, err := os.ReadFile("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(raw)) {
			var kib uint64
			if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &kib); n == 1 {
				free = kib << 10
			}
		}
	}
	for limitFile, usedFile := range map[string]string{"memory.max": "memory.current", "memory/memory.limit_in_bytes": "memory/memory.usage_in_bytes"} {
		most, ok1 := readNumber("/sys/fs/cgroup/" + limitFile)
		now, ok2 := readNumber("/sys/fs/cgroup/" + usedFile)
		if ok1 && ok2 && now < most {
			free = min(free, most-now)
		}
	}
	goLimit := uint64(max(debug.SetMemoryLimit(-1), 0)) // -1 only reads it
	return min(free, goLimit-min(heapInUse(), goLimit))
}

// readNumber reads a file that holds a number; ok is false for "max".
func readNumber(path string) (n uint64, ok bool) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	n, err = strconv.ParseUint(strings.TrimSpace(string(raw)), 10, 64)
	return n, err == nil
}
