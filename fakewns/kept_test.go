package fakewns

import (
	"errors"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// shelf is a Store in memory that can be full.
type shelf struct {
	mu      sync.Mutex
	full    error
	records map[[2]string][]byte
	later   []Record // while it is full
}

func (s *shelf) Load(bucket string, f func(string, []byte) error) error {
	s.mu.Lock()
	all := maps.Clone(s.records)
	s.mu.Unlock()
	for _, at := range slices.SortedFunc(maps.Keys(all), func(a, b [2]string) int { return strings.Compare(a[1], b[1]) }) {
		if at[0] == bucket {
			if err := f(at[1], all[at]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *shelf) Save(records ...Record) func() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.full; err != nil {
		return func() error { return err }
	}
	s.put(records)
	return nothingKept
}

func (s *shelf) put(records []Record) {
	if s.records == nil {
		s.records = map[[2]string][]byte{}
	}
	for _, r := range append(s.later, records...) {
		if s.records[[2]string{r.Bucket, r.Key}] = r.Value; r.Value == nil {
			delete(s.records, [2]string{r.Bucket, r.Key})
		}
	}
	s.later = nil
}

func (s *shelf) Later(records ...Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full != nil {
		s.later = append(s.later, records...)
		return
	}
	s.put(records)
}

func (s *shelf) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.full
}

func (s *shelf) fill(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.full = err
}

func (s *shelf) count(bucket string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at := range s.records {
		if at[0] == bucket {
			n++
		}
	}
	return n
}

// TestNotKept: a notification that cannot be stored is refused with the reason, whether
// its device is connected or not, and the journal says so in the end.
func TestNotKept(t *testing.T) {
	b, store := newBench(t, Config{}), &shelf{}
	if err := b.Keep(store); err != nil {
		t.Fatal(err)
	}
	for _, state := range []Connection{Connected, Disconnected} {
		b.SetConnection("device", state)
		store.fill(errors.New("the disk is full"))
		resp := b.send(asked)
		if h := resp.Header; resp.StatusCode != 503 || h.Get("X-WNS-STATUS") != "dropped" || h.Get("X-WNS-NOTIFICATIONSTATUS") != "dropped" ||
			!strings.Contains(h.Get("X-WNS-ERROR-DESCRIPTION"), "the disk is full") || h.Get("Retry-After") == "" || h.Get("X-WNS-DEVICECONNECTIONSTATUS") != "" {
			t.Errorf("%s: %d %v", state, resp.StatusCode, resp.Header)
		}
		if e := b.last(); e.Status != 503 || e.Delivery != NotDelivered || e.WNSStatus != "dropped" {
			t.Errorf("%s: journal: %v", state, e)
		}
		if got := b.Stats(); got.StateError == "" || got.Waiting != 0 || got.Notifications[503] != got.Unkept || got.Notifications[200] != 0 {
			t.Errorf("%s: %+v", state, got)
		}
		if _, _, err := b.OpenChannel(t.Context(), "other", DefaultApp.PFN, nil); err == nil || len(b.Channels("other")) != 0 {
			t.Errorf("%s: a channel that is not kept: %v, %d", state, err, len(b.Channels("other")))
		}
		// What needs no store is answered as ever.
		if resp := b.send(func(r *http.Request) { r.Header.Del("Authorization") }); resp.StatusCode != 401 {
			t.Errorf("%s: without a token: %d", state, resp.StatusCode)
		}
		store.fill(nil)
	}
	b.wakes(0)
	if n := store.count(bucketParcels); n != 0 || b.Stats().Unkept != 2 {
		t.Errorf("%d notifications are kept that were refused; %+v", n, b.Stats())
	}
	b.SetConnection("device", Connected)
	if resp := b.send(nil); resp.StatusCode != 200 {
		t.Errorf("later: %d", resp.StatusCode)
	}
	b.wakes(1)
	if n, want := store.count(bucketJournal), int(b.Journal().Mark()); n != want {
		t.Errorf("%d of %d journal entries are kept", n, want)
	}
}

// porter carries notifications when it is told to.
type porter struct {
	mu   sync.Mutex
	away bool
	list []*Parcel
}

func (p *porter) Connection() Connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away {
		return Disconnected
	}
	return Connected
}

func (p *porter) Wake([]byte) { panic("a carrier carries") }

func (p *porter) Carry(x *Parcel) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, x)
}

// took waits for n parcels and takes them; the device is away from now on, or back.
// Wake-ups follow the answer.
func (p *porter) took(away bool, n int) []*Parcel {
	for end := time.Now().Add(30 * time.Second); ; runtime.Gosched() {
		p.mu.Lock()
		if list := p.list; len(list) >= n || time.Now().After(end) {
			p.list, p.away = nil, away
			p.mu.Unlock()
			return list
		}
		p.mu.Unlock()
	}
}

