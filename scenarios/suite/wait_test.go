package suite

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestStarving: a process that runs is not starved.
func TestStarving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		starved := Starving()
		<-time.After(time.Second)
		if starved() {
			t.Error("starved, on a machine with nothing else to do")
		}
		never := starving(time.Millisecond, nil)
		<-time.After(time.Second)
		if !never() {
			t.Error("not starved, though no tick came")
		}
	})
}

// TestPatient: a wait ends after its time, or with the run, or at once if there is no
// time.
func TestPatient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, d := range []time.Duration{time.Second, 700 * time.Millisecond, 15 * time.Second, time.Millisecond} {
			began := time.Now()
			over, cancel := patient(t.Context(), d)
			<-over.Done()
			cancel()
			if took := time.Since(began); took < d || took > d+50*time.Millisecond {
				t.Errorf("%s took %s", d, took)
			}
		}
		run, end := context.WithCancel(t.Context())
		over, cancel := patient(run, time.Hour)
		defer cancel()
		end()
		<-over.Done()
		over, cancel = patient(t.Context(), 0)
		defer cancel()
		if over.Err() == nil {
			t.Error("a wait of nothing waits")
		}
	})
}
