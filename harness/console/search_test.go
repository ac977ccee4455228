package console

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/devices"
	"github.com/dmwake/dmwake/simulator/dmclient"
)

// TestSearch: every filter of the notifications, alone and with others.
func TestSearch(t *testing.T) {
	t.Parallel()
	b := plain(t, nil)
	one, two := b.open("ALPHA-1"), b.open("BETA-2")
	b.push(one, nil)                                                 // 0: delivered
	b.push(one, http.Header{"X-WNS-Cache-Policy": {"no-cache"}})     // 1: a rule broken, delivered
	b.wns.SetConnected("BETA-2", false)                              //
	b.push(two, nil)                                                 // 2: cached
	b.push(two, http.Header{"X-WNS-Cache-Policy": {"no-cache"}})     // 3: dropped
	b.tokenRequest("wrong")                                          // 4: refused
	b.wns.Attempted(intercept.Attempt{Cause: intercept.NoTLS})       // 5
	b.push(one, http.Header{"Content-Type": {"application/secret"}}) // 6: refused
	c := &console{Options: Options{WNS: b.wns}}
	for query, want := range map[string]string{
		"": "6 5 4 3 2 1 0", "kind=notification": "6 3 2 1 0", "kind=token": "4", "kind=attempt": "5", "verdict=rules broken": "6 4 3 1", "verdict=no rule broken": "2 0",
		"became=cached": "2", "became=dropped": "3", "became=refused": "6 4", "became=delivered": "1 0", "device=BETA-2": "3 2", "q=alpha": "6 1 0", "q=alpha cache-policy": "1",
		"channel=" + two.ID: "3 2", "rule=cache-policy": "3 1", "status=400": "6 4", "before=3": "2 1 0", "q=#2": "2", "q=application/secret": "", "q=" + one.URI[len(one.URI)-20:]: "",
		"became=delivered&verdict=rules broken": "1", "q=nothing of that": "",
	} {
		q, err := url.ParseQuery(strings.ReplaceAll(strings.ReplaceAll(query, " ", "+"), "#", "%23"))
		if err != nil {
			t.Fatal(err)
		}
		a, err := ask(q)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range c.search(a).Page {
			got = append(got, itoa(e.Seq))
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: %s, want %s", query, s, want)
		}
	}
	// A chip counts what it would show.
	a, _ := ask(url.Values{"verdict": {"rules broken"}})
	for _, list := range c.search(a).Choices {
		for _, ch := range list.List {
			if ch.On {
				continue
			}
			u, _ := url.Parse(ch.To)
			next, err := ask(u.Query())
			if err != nil {
				t.Fatal(err)
			}
			if got := c.search(next).Total; got != ch.Count {
				t.Errorf("chip %s counts %d and leads to %d", ch.Word, ch.Count, got)
			}
		}
	}
}

// TestPaging: every entry is on one page, and no page is longer than the others.
func TestPaging(t *testing.T) {
	t.Parallel()
	b := plain(t, nil)
	ch := b.open("D")
	const n = 3*perPage + 7
	for range n {
		b.push(ch, nil)
	}
	link := regexp.MustCompile(`href="([^"]*)" rel="next"`)
	row := regexp.MustCompile(`<tr id="(n\d+)"`)
	var seen []string
	at := "notifications?device=D"
	for pages := 0; pages < 10 && at != ""; pages++ {
		_, body := b.get(at)
		rows := row.FindAllStringSubmatch(body, -1)
		if len(rows) > perPage {
			t.Fatalf("%s has %d rows", at, len(rows))
		}
		for _, r := range rows {
			if slices.Contains(seen, r[1]) {
				t.Fatalf("%s is on two pages", r[1])
			}
			seen = append(seen, r[1])
		}
		at = ""
		if m := link.FindStringSubmatch(body); m != nil {
			at = strings.TrimPrefix(strings.ReplaceAll(m[1], "&amp;", "&"), Prefix)
		}
	}
	if len(seen) != n || seen[0] != fmt.Sprintf("n%d", n-1) {
		t.Errorf("%d of %d, from %s", len(seen), n, seen[0])
	}
}

// TestDeviceFilters: states, namespaces and words, alone and together.
func TestDeviceFilters(t *testing.T) {
	t.Parallel()
	wns := fakewns.New(fakewns.Config{Seed: 5})
	pool := devices.New(devices.Config{Seed: 5, Base: func() (dmclient.Config, error) { return dmclient.Config{WNS: wns}, nil }})
	t.Cleanup(pool.Close)
	b := serve(t, Options{WNS: wns, Devices: pool}, pool, nil)
	for _, d := range []devices.Spec{{IDs: devices.IDs{Name: "A1"}, Namespace: "one"}, {IDs: devices.IDs{Name: "A2"}, Namespace: "two", Labels: map[string]string{"team": "blue"}}, {IDs: devices.IDs{Name: "B3"}, Namespace: "two"}} {
		d.Server, d.Enroll = devices.Server{Discovery: "https://mdm.example"}, devices.Enroll{Username: "u@mdm.example", Password: "secret"}
		if _, err := pool.Create(d); err != nil {
			t.Fatal(err)
		}
	}
	b.open("C4")
	name := regexp.MustCompile(`<a class="mono" id="[^"]*-a" href="[^"]*">([^<]*)</a>`)
	for query, want := range map[string]string{
		"": "A1 A2 B3 C4", "state=not+enrolled": "A1 A2 B3", "state=channel+only": "C4", "namespace=two": "A2 B3", "q=a": "A1 A2 B3", "q=A2": "A2", "q=team=blue": "A2",
		"namespace=two&q=b3": "B3", "state=channel+only&namespace=two": "", "q=two+blue": "A2", "state=wiped": "",
	} {
		_, body := b.get("devices?" + query)
		var got []string
		for _, m := range name.FindAllStringSubmatch(body, -1) {
			got = append(got, m[1])
		}
		if query == "q=a" { // ids are hexadecimal
			got = got[:min(len(got), 3)]
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: %s, want %s", query, s, want)
		}
	}
}
