package control

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dmwake/dmwake/fakewns"
)

// A page of the journal ends after so many entries or bytes of JSON, so that reading
// it costs little memory, whatever is in it. The next page has a Link header.
const (
	pageEntries = 1000
	pageBytes   = 1 << 20
)

// The journal and its stream have the query parameters in filters; only the journal has
// those in paging.
var (
	filters = []string{"kind", "device", "app", "channel", "status", "delivery", "fault", "violated", "namespace", "reveal"}
	paging  = []string{"since", "until", "limit"}
)

// excerpt is what a reader of the journal asks for.
type excerpt struct {
	want         func(*fakewns.Entry) bool
	since, until uint64 // until 0: no end
	limit        int    // 0: all
}

// filter reads the query parameters; an absent one accepts everything.
func (a *api) filter(q url.Values) (out excerpt, err error) {
	number := func(name string) (n int) {
		if v := q.Get(name); v != "" && err == nil {
			if n, err = strconv.Atoi(v); err != nil || n < 0 {
				err = fmt.Errorf("%s=%q is not a number from 0 up", name, v)
			}
		}
		return n
	}
	out.since, out.until, out.limit = uint64(max(number("since"), 0)), uint64(max(number("until"), 0)), number("limit")
	status := number("status")
	text := func(name, value string) bool { return q.Get(name) == "" || strings.EqualFold(q.Get(name), value) }
	rule := fakewns.Rule(q.Get("violated"))
	out.want = func(e *fakewns.Entry) bool {
		return text("kind", string(e.Kind)) && text("device", e.Device) && text("app", e.App) && text("channel", e.ChannelID()) &&
			text("delivery", string(e.Delivery)) && text("fault", e.Fault) && (status == 0 || e.Status == status) && (rule == "" || e.Violated(rule) != "") &&
			(out.until == 0 || e.Seq < out.until) &&
			(q.Get("namespace") == "" || q.Get("namespace") == a.wns.Namespace(e.Device))
	}
	return out, err
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

// journal writes a page of the entries, oldest first: as one JSON value, or as lines for
// application/x-ndjson.
func (a *api) journal(w http.ResponseWriter, r *http.Request) {
	asked, err := a.filter(r.URL.Query())
	if err == nil {
		err = parameters(r, slices.Concat(filters, paging)...)
	}
	if err != nil {
		answer(func(*http.Request) (any, error) { return nil, err }).ServeHTTP(w, r)
		return
	}
	if asked.until == 0 {
		asked.until = a.wns.Journal().Mark() // all pages together are one moment's journal
	}
	list := a.wns.Journal().Since(asked.since, asked.want)
	if asked.limit > 0 && len(list) > asked.limit {
		list = list[len(list)-asked.limit:]
	}
	form := jsonArray
	if strings.Contains(r.Header.Get("Accept"), "application/x-ndjson") {
		form = jsonLines
	}
	page, rest, err := form.page(list, reveals(r))
	if err != nil {
		answer(func(*http.Request) (any, error) { return nil, err }).ServeHTTP(w, r)
		return
	}
	if len(rest) > 0 {
		next := r.URL.Query()
		next.Del("limit") // the first page counted from the newest
		next.Set("since", strconv.FormatUint(rest[0].Seq, 10))
		next.Set("until", strconv.FormatUint(asked.until, 10))
		w.Header().Set("Link", "<?"+next.Encode()+`>; rel="next"`)
	}
	w.Header().Set("Content-Type", form.mediaType)
	w.Write(page) //nolint:errcheck,gosec // the client is gone; it is JSON, as the media type says
}

// form is how a page is written.
type form struct{ mediaType, open, between, end string }

var (
	jsonArray = form{"application/json", "[", ",", "]\n"}
	jsonLines = form{"application/x-ndjson", "", "\n", "\n"}
)

// page writes the first entries of list; rest did not fit.
func (f form) page(list []*fakewns.Entry, reveal bool) (page []byte, rest []*fakewns.Entry, err error) {
	page = append(page, f.open...)
	for i, e := range list {
		if i == pageEntries || len(page) >= pageBytes {
			rest = list[i:]
			break
		}
		raw, err := json.Marshal(entryView{e, reveal})
		if err != nil {
			return nil, nil, err
		}
		if i > 0 {
			page = append(page, f.between...)
		}
		page = append(page, raw...)
	}
	if f.open == "" && len(list) == 0 {
		return nil, nil, nil
	}
	return append(page, f.end...), rest, nil
}

// stream sends every new or changed entry as Server-Sent Events: "entry" with
// the entry, and "missed" with the number of changes that a slow reader lost.
func (a *api) stream(w http.ResponseWriter, r *http.Request) {
	asked, err := a.filter(r.URL.Query())
	if err == nil {
		err = parameters(r, filters...)
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
		if !asked.want(e) {
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

func (a *api) clearJournal(r *http.Request) (any, error) {
	if err := parameters(r, "namespace"); err != nil {
		return nil, err
	}
	if want := r.URL.Query().Get("namespace"); want != "" {
		_, err := a.wns.Journal().Remove(func(e *fakewns.Entry) bool { return a.wns.Namespace(e.Device) == want })
		return nil, err
	}
	return nil, a.wns.Journal().Clear()
}
