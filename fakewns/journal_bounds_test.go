package fakewns

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
)

// oversized are requests that anybody can send, each of them near the longest that
// net/http accepts here.
func oversized() map[string]string {
	var tiny, same, names, fields strings.Builder
	for i := range 9000 {
		fmt.Fprintf(&tiny, "%04x:\r\n", i)
		same.WriteString("x:\r\n")
		if i < 2000 {
			fmt.Fprintf(&names, "X-WNS-%x: 1\r\nX-WNS-%x: 2\r\n", i, i)
		}
		if i < 4000 {
			fmt.Fprintf(&fields, "%x&", i)
		}
	}
	const notification = "POST /?token=x HTTP/1.1\r\nHost: db5p.notify.windows.com\r\nContent-Length: 0\r\n"
	long := strings.Repeat("a", 60_000)
	return map[string]string{
		"tiny headers":     notification + tiny.String() + "Authorization: Bearer t\r\n\r\n",
		"one name":         notification + same.String() + "Authorization: Bearer t\r\n\r\n",
		"one long header":  notification + "X: " + long + "\r\nAuthorization: Bearer t\r\n\r\n",
		"headers of WNS":   notification + names.String() + "Authorization: Bearer t\r\n\r\n",
		"long target":      "POST /?token=" + long + " HTTP/1.1\r\nHost: db5p.notify.windows.com\r\nContent-Length: 0\r\nAuthorization: Bearer t\r\n\r\n",
		"long host":        "POST /?token=x HTTP/1.1\r\nHost: " + long + "\r\nContent-Length: 0\r\nAuthorization: Bearer t\r\n\r\n",
		"long method":      long + " /?token=x HTTP/1.1\r\nHost: db5p.notify.windows.com\r\nContent-Length: 0\r\nAuthorization: Bearer t\r\n\r\n",
		"a form of tokens": fmt.Sprintf("POST /accesstoken.srf HTTP/1.1\r\nHost: login.live.com\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\nAuthorization: Bearer t\r\n\r\n%s", fields.Len(), fields.String()),
	}
}

