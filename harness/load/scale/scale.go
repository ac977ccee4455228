// Command scale calculates what large loads need from measured costs
// (harness/docs/speed.md), and simulates how long wake-ups wait for a core. It prints
// the tables of harness/docs/scale.md.
package main

import (
	"container/heap"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"time"
)

// costs were measured on one machine, as speed.md describes.
type costs struct {
	wake     time.Duration // CPU per wake-up on a kept connection, triggered by an HTTP hook, without the server
	fresh    time.Duration // CPU that a full handshake and a complete device add, on the device's side
	enroll   time.Duration // CPU per enrollment with the first session, on the device's side
	heap     int           // bytes per device at rest in a load process, including its channel
	resident int           // bytes per resident device with its connection
	wakeNet  int           // bytes on the wire per wake-up, both ways, on kept connections
	freshNet int           // bytes that a handshake adds
}

// stage is one use of a core by a wake-up.
type stage struct{ mean, deviation float64 } // microseconds

// machine is one of the machines that share the load.
type machine struct {
	cores int
	// The garbage collector takes a quarter of the cores while it marks.
	gcEvery, gcLasts float64 // microseconds
}

// job is a wake-up that waits for a core.
type job struct {
	at    float64 // when it is ready for its next stage
	born  float64 // start of the measured time
	stage int
	seq   int
}

type queue []job

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	if q[i].at != q[j].at {
		return q[i].at < q[j].at
	}
	return q[i].seq < q[j].seq
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push implements heap.Interface.
func (q *queue) Push(x any) { *q = append(*q, x.(job)) } //nolint:forcetypeassert // heap.Push is given a job

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	old := *q
	j := old[len(old)-1]
	*q = old[:len(old)-1]
	return j
}

// simulate sends n wake-ups to one machine at random intervals, rate per second on
// average. Each passes all stages and waits for a core before each stage, first come,
// first served. simulate returns the sorted times in microseconds from the end of
// stage from (-1: from the arrival) to the end of stage to.
func simulate(m machine, rate float64, n int, stages []stage, from, to int) []float64 {
	r := rand.New(rand.NewPCG(1, 1))  //nolint:gosec // a simulation
	cores := make([]float64, m.cores) // when each is free
	var q queue
	now, seq := 0.0, 0
	for range n {
		now += r.ExpFloat64() / rate * 1e6
		q = append(q, job{at: now, born: now, seq: seq})
		seq++
	}
	heap.Init(&q)
	var out []float64
	for q.Len() > 0 {
		j := heap.Pop(&q).(job) //nolint:forcetypeassert // the queue has only jobs
		best := 0
		for i := range cores {
			if m.free(i, cores[i]) < m.free(best, cores[best]) {
				best = i
			}
		}
		start := m.free(best, max(cores[best], j.at))
		end := start + draw(r, stages[j.stage])
		cores[best] = end
		if j.stage == from {
			j.born = end
		}
		if j.stage == to {
			out = append(out, end-j.born)
		}
		if j.stage+1 < len(stages) {
			seq++
			heap.Push(&q, job{end, j.born, j.stage + 1, seq})
		}
	}
	slices.Sort(out)
	return out
}

// free is when a core that is idle at a time can start a job. While the collector
// marks, a quarter of the cores, at least one, cannot.
func (m machine) free(core int, at float64) float64 {
	if m.gcEvery == 0 || core >= max(m.cores/4, 1) {
		return at
	}
	if in := math.Mod(at, m.gcEvery); in < m.gcLasts {
		return at - in + m.gcLasts
	}
	return at
}

// draw draws a lognormal time: most are near the mean, a few much longer.
func draw(r *rand.Rand, s stage) float64 {
	if s.deviation == 0 {
		return s.mean
	}
	v := math.Log(1 + s.deviation*s.deviation/(s.mean*s.mean))
	return math.Exp(math.Log(s.mean) - v/2 + math.Sqrt(v)*r.NormFloat64())
}

func quantile(sorted []float64, p float64) float64 {
	return sorted[min(int(p*float64(len(sorted))), len(sorted)-1)]
}

func main() {
	if err := tables(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// tables writes the tables.
func tables(w io.Writer) error {
	for _, f := range []func(io.Writer) error{needs, waits} {
		if err := f(w); err != nil {
			return err
		}
	}
	return nil
}