func payloads(list []*Parcel) string {
	var out []string
	for _, p := range list {
		text := string(p.Payload)
		if p.Again {
			text += "!"
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

// TestUndelivered: what does not reach its device waits for it, all of it and in order,
// also after a restart, or is dropped if the sender wanted that; the journal tells.
func TestUndelivered(t *testing.T) {
	for _, kept := range []bool{false, true} {
		b, store, p := newBench(t, Config{}), &shelf{}, &porter{}
		if kept {
			if err := b.Keep(store); err != nil {
				t.Fatal(err)
			}
		}
		uri, _, err := b.OpenChannelFor(t.Context(), "far", DefaultApp.PFN, p)
		if err != nil {
			t.Fatal(err)
		}
		b.channel = uri
		push := func(payload, policy string) {
			t.Helper()
			if resp := b.send(func(r *http.Request) { body(payload)(r); r.Header.Set("X-WNS-Cache-Policy", policy) }); resp.StatusCode != 200 {
				t.Fatalf("%s: %d", payload, resp.StatusCode)
			}
		}
		push("a", "cache")
		push("b", "no-cache")
		push("c", "cache")
		push("d", "cache")
		list := p.took(true, 4)
		if got := payloads(list); got != "a b c d" || kept && store.count(bucketParcels) != 4 {
			t.Fatalf("carried %s; %d are kept", got, store.count(bucketParcels))
		}
		list[0].Arrived()
		for _, x := range list {
			x.Returned()
			x.Arrived() // too late
		}
		want := []Delivery{Woken, Dropped, Cached, Cached}
		for i, e := range b.Journal().Since(b.Journal().Mark()-4, nil) {
			if e.Delivery != want[i] {
				t.Errorf("entry %d is %s, want %s", i, e.Delivery, want[i])
			}
		}
		push("e", "cache")
		push("f", "cache") // replaces e, which was never on its way
		if n := b.Waiting(); n != 3 {
			t.Errorf("%d wait", n)
		}
		s := b.Server
		if kept {
			if n := store.count(bucketParcels); n != 3 {
				t.Errorf("%d are kept", n)
			}
			s = New(Config{})
			if err := s.Keep(store); err != nil {
				t.Fatal(err)
			}
		}
		p.took(false, 0)
		if !s.Attach(uri, p) {
			t.Fatal("the channel is unknown")
		}
		if got := payloads(p.took(false, 3)); got != map[bool]string{false: "c! d! f", true: "c! d! f!"}[kept] {
			t.Errorf("kept %v: carried again %s", kept, got)
		}
	}
}

// TestCarriedTwice: a fault that delivers twice does, and the store has it once.
func TestCarriedTwice(t *testing.T) {
	b, store, p := newBench(t, Config{}), &shelf{}, &porter{}
	if err := b.Keep(store); err != nil {
		t.Fatal(err)
	}
	uri, _, err := b.OpenChannelFor(t.Context(), "far", DefaultApp.PFN, p)
	if err != nil {
		t.Fatal(err)
	}
	b.channel = uri
	b.Inject(Fault{On: Notification, Times: 1, Do: double{}})
	b.Inject(Fault{On: Notification, Times: 1, Lose: true})
	b.send(body("x"))
	b.send(body("lost"))
	b.send(body("y"))
	list := p.took(false, 3)
	if got := payloads(list); got != "x x y" || store.count(bucketParcels) != 2 {
		t.Errorf("carried %s, kept %d", got, store.count(bucketParcels))
	}
	for _, x := range list {
		x.Arrived()
	}
	if n := store.count(bucketParcels); n != 0 {
		t.Errorf("%d are kept still", n)
	}
}

type double struct{}

func (double) Fault() string       { return "twice" }
func (double) Deliver(wake func()) { wake(); wake() }

// TestJournalCatchesUp: after a while in which nothing could be stored, the store has the
// journal as it is, and what was owed to it meanwhile was bounded.
func TestJournalCatchesUp(t *testing.T) {
	b, store := newBench(t, Config{JournalSize: 8}), &shelf{}
	if err := b.Keep(store); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		b.send(nil)
	}
	b.wakes(10)
	store.fill(errors.New("the disk is full"))
	for range 30 {
		b.send(nil)
	}
	if n := len(store.later); n > 30 {
		t.Errorf("%d records are owed", n)
	}
	store.fill(nil)
	b.send(body("last"))
	b.wakes(1)
	again := New(Config{JournalSize: 8})
	if err := again.Keep(store); err != nil {
		t.Fatal(err)
	}
	want, got := b.Journal().Since(0, nil), again.Journal().Since(0, nil)
	if len(got) != 8 || len(want) != 8 || store.count(bucketJournal) != 8 {
		t.Fatalf("%d of %d entries, %d records", len(got), len(want), store.count(bucketJournal))
	}
	for i := range want {
		if got[i].Seq != want[i].Seq || got[i].Status != want[i].Status {
			t.Errorf("entry %d: %v, want %v", i, got[i], want[i])
		}
	}
}
