package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/dmwake/dmwake/harness/devices"
	"github.com/dmwake/dmwake/harness/printable"
)

// mostEvents is how many events one answer has.
const mostEvents = 1000

// Events are events of the devices, oldest first.
type Events struct {
	Events []devices.Event `json:"events"`
	// Lost is how many events after since are no longer kept. More says that there are
	// further events after the last one of this answer.
	Lost uint64 `json:"lost"`
	More bool   `json:"more"`
	Mark uint64 `json:"mark"` // of the last event here; for since
}

// since is the mark that a request names.
func since(r *http.Request) (mark uint64, err error) {
	v := r.URL.Query().Get("since")
	if v == "" {
		return 0, nil
	}
	if mark, err = strconv.ParseUint(v, 10, 64); err != nil {
		return 0, invalid("since=%q is not a number from 0 up", v)
	}
	return mark, nil
}

// selects makes the filter of a request for events.
func (a *api) selects(r *http.Request) (func(*devices.Event) bool, error) {
	q := r.URL.Query()
	space, kind, id := q.Get("namespace"), devices.Kind(q.Get("kind")), q.Get("device")
	if id != "" {
		d, err := a.pool.Device(id, false)
		if err != nil {
			return nil, err
		}
		id = d.ID
	}
	return func(e *devices.Event) bool {
		return (space == "" || e.Namespace == space) && (kind == "" || e.Kind == kind) && (id == "" || e.Device == id)
	}, nil
}

func (a *api) events(r *http.Request) (any, error) {
	if err := parameters(r, "since", "namespace", "device", "kind", "reveal"); err != nil {
		return nil, err
	}
	from, err := since(r)
	if err != nil {
		return nil, err
	}
	want, err := a.selects(r)
	if err != nil {
		return nil, err
	}
	out := Events{Events: []devices.Event{}, Mark: a.pool.Mark()}
	var all []devices.Event
	all, out.Lost = a.pool.Events(from, want)
	for _, e := range all {
		if len(out.Events) == mostEvents {
			out.More, out.Mark = true, out.Events[mostEvents-1].Seq
			break
		}
		if !reveals(r) {
			e = e.Redacted()
		}
		out.Events = append(out.Events, e)
	}
	return out, nil
}

// stream sends every event as Server-Sent Events: "event" with the event, and "lost"
// with the number of events that a slow reader lost.
func (a *api) stream(w http.ResponseWriter, r *http.Request) {
	var from uint64
	var want func(*devices.Event) bool
	err := parameters(r, "since", "namespace", "device", "kind", "reveal")
	if err == nil {
		from, err = since(r)
	}
	if err == nil {
		want, err = a.selects(r)
	}
	if err != nil {
		answer(func(*http.Request) (any, error) { return nil, err }).ServeHTTP(w, r)
		return
	}
	if !r.URL.Query().Has("since") {
		from = a.pool.Mark()
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	if err := out.SetReadDeadline(time.Time{}); err != nil {
		return // the stream lasts longer than a request may
	}
	fmt.Fprint(w, ": what happens to the devices of a lab\n\n")
	if out.Flush() != nil {
		return
	}
	a.pool.Watch(r.Context(), from, func(e devices.Event, lost uint64) error { //nolint:errcheck // it ends with its reader
		if lost > 0 {
			fmt.Fprintf(w, "event: lost\ndata: {\"lost\":%d}\n\n", lost)
		}
		if !want(&e) {
			return nil
		}
		if !reveals(r) {
			e = e.Redacted()
		}
		data, err := json.Marshal(e)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(printable.NewWriter(w, false), "id: %d\nevent: event\ndata: %s\n\n", e.Seq, data); err != nil {
			return err
		}
		return out.Flush()
	})
}
