package faults

import (
	"sync"
	"time"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/faultspec"
)

// twice delivers a notification twice: no push service promises exactly-once
// delivery.
type twice struct{}

func (twice) Fault() string { return "delivered twice" }

func (twice) Deliver(wake func()) {
	wake()
	wake()
}

// late delivers long after the sender got its 200.
type late time.Duration

func newLate(arg faultspec.Value) (fakewns.Fault, error) {
	d, err := faultspec.Duration(arg.Text(), 5*time.Second)
	return fakewns.Fault{Do: late(d)}, err
}

func (late) Fault() string { return "delivered late" }

func (l late) Deliver(wake func()) { time.AfterFunc(time.Duration(l), wake) }

// reordered holds back every first notification until the second is delivered.
type reordered struct {
	mu   sync.Mutex
	held func()
}

func (*reordered) Fault() string { return "delivered out of order" }

func (r *reordered) Deliver(wake func()) {
	r.mu.Lock()
	first := r.held
	r.held = nil
	if first == nil {
		r.held = wake
	}
	r.mu.Unlock()
	if first != nil {
		wake()
		first()
	}
}