// send sends one raw request n times on a connection of its own.
func send(t *testing.T, s *Local, request string, n int) {
	t.Helper()
	c, err := tls.Dial("tcp", strings.TrimPrefix(s.URL, "https://"), &tls.Config{RootCAs: s.Roots(), MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	for range n {
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode == http.StatusRequestHeaderFieldsTooLarge {
			t.Fatal(resp.Status, err)
		}
	}
}

// TestOversizedRequests: the journal keeps a bounded part of each, says what it leaves
// out, and keeps what the rules are about.
func TestOversizedRequests(t *testing.T) {
	for what, request := range oversized() {
		s := NewServer(Config{})
		send(t, s, request, 1)
		e := s.Journal().Since(0, nil)[0]
		s.Close()
		values, bytes := countValues(e.Header)
		fields, _ := countValues(e.Form)
		if values > maxHeaders || bytes > maxHeaderBytes || fields > maxFields || len(e.Target) > maxTarget || len(e.Violations) > maxRulesBroken {
			t.Errorf("%s: kept %d headers, %d bytes, %d fields, target of %d, %d broken rules", what, values, bytes, fields, len(e.Target), len(e.Violations))
		}
		if !strings.Contains(e.Cut, "not kept") {
			t.Errorf("%s: nothing says what is left out: %q", what, e.Cut)
		}
		if e.BearerToken() != "t" {
			t.Errorf("%s: Authorization is not kept", what)
		}
		if raw, err := e.MarshalJSON(); err != nil || len(raw) > 64<<10 || !strings.Contains(string(raw), `"cut":"`) {
			t.Errorf("%s: %d bytes of JSON, %v", what, len(raw), err)
		}
		if len(e.String()) > 16<<10 {
			t.Errorf("%s: a line of %d bytes", what, len(e.String()))
		}
	}
}

// TestUsualRequestIsKeptWhole: bounds do not touch what senders send.
func TestUsualRequestIsKeptWhole(t *testing.T) {
	s := NewServer(Config{})
	defer s.Close()
	var h strings.Builder
	for i := range 40 {
		fmt.Fprintf(&h, "X-Trace-%d: %s\r\n", i, strings.Repeat("v", 100))
	}
	send(t, s, "POST /?token="+strings.Repeat("a", 1000)+" HTTP/1.1\r\nHost: db5p.notify.windows.com\r\nContent-Length: 0\r\nAuthorization: Bearer "+strings.Repeat("t", 2000)+"\r\n"+h.String()+"\r\n", 1)
	e := s.Journal().Since(0, nil)[0]
	if e.Cut != "" || len(e.Header) != 42 || len(e.BearerToken()) != 2000 {
		t.Errorf("%d headers, cut: %q", len(e.Header), e.Cut)
	}
}

// TestAttackOfTinyHeaders: requests of 9,000 headers, without a credential, leave little
// memory behind. Unbounded, each left more than a megabyte.
func TestAttackOfTinyHeaders(t *testing.T) {
	s := NewServer(Config{})
	defer s.Close()
	heap := func() int {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	before := heap()
	const n = 150
	send(t, s, oversized()["tiny headers"], n)
	if kept := heap() - before; kept > n*32<<10 {
		t.Errorf("%d requests left %d bytes", n, kept)
	}
	bytes, cut := s.Journal().held()
	if cut != n || bytes > n*32<<10 || bytes < n*1000 {
		t.Errorf("%d entries cut, %d bytes counted", cut, bytes)
	}
}

// TestJournalBoundedInBytes: the oldest go first, the newest always stays, and the count
// of bytes is right again after each way to lose entries.
func TestJournalBoundedInBytes(t *testing.T) {
	j := newJournal(100, 64<<10)
	entry := func(n int) *Entry {
		return &Entry{Kind: Notification, Body: make([]byte, n), Device: "d", Delivery: Woken}
	}
	check := func(what string, want int) {
		t.Helper()
		sum := 0
		for _, n := range j.sizes {
			sum += n
		}
		if got := len(j.Since(0, nil)); got != want || sum != j.bytes {
			t.Errorf("%s: %d entries, want %d; %d bytes, counted %d", what, got, want, sum, j.bytes)
		}
	}
	for range 20 {
		j.add(entry(4000))
	}
	check("by bytes", 13)
	if first := j.Since(0, nil)[0].Seq; first != 7 {
		t.Errorf("the oldest is %d", first)
	}
	j.led("d", strings.Repeat("s", 300))
	j.outcome(2, Lost) // dropped already
	check("led", 13)
	j.add(entry(200 << 10))
	check("one that is too long alone", 1)
	for range 150 {
		j.add(entry(0))
	}
	if n := len(j.Since(0, nil)); n > 100 || n < 60 {
		t.Errorf("%d small entries", n)
	}
	if err := j.Clear(); err != nil || j.bytes != 0 {
		t.Errorf("cleared: %d bytes, %v", j.bytes, err)
	}
	j.add(entry(1))
	check("after Clear", 1)
}

// keptKeys is a Store in memory.
type keptKeys map[string]bool

func (k keptKeys) Load(string, func(string, []byte) error) error { return nil }
func (k keptKeys) Err() error                                    { return nil }
func (k keptKeys) Later(records ...Record)                       { k.Save(records...) }
func (k keptKeys) Save(records ...Record) func() error {
	for _, r := range records {
		if r.Value == nil {
			delete(k, r.Key)
		} else {
			k[r.Key] = true
		}
	}
	return nothingKept
}

// TestDroppedEntriesLeaveTheStore: what the journal drops, now or while it loads, does
// not stay in a state file for ever.
func TestDroppedEntriesLeaveTheStore(t *testing.T) {
	stored := keptKeys{}
	j := newJournal(100, 64<<10)
	j.store = stored
	for range 40 {
		j.add(&Entry{Kind: Notification, Body: make([]byte, 4000)})
	}
	if n := len(j.Since(0, nil)); n != len(stored) {
		t.Errorf("%d entries, %d stored", n, len(stored))
	}
	again := newJournal(5, 0)
	for _, e := range j.Since(0, nil) {
		again.restore(e)
	}
	again.store = stored
	again.add(&Entry{Kind: Notification})
	if n := len(again.Since(0, nil)); n != 5 || len(stored) != 5 {
		t.Errorf("after a load into a smaller journal: %d entries, %d stored", n, len(stored))
	}
}
