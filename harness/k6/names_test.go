package dmwake

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dmwake/dmwake/harness/load"
)

// TestOptionNames: errors name the keys of the script, and each of these exists.
func TestOptionNames(t *testing.T) {
	known := map[string]bool{"rate": true, "duration": true, "--execution-segment": true} // arguments of rate, and a flag
	for _, options := range []reflect.Type{reflect.TypeFor[Options](), reflect.TypeFor[plan]()} {
		for f := range options.Fields() {
			known[f.Tag.Get("json")] = true
		}
	}
	for field, key := range keyOf {
		if !known[key] {
			t.Errorf("%s: the script has no %s", field, key)
		}
	}
	_, err := load.ParsePlan("5", time.Second, 2*time.Second)
	if got := inKeys(fmt.Errorf("batch 1: %w", err)).Error(); !strings.HasPrefix(got, "warmup: 2s leaves nothing") {
		t.Error(got)
	}
	if other := errors.New("other"); inKeys(other).Error() != "other" {
		t.Error("another error was changed")
	}
}
