package control

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/dmwake/dmwake/fakewns"
)

// filters are the query parameters of the journal.
var filters = []string{"kind", "device", "app", "channel", "status", "delivery", "fault", "violated", "since", "limit", "reveal"}

// filter reads them; an absent parameter accepts everything.
func filter(q url.Values) (want func(*fakewns.Entry) bool, since uint64, limit int, err error) {
	number := func(name string) (n int) {
		if v := q.Get(name); v != "" && err == nil {
			if n, err = strconv.Atoi(v); err != nil || n < 0 {
				err = fmt.Errorf("%s=%q is not a number from 0 up", name, v)
			}
		}
		return n
	}
	since, limit = uint64(max(number("since"), 0)), number("limit")
	status := number("status")
	text := func(name, value string) bool { return q.Get(name) == "" || strings.EqualFold(q.Get(name), value) }
	rule := fakewns.Rule(q.Get("violated"))
	return func(e *fakewns.Entry) bool {
		return text("kind", string(e.Kind)) && text("device", e.Device) && text("app", e.App) && text("channel", e.ChannelID()) &&
			text("delivery", string(e.Delivery)) && text("fault", e.Fault) && (status == 0 || e.Status == status) && (rule == "" || e.Violated(rule) != "")
	}, since, limit, err
}

// entryView is an entry as JSON, with its secrets if they are asked for. An entry that
// was kept in a file has none.
type entryView struct {
	entry  *fakewns.Entry
	reveal bool
}

// MarshalJSON implements json.Marshaler.
func (v entryView) MarshalJSON() ([]byte, error) {
	if v.reveal {
		return v.entry.Revealed()
	}
	return v.entry.MarshalJSON()
}

func views(list []*fakewns.Entry, reveal bool) []entryView {
	out := make([]entryView, len(list))
	for i, e := range list {
		out[i] = entryView{e, reveal}
	}
	return out
}

// journal writes the entries, oldest first: as one JSON value, or as lines for
// application/x-ndjson.
func (a *api) journal(w http.ResponseWriter, r *http.Request) {
	want, since, limit, err := filter(r.URL.Query())
	if err == nil {
		err = parameters(r, filters...)
	}
	if err != nil {
		answer(func(*http.Request) (any, error) { return nil, err }).ServeHTTP(w, r)
		return
	}
	list := views(a.wns.Journal().Since(since, want), reveals(r))
	if limit > 0 && len(list) > limit {
		list = list[len(list)-limit:]
	}
	enc := json.NewEncoder(w)
	if strings.Contains(r.Header.Get("Accept"), "application/x-ndjson") {
		w.Header().Set("Content-Type", "application/x-ndjson")
		for _, e := range list {
			if enc.Encode(e) != nil {
				return // the client is gone
			}
		}
		return
	}
	w.Header().Set("Content-Type", "application/json")
	enc.Encode(list) //nolint:errcheck // the client is gone
}

// stream sends every new or changed entry as Server-Sent Events: "entry" with
// the entry, and "missed" with the number of changes that a slow reader lost.
func (a *api) stream(w http.ResponseWriter, r *http.Request) {
	want, _, _, err := filter(r.URL.Query())
	if err == nil {
		err = parameters(r, append(filters[:8:8], "reveal")...)
	}
	if err != nil {
		answer(func(*http.Request) (any, error) { return nil, err }).ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	if err := out.SetReadDeadline(time.Time{}); err != nil {
		return // the stream lasts longer than a request may
	}
	from := a.wns.Journal().Changes()
	fmt.Fprint(w, ": the journal of a fake WNS\n\n")
	if out.Flush() != nil {
		return
	}
	a.wns.Journal().Watch(r.Context(), from, func(e *fakewns.Entry, missed uint64) error { //nolint:errcheck // it ends with its reader
		if missed > 0 {
			fmt.Fprintf(w, "event: missed\ndata: {\"missed\":%d}\n\n", missed)
		}
		if !want(e) {
			return nil
		}
		data, err := json.Marshal(entryView{e, reveals(r)})
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "id: %d\nevent: entry\ndata: %s\n\n", e.Seq, data); err != nil {
			return err
		}
		return out.Flush()
	})
}

func (a *api) clearJournal(*http.Request) (any, error) { return nil, a.wns.Journal().Clear() }
