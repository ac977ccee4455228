package syncml

import (
	"runtime"
	"testing"
)

// ways a document is read: by quick, by etree, and by Lint.
var ways = []struct {
	name string
	odd  bool // left to etree
	do   func(b []byte) error
}{
	{"quick", false, func(b []byte) error { _, err := Read(b); return err }},
	{"etree", true, func(b []byte) error { _, err := Read(b); return err }},
	{"lint", false, func(b []byte) error { Lint(b); return nil }},
}

// TestShapesAreRead: documents that are lawful and near the limit are read, and
// quick reads them.
func TestShapesAreRead(t *testing.T) {
	limits := Limits{}.withDefaults()
	for _, s := range shapes {
		b := s.message(DefaultBytes, false)
		if len(b) > DefaultBytes || len(b) < DefaultBytes*9/10 {
			t.Fatalf("%s: %d bytes", s.name, len(b))
		}
		if nodes, ok := quick(b, limits); !ok {
			t.Errorf("%s: not read by quick", s.name)
		} else {
			giveNodes(nodes)
		}
		if _, err := Read(s.message(DefaultBytes, false)); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		if _, err := Read(s.message(DefaultBytes/4, true)); err != nil {
			t.Errorf("%s: by etree: %v", s.name, err)
		}
		for _, odd := range []bool{false, true} {
			same(t, s.message(2000, odd), limits)
			agree(t, s.message(2000, odd), limits)
		}
	}
}

// TestMemoryIsLinear counts bytes: twice the document takes twice the memory. A
// quadratic step takes four times. What takes only time is held by
// BenchmarkReadGrowth.
func TestMemoryIsLinear(t *testing.T) {
	const n, slack = 128 << 10, 1 << 20 // slack: nodes that are kept, or not, for the next message
	for _, s := range shapes {
		for _, w := range ways {
			taken := func(n int) uint64 {
				b := s.message(n, w.odd)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				if err := w.do(b); err != nil {
					t.Fatalf("%s: %v", s.name, err)
				}
				runtime.ReadMemStats(&after)
				return after.TotalAlloc - before.TotalAlloc
			}
			once, twice := taken(n), taken(2*n)
			if twice > 3*once+slack || twice > 400*2*n {
				t.Errorf("%s by %s: %d bytes of XML take %d, twice as many %d", s.name, w.name, n, once, twice)
			}
		}
	}
}
