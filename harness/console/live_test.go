package console

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestPatch: what is sent for each change of a list.
func TestPatch(t *testing.T) {
	list := func(rows ...string) *view {
		d := drawn{part: part{id: "rows", list: true}}
		for _, r := range rows {
			id, _, _ := strings.Cut(r, "=")
			d.rows = append(d.rows, row{id: id})
			d.each = append(d.each, `<tr id="`+id+`">`+r+`</tr>`)
		}
		d.html = strings.Join(d.each, "\n")
		return &view{drawn: []drawn{{part: part{id: "head"}, html: "same"}, d}}
	}
	for name, c := range map[string]struct {
		before, now []string
		want        string // the swaps, in order
	}{
		"nothing":             {[]string{"a=1", "b=1"}, []string{"a=1", "b=1"}, ""},
		"a new one":           {[]string{"a=1", "b=1"}, []string{"c=1", "a=1", "b=1"}, "afterbegin:#rows"},
		"a full page moves":   {[]string{"a=1", "b=1"}, []string{"c=1", "a=1"}, "afterbegin:#rows delete"},
		"a change":            {[]string{"a=1", "b=1"}, []string{"a=1", "b=2"}, "true"},
		"a new and a change":  {[]string{"a=1", "b=1"}, []string{"c=1", "a=1", "b=2"}, "afterbegin:#rows true"},
		"one is gone":         {[]string{"a=1", "b=1", "c=1"}, []string{"a=1", "c=1"}, "delete"},
		"order":               {[]string{"a=1", "b=1"}, []string{"b=1", "a=1"}, "innerHTML:#rows"},
		"at the end":          {[]string{"a=1"}, []string{"a=1", "b=1"}, "innerHTML:#rows"},
		"in between":          {[]string{"a=1", "b=1"}, []string{"a=1", "c=1", "b=1"}, "innerHTML:#rows"},
		"the first":           {nil, []string{"a=1"}, "innerHTML:#rows"},
		"all are new":         {[]string{"a=1", "b=1"}, []string{"c=1", "d=1"}, "innerHTML:#rows"},
		"all are gone":        {[]string{"a=1", "b=1"}, nil, "innerHTML:#rows"},
		"the first is gone":   {[]string{"a=1", "b=1"}, []string{"b=1"}, "delete"},
		"new, gone, and more": {[]string{"a=1", "b=1", "c=1"}, []string{"e=1", "d=1", "b=3"}, "delete afterbegin:#rows true delete"},
	} {
		got := list(c.now...).since(list(c.before...))
		var swaps []string
		for _, m := range regexp.MustCompile(`hx-swap-oob="([^"]*)"`).FindAllStringSubmatch(got, -1) {
			swaps = append(swaps, m[1])
		}
		want := strings.Fields(c.want)
		if len(want) != len(swaps) {
			t.Errorf("%s: %s, want %s", name, swaps, want)
			continue
		}
		have := map[string]int{}
		for i := range swaps {
			have[swaps[i]]++
			have[want[i]]--
		}
		for what, n := range have {
			if n != 0 {
				t.Errorf("%s: %s, want %s (%s)", name, swaps, want, what)
			}
		}
	}
}

// follow reads the events of a page.
func (b *bench) follow(path string) *bufio.Reader {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.url+Prefix+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		b.t.Fatalf("%s: %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	return bufio.NewReader(resp.Body)
}

// event reads the next event with data.
func event(t *testing.T, from *bufio.Reader) (data string) {
	t.Helper()
	for {
		line, err := from.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if rest, ok := strings.CutPrefix(line, "data: "); ok {
			data += rest
		}
		if line == "\n" && data != "" {
			return data
		}
	}
}

var liveURL = regexp.MustCompile(`data-live="` + Prefix + `([^"]*)"`)

// TestStream: a page that is current gets nothing, a later change comes as a row, and a
// page that is behind gets all of it.
func TestStream(t *testing.T) {
	t.Parallel()
	b := plain(t, nil)
	ch := b.open("D")
	b.push(ch, nil)
	_, page := b.get("notifications")
	at := strings.ReplaceAll(liveURL.FindStringSubmatch(page)[1], "&amp;", "&")
	current := b.follow(at)
	b.push(ch, nil)
	if got := event(t, current); strings.Contains(got, `id="n0"`) || !strings.Contains(got, `id="n1"`) || !strings.Contains(got, "afterbegin:#rows") {
		t.Errorf("after a push: %s", got)
	}
	if got := event(t, b.follow(at)); !strings.Contains(got, "innerHTML:#rows") || !strings.Contains(got, `id="n0"`) || !strings.Contains(got, `id="n1"`) {
		t.Errorf("a page that is behind: %s", got)
	}
}

// TestSlowBrowser: a browser that does not read slows nobody. When it reads, it gets few
// and short updates, and the last one has the newest.
func TestSlowBrowser(t *testing.T) {
	t.Parallel()
	b := plain(t, nil)
	ch := b.open("D")
	_, page := b.get("notifications")
	slow := b.follow(strings.ReplaceAll(liveURL.FindStringSubmatch(page)[1], "&amp;", "&"))
	const n = 10_000
	start := time.Now()
	for range n {
		b.push(ch, nil)
	}
	pushed := time.Since(start)
	newest := fmt.Sprintf(`id="n%d"`, n-1)
	size, updates := 0, 0
	for {
		got := event(t, slow)
		size += len(got)
		updates++
		if strings.Contains(got, newest) {
			break
		}
	}
	longest := perPage * 2000 // bytes of a page's rows
	if most := int(time.Since(start)/beat) + 2; updates > most || size > (updates+1)*longest {
		t.Errorf("%d updates of %d bytes for %d pushes in %s", updates, size, n, pushed)
	}
}

// TestTooManyStreams: the number of pages that are kept current is bounded, and a place
// is free again when one is closed.
func TestTooManyStreams(t *testing.T) {
	t.Parallel()
	c := &console{Options: Options{WNS: plain(t, nil).wns}, streams: make(chan struct{}, 1)}
	b := &bench{t: t, wns: c.WNS}
	srv := newServer(t, c.page(maker{c.clock, c.happened}))
	b.url = strings.TrimSuffix(srv, Prefix)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	first, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(first.Body).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	second, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, second.Body)
	second.Body.Close()
	if second.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the second stream: %s", second.Status)
	}
	first.Body.Close()
	for end := time.Now().Add(time.Minute); ; {
		again, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		again.Body.Close()
		if again.StatusCode == http.StatusOK {
			return
		}
		if time.Now().After(end) {
			t.Fatal("no place became free")
		}
	}
}

func newServer(t *testing.T, h http.Handler) string {
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	t.Cleanup(srv.CloseClientConnections)
	return srv.URL + Prefix
}
