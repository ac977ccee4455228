package fakewns

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Kind tells the two endpoints apart.
type Kind string

// The kinds of journal entries.
const (
	Token        Kind = "token"
	Notification Kind = "notification"
)

// Delivery is what became of an accepted notification.
type Delivery string

// The outcomes of a notification.
const (
	NotDelivered Delivery = ""
	Woken        Delivery = "woken"
	Lost         Delivery = "lost"
)

// Entry is one request as it came, what was wrong with it and what it was
// answered. It holds secrets: String redacts them.
type Entry struct {
	Seq           uint64
	At            time.Time
	Kind          Kind
	Method        string
	Host          string
	Target        string // request target as it stood in the request line
	Proto         string
	TLS           bool
	Header        http.Header
	Chunked       bool
	ContentLength int64
	Body          []byte
	Form          url.Values // of a token request

	App     string // PFN of the app that was authenticated
	Channel string // URI of the channel that was found
	Device  string

	Status     int
	WNSStatus  string // X-WNS-Status
	Error      string // X-WNS-Error-Description
	RetryAfter string
	Fault      string // name of the injected fault that decided the answer
	Delivery   Delivery
	// Violations are all rules the request broke, not only what it was
	// answered for; Notes are those that the service lets pass.
	Violations []Violation
	Notes      []Violation
}

func newEntry(k Kind, r *http.Request, now time.Time) *Entry {
	return &Entry{
		At: now, Kind: k, Method: r.Method, Host: r.Host, Target: r.RequestURI, Proto: r.Proto, TLS: r.TLS != nil,
		// The server makes a new map for every request and is done with it.
		Header: r.Header, ContentLength: r.ContentLength, Chunked: len(r.TransferEncoding) > 0,
	}
}

func (e *Entry) answer(status int, description string) {
	e.Status, e.Error = status, description
	e.WNSStatus = ""
}

// BearerToken is the token a notification came with.
func (e *Entry) BearerToken() string {
	t, _ := bearer(e.Header)
	return t
}

// String is one line about the entry without secrets.
func (e *Entry) String() string {
	path, query, _ := strings.Cut(e.Target, "?")
	if query != "" {
		path += "?" + redactToken(query)
	}
	s := fmt.Sprintf("%s %s %s%s -> %d", e.At.Format("15:04:05.000"), e.Method, e.Host, path, e.Status)
	if e.Kind == Notification && e.WNSStatus != "" {
		s += " " + e.WNSStatus
	}
	if e.Fault != "" {
		s += " (injected: " + e.Fault + ")"
	}
	for _, v := range e.Violations {
		s += "; " + v.Text
	}
	return s
}

// Journal is a bounded record of requests, oldest dropped first.
type Journal struct {
	mu      sync.Mutex
	ring    []*Entry
	next    uint64 // Seq of the next entry
	waiting int
	changed chan struct{}
}

func newJournal(size int) *Journal {
	if size <= 0 {
		size = 4096
	}
	return &Journal{ring: make([]*Entry, size), changed: make(chan struct{})}
}

func (j *Journal) add(e *Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.Seq = j.next
	j.ring[j.next%uint64(len(j.ring))] = e
	j.next++
	if j.waiting > 0 {
		close(j.changed)
		j.changed = make(chan struct{})
	}
}

// Mark is the Seq of the next entry: what comes after now.
func (j *Journal) Mark() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.next
}

// Since gives the entries from mark on that want accepts, oldest first, as far
// as they are still kept. A nil want accepts all.
func (j *Journal) Since(mark uint64, want func(*Entry) bool) []*Entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.since(mark, want)
}

func (j *Journal) since(mark uint64, want func(*Entry) bool) (out []*Entry) {
	if size := uint64(len(j.ring)); j.next > size && mark < j.next-size {
		mark = j.next - size
	}
	for ; mark < j.next; mark++ {
		if e := j.ring[mark%uint64(len(j.ring))]; want == nil || want(e) {
			out = append(out, e)
		}
	}
	return out
}

// Await waits until n entries from mark on are accepted by want, and gives
// them; ctx bounds the wait. What was found by then comes with the error.
func (j *Journal) Await(ctx context.Context, mark uint64, n int, want func(*Entry) bool) ([]*Entry, error) {
	j.mu.Lock()
	j.waiting++
	defer func() {
		j.mu.Lock()
		j.waiting--
		j.mu.Unlock()
	}()
	for {
		found, changed := j.since(mark, want), j.changed
		j.mu.Unlock()
		if len(found) >= n {
			return found, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return found, fmt.Errorf("%d of %d requests came: %w", len(found), n, ctx.Err())
		}
		j.mu.Lock()
	}
}
