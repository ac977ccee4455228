package enroll

import (
	"crypto"
	"sync"
	"testing"
)

// TestKeyPool: a pool hands out its keys in turn, whoever asks at once; one
// without keys makes a new one each time.
func TestKeyPool(t *testing.T) {
	for name, c := range map[string]struct {
		pool       *KeyPool
		ask, every int // how often each key comes
	}{
		"shared":     {NewKeyPool(2), 6, 3},
		"none":       {NewKeyPool(0), 3, 1},
		"zero value": {&KeyPool{}, 2, 1},
	} {
		var mu sync.Mutex
		var wg sync.WaitGroup
		seen := map[crypto.Signer]int{}
		for range c.ask {
			wg.Go(func() {
				k, err := c.pool.Key()
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				mu.Lock()
				defer mu.Unlock()
				seen[k]++
			})
		}
		wg.Wait()
		if len(seen) != c.ask/c.every {
			t.Errorf("%s: %d keys for %d devices", name, len(seen), c.ask)
		}
		for k, n := range seen {
			if n != c.every || k.Public().(interface{ Size() int }).Size() != keyBits/8 {
				t.Errorf("%s: a key came %d times, want %d", name, n, c.every)
			}
		}
	}
}
