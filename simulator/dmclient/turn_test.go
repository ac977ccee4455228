package dmclient

import (
	"context"
	"errors"
	"testing"
)

// TestTurn: an ended context never takes a turn, be it free or not; the turn stays
// for others.
func TestTurn(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 { // a select chooses among ready cases by chance
		next := make(turn, 1)
		if err := next.take(ended); !errors.Is(err, context.Canceled) {
			t.Fatalf("a free turn was taken: %v", err)
		}
		if err := next.take(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := next.take(ended); !errors.Is(err, context.Canceled) {
			t.Fatalf("a turn was taken twice: %v", err)
		}
	}
}
