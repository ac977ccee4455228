package load

import (
	"errors"
	"syscall"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
)

// tally counts the wake-ups of a batch by outcome.
type tally struct {
	stages map[result.Stage]result.Histogram

	// Without the warm-up:
	started, done, polled, failures, lost, unfinished int64

	empty   int64         // done, but no session delivered their work
	warm    int64         // started in the warm-up
	over    int64         // ended in any way, including the warm-up
	latest  time.Duration // when the last session of a done wake-up ended
	errors  map[string]int64
	noPorts bool // this machine ran out of ports

	traces *result.Traces // nil: none
	course result.Course
	base   time.Duration // start of the plan
	length time.Duration // of the plan; 0: none
}

// coursePoints is how many points a course has, about.
const coursePoints = 300

func (t *tally) init(b *batch) {
	t.errors, t.base, t.course.Length = map[string]int64{}, b.base, time.Second
	if b.Plan != nil {
		t.length = b.Plan.Duration
		t.course.Length = max(time.Second, (b.Plan.Duration / coursePoints).Round(time.Second))
	}
	t.stages = map[result.Stage]result.Histogram{}
	for _, s := range b.kind().stages() {
		t.stages[s] = result.NewHistogram()
	}
}

// step is the step of the course in which a wake-up was due. Counting by due time
// shows a stall where it happened.
func (t *tally) step(w *wakeup) *result.CourseStep {
	at := w.due - t.base
	if t.length > 0 {
		at = min(at, t.length-1) // the last wake-up may be due at the very end
	}
	return t.course.Step(min(max(int(at/t.course.Length), 0), 4*coursePoints))
}

func (t *tally) start(w *wakeup) {
	t.step(w).Started++
	if w.counted {
		t.started++
	} else {
		t.warm++
	}
}

func (t *tally) finished(w *wakeup, whole time.Duration) {
	t.over++
	t.latest = max(t.latest, w.due+whole)
	s := t.step(w)
	s.Done++
	s.Whole.Record(whole)
	if w.counted {
		t.done++
	}
}

func (t *tally) polledOne(w *wakeup) {
	t.over++
	t.step(w).Done++
	if w.counted {
		t.polled++
	}
}

// maxKinds limits the kinds of errors that are counted separately.
const maxKinds = 40

// failed counts a wake-up that failed, and what its cause says of this machine.
func (t *tally) failed(w *wakeup, kind string, cause error) {
	t.over++
	t.step(w).Failed++
	if !w.counted {
		return
	}
	t.failures++
	t.noPorts = t.noPorts || errors.Is(cause, syscall.EADDRNOTAVAIL)
	if _, known := t.errors[kind]; !known && len(t.errors) >= maxKinds {
		kind = "others"
	}
	t.errors[kind]++
}

func (t *tally) lostOne(w *wakeup, kind string) {
	t.over++
	t.step(w).Lost++
	if w.counted {
		t.lost++
		t.errors["lost: "+kind]++
	}
}

func (t *tally) unfinishedOne(w *wakeup) {
	t.over++
	if w.counted {
		t.unfinished++
	}
}

// counts returns the counts so far.
func (t *tally) counts() result.Counts {
	return result.Counts{Started: t.started, Done: t.done, Polled: t.polled, Failed: t.failures, Lost: t.lost, Unfinished: t.unfinished, Empty: t.empty, Warm: t.warm}
}

// open is the number of wake-ups under way.
func (t *tally) open() int64 { return t.started + t.warm - t.over }
