package load

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/dmwake/dmwake/harness/load/result"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// traceHeader is the header of W3C Trace Context (Recommendation of 23 November 2021,
// section 3.2), in lower case, as it asks senders to write it:
//
//	traceparent: VERSION-TRACE_ID-PARENT_ID-FLAGS
//
// The trace id is 16 bytes and the same in all requests that belong together, the
// parent id is 8 bytes and names one request. Both are lower-case hexadecimal digits,
// not all 0. Flag 01 says that the caller records the trace, so that servers do, too.
const traceHeader = "traceparent"

// trace is what is kept of a wake-up for the list of traces.
type trace struct {
	id      string
	session string // the id in the requests of its session
	stages  map[result.Stage]int64
	took    int64 // microseconds
}

// newTrace makes the trace of a wake-up; nil without --trace-headers. The seed, the
// batch and the wake-up's number in it decide on the id, so that machines that share a
// load have different ones.
func (r *Run) newTrace(batch uint64, number int64) *trace {
	if !r.opts.TraceHeaders {
		return nil
	}
	var b [24]byte
	binary.BigEndian.PutUint64(b[:8], r.opts.Seed)
	binary.BigEndian.PutUint64(b[8:16], batch)
	binary.BigEndian.PutUint64(b[16:], uint64(number)) //nolint:gosec // it is not negative
	sum := sha256.Sum256(b[:])
	return &trace{id: hex.EncodeToString(sum[:16]), stages: map[result.Stage]int64{}}
}

// parent is the header of one request of a trace. who and k tell requests apart.
func parent(id, who string, k int) string {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(id+who), uint64(k))) //nolint:gosec // it is not negative
	return "00-" + id + "-" + hex.EncodeToString(sum[:8]) + "-01"
}

// hook is the header of the k-th request of a trigger; empty for no trace.
func (t *trace) hook(k int) string {
	if t == nil {
		return ""
	}
	return parent(t.id, "hook", k)
}

// record notes a stage.
func (t *trace) record(stage result.Stage, d time.Duration) {
	if t == nil {
		return
	}
	t.stages[stage] = d.Microseconds()
	if stage == result.Whole || stage == result.Polled {
		t.took = d.Microseconds()
	}
}

// served notes the session of a wake-up.
func (t *trace) served(s *session) {
	if t != nil {
		t.session = carried(s.Session)
	}
}

// header adds the trace of a session to a request of it. The first request decides:
// it has the id of the first wake-up that the session is for.
func (r *Run) header(d *dmclient.Device, s *dmclient.Session, h http.Header) {
	id := carried(s)
	if len(s.Exchanges) == 0 {
		r.mu.Lock()
		id = r.leader(d.Identity().DeviceID, s)
		r.mu.Unlock()
	}
	if id != "" {
		h[traceHeader] = []string{parent(id, "session "+s.ID, len(s.Exchanges))}
	}
}

// carried is the trace id in a session's first request; empty without one.
func carried(s *dmclient.Session) string {
	if len(s.Exchanges) == 0 {
		return ""
	}
	if v := s.Exchanges[0].Header[traceHeader]; len(v) == 1 { //nolint:staticcheck // in lower case, as it was sent
		if _, rest, ok := strings.Cut(v[0], "-"); ok {
			id, _, _ := strings.Cut(rest, "-")
			return id
		}
	}
	return ""
}

// leader is the trace id of the first wake-up that a session is for: one whose
// notification arrived, otherwise one whose work is queued. The journal, which says
// what arrived, may be read a moment later.
func (r *Run) leader(device string, s *dmclient.Session) (id string) {
	d, began := r.known(device), r.since(s.Started)
	if d == nil {
		return ""
	}
	for _, w := range d.open {
		switch {
		case w.done || w.trace == nil:
		case s.Origin == dmclient.OriginPush && w.arrived != 0 && w.arrived <= began:
			return w.trace.id
		case id == "" && w.queuedBy(began):
			id = w.trace.id
		}
	}
	return id
}

// traced lists a wake-up of which all is known. why says why it did not succeed. The
// caller holds r.mu.
func (r *Run) traced(w *wakeup, why string) {
	if w.trace == nil || !w.counted {
		return
	}
	t := result.Traced{TraceID: w.trace.id, Device: r.pool.roster.id(w.device), At: (w.due - w.batch.base).Seconds(), Took: w.trace.took, Stages: w.trace.stages, Error: why}
	if w.trace.session != w.trace.id {
		t.Session = w.trace.session
	}
	if w.batch.tally.traces == nil {
		w.batch.tally.traces = &result.Traces{}
	}
	w.batch.tally.traces.Add(t)
}

// whyNot is why a wake-up that is done did not succeed; empty if it did.
func (w *wakeup) whyNot() string {
	if w.outcome == outcomeFailed {
		return w.trouble
	}
	return ""
}
