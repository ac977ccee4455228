package control

import (
	"strings"
	"testing"
	"time"
)

// TestClockDoesNotOverflow: the clock ends after 100 years in all, with a word, and never
// goes backwards.
func TestClockDoesNotOverflow(t *testing.T) {
	d, ctx := newDesk(t, Options{}), t.Context()
	const decade = 10 * 365 * 24 * time.Hour
	last := must(d.Now(ctx))(t)
	for i := range 40 {
		now, err := d.Advance(ctx, decade)
		if i < 10 && err != nil || i >= 10 && (err == nil || !strings.Contains(err.Error(), "over 100 years")) {
			t.Fatalf("decade %d: %v", i+1, err)
		}
		if err == nil && !now.After(last) {
			t.Fatalf("from %s to %s", last, now)
		}
		last = must(d.Now(ctx))(t)
	}
	if last.Year() > 2200 {
		t.Errorf("it is %s", last)
	}
	for _, by := range []time.Duration{-time.Hour, 0, 1<<63 - 1, decade + time.Nanosecond} {
		_, err := d.Advance(ctx, by)
		fails(t, err, 400, "is not a positive duration")
	}
}
