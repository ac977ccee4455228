// Command scale works out what large loads need, from costs that were measured
// (harness/docs/speed.md), and simulates how long wake-ups wait for a core. It
// prints the tables of harness/docs/scale.md.
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

// costs are what was measured on one machine; speed.md says how.
type costs struct {
	wake     time.Duration // CPU of a wake-up on a kept connection, triggered by an HTTP hook: dmwake's part, the server's left out
	fresh    time.Duration // what a full handshake adds on the device's side, with what a whole device needs
	enroll   time.Duration // CPU of an enrollment with the first session, on the device's side
	heap     int           // bytes of a device at rest in a load process, its channel included
	resident int           // bytes of a whole device with its connection
	wakeNet  int           // bytes on the wire of a wake-up, both ways, kept connections
	freshNet int           // what a handshake adds
}

// stage is one use of a core on the way of a wake-up.
type stage struct{ mean, deviation float64 } // microseconds

// machine is one of those that share the load.
type machine struct {
	cores int
	// A garbage collection takes a quarter of the cores while it marks.
	gcEvery, gcLasts float64 // microseconds
}

// job is a wake-up that is ready for its next stage.
type job struct {
	at    float64 // when it is
	born  float64 // when what is measured began
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

// simulate lets n wake-ups arrive as independent users would, rate of them a
// second, at one machine. Each passes the stages, waits for a core before each, in
// the order of being ready. It gives the times from the end of stage from, or from
// the arrival where that is -1, to the end of stage to: sorted, in microseconds.
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
		j := heap.Pop(&q).(job) //nolint:forcetypeassert // there are only jobs
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

// free is when a core that is free at a time can be had: while the collector
// marks, a quarter of the cores, one at least, cannot.
func (m machine) free(core int, at float64) float64 {
	if m.gcEvery == 0 || core >= max(m.cores/4, 1) {
		return at
	}
	if in := math.Mod(at, m.gcEvery); in < m.gcLasts {
		return at - in + m.gcLasts
	}
	return at
}

// draw is a lognormal time: most take about the mean, a few much longer.
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
