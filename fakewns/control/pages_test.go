package control

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/fakewns"
)

// TestJournalPages: each reply is bounded, all pages together have each entry once, in
// order, and nothing that came later; the client follows them.
func TestJournalPages(t *testing.T) {
	d := newDesk(t, Options{})
	const n = 2*pageEntries + 10
	refused := func(target string) {
		d.wns.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, target, http.NoBody))
	}
	for i := range n {
		refused(fmt.Sprintf("/?token=%d", i))
	}
	get := func(query, accept string) (seqs []uint64, next string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.srv.URL+"/v1/journal"+query, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", accept)
		resp := must(http.DefaultClient.Do(req))(t)
		defer resp.Body.Close()
		var list []*fakewns.Entry
		if accept == "application/x-ndjson" {
			lines := bufio.NewScanner(resp.Body)
			lines.Buffer(nil, maxBody)
			for lines.Scan() {
				e := &fakewns.Entry{}
				if err := json.Unmarshal(lines.Bytes(), e); err != nil {
					t.Fatal(err)
				}
				list = append(list, e)
			}
		} else if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			seqs = append(seqs, e.Seq)
		}
		return seqs, strings.TrimSuffix(strings.TrimPrefix(resp.Header.Get("Link"), "<"), `>; rel="next"`)
	}
	for _, accept := range []string{"application/json", "application/x-ndjson"} {
		var all []uint64
		pages := 0
		for query := "?kind=notification"; query != ""; pages++ {
			seqs, next := get(query, accept)
			if len(seqs) > pageEntries || len(seqs) == 0 {
				t.Fatalf("a page of %d entries", len(seqs))
			}
			all, query = append(all, seqs...), next
			refused("/?token=later")
		}
		if want := slices.Compact(slices.Sorted(slices.Values(all))); len(all) < n || pages != 3 || !slices.Equal(want, all) || all[len(all)-1] >= uint64(n+pages*2) {
			t.Errorf("%s: %d entries in %d pages, the last is %d", accept, len(all), pages, all[len(all)-1])
		}
	}
	now := must(d.Journal(t.Context(), nil))(t)
	if len(now) != n+6 || now[len(now)-1].Seq != n+5 {
		t.Errorf("the client got %d entries", len(now))
	}
	d.HTTP = nil // one validated exchange is enough
	if got := must(d.Journal(t.Context(), url.Values{"limit": {"1500"}}))(t); len(got) != 1500 || got[1499].Seq != n+5 {
		t.Errorf("of the newest 1500 the client got %d", len(got))
	}
	if got := must(d.Journal(t.Context(), url.Values{"since": {"3"}, "until": {"7"}}))(t); len(got) != 4 || got[0].Seq != 3 {
		t.Errorf("from 3 to before 7: %d entries", len(got))
	}
}

// TestJournalPagesAreBoundedInBytes: long entries make short pages.
func TestJournalPagesAreBoundedInBytes(t *testing.T) {
	var list []*fakewns.Entry
	for i := range 100 {
		list = append(list, &fakewns.Entry{Seq: uint64(i), Target: strings.Repeat("a", 100_000)})
	}
	page, rest, err := jsonArray.page(list, true)
	if err != nil || len(page) > pageBytes+101_000 || len(rest) < 80 || !json.Valid(page) {
		t.Errorf("%d bytes, %d left, %v", len(page), len(rest), err)
	}
	if page, rest, err := jsonArray.page(nil, false); string(page) != "[]\n" || rest != nil || err != nil {
		t.Errorf("no entries: %q", page)
	}
}
