package console

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/redact"
)

// perPage is how many rows a list shows at once.
const perPage = 50

// chip is a word about a state; its tone is good, warn, bad or dim.
type chip struct{ Word, Tone string }

// facet is one thing that a list is filtered by.
type facet struct {
	Name, Label string
	of          func(e *fakewns.Entry) string
}

// facets of the notifications, in the order of the page.
var facets = []facet{
	{"kind", "Kind", func(e *fakewns.Entry) string { return string(e.Kind) }},
	{"verdict", "Verdict", verdict},
	{"became", "Became", func(e *fakewns.Entry) string { return became(e).Word }},
}

// verdict says whether a request broke a rule.
func verdict(e *fakewns.Entry) string {
	switch {
	case e.Kind == fakewns.Attempt || e.Kind == fakewns.Handshake:
		return ""
	case len(e.Violations) > 0:
		return "rules broken"
	}
	return "no rule broken"
}

// became is what became of a request.
func became(e *fakewns.Entry) chip {
	switch {
	case e.Kind == fakewns.Attempt:
		return chip{"no request", "bad"}
	case e.Kind == fakewns.Handshake:
		return chip{"handshake spoiled", "warn"}
	case e.Status >= http.StatusBadRequest:
		return chip{"refused", "bad"}
	case e.Kind == fakewns.Token:
		return chip{"token issued", "good"}
	}
	switch e.Delivery {
	case fakewns.Woken:
		return chip{"delivered", "good"}
	case fakewns.Shown, fakewns.Replaced:
		return chip{string(e.Delivery), "dim"}
	case fakewns.Cached:
		return chip{"cached", "warn"}
	case fakewns.Dropped, fakewns.Lost, fakewns.Expired:
		return chip{string(e.Delivery), "bad"}
	}
	return chip{"not delivered", "dim"}
}

// entryRow is an entry as a row of a list, without secrets.
type entryRow struct {
	*fakewns.Entry
	Time, What   string
	Verdict      string
	Rules        []string
	Became       chip
	Answer       string
	SessionOf    string // link to the session
	ShortChannel string
	DeviceOf     string // link to the device
	Name         string // of the device
}

// devicePath is the page of a device.
func devicePath(id string) string { return Prefix + "devices/" + url.PathEscape(id) }

func rowOf(e *fakewns.Entry) entryRow {
	r := entryRow{Entry: e, Time: e.At.Format("15:04:05.000"), Verdict: verdict(e), Became: became(e), ShortChannel: e.ChannelID()}
	for _, v := range e.Violations {
		if s := string(v.Rule); !slices.Contains(r.Rules, s) {
			r.Rules = append(r.Rules, s)
		}
	}
	switch e.Kind {
	case fakewns.Attempt:
		r.What = redact.Text(e.What())
	case fakewns.Token:
		r.What = e.App
		if r.What == "" {
			r.What = "of an unknown app"
		}
	case fakewns.Notification:
		r.What = redact.Text(e.Header.Get("X-WNS-Type"))
		if e.Method != http.MethodPost {
			r.What = redact.Text(e.Method)
		}
		if n := len(e.Body); n > 0 {
			r.What += fmt.Sprintf(", %d bytes", n)
		}
	}
	if e.Status > 0 {
		r.Answer = strings.TrimSpace(strconv.Itoa(e.Status) + " " + e.WNSStatus)
	}
	if e.Device != "" {
		r.DeviceOf = devicePath(e.Device)
		if e.Session != "" {
			r.SessionOf = r.DeviceOf + "/sessions/id-" + url.PathEscape(e.Session)
		}
	}
	return r
}

// entryRows are rows for the template "entry", with the names of the lab's own devices.
func (c *console) entryRows(list []*fakewns.Entry) (out []row) {
	names := map[string]string{}
	for _, e := range list {
		r := rowOf(e)
		name, known := names[e.Device]
		if !known {
			name = c.nameOf(e.Device)
			names[e.Device] = name
		}
		r.Name = name
		out = append(out, row{"n" + itoa(e.Seq), r})
	}
	return out
}

// nameOf is what people call a device.
func (c *console) nameOf(device string) string {
	if c.Devices != nil && device != "" {
		if d, err := c.Devices.Device(device, false); err == nil {
			return d.Name
		}
	}
	return device
}

// choice is one value of a facet, and where it leads.
type choice struct {
	Word, To string
	Count    int
	On       bool
}

// choices are the values of a facet.
type choices struct {
	Label string
	List  []choice
}

// asked is what a reader of the notifications wants to see, as in the URL.
type asked struct {
	query                      url.Values
	words                      []string
	device, app, channel, rule string
	status                     int
	before                     uint64
}

// known are the parameters of the notifications' URL.
var known = []string{"q", "kind", "verdict", "became", "device", "app", "channel", "rule", "status", "before", "live"}

func ask(q url.Values) (a asked, err error) {
	for name := range q {
		if !slices.Contains(known, name) {
			return a, fmt.Errorf("There is no filter %q. Filters are %s.", name, strings.Join(known[:len(known)-1], ", ")) //nolint:revive,staticcheck // a sentence of a page
		}
	}
	a = asked{query: q, words: strings.Fields(strings.ToLower(q.Get("q"))), device: q.Get("device"), app: q.Get("app"), channel: q.Get("channel"), rule: q.Get("rule")}
	for name, to := range map[string]func(n uint64){"status": func(n uint64) { a.status = int(n) }, "before": func(n uint64) { a.before = n }} { //nolint:gosec // bounded below
		if s := q.Get(name); s != "" {
			n, err := strconv.ParseUint(s, 10, 63)
			if err != nil || name == "status" && n > 599 {
				return a, fmt.Errorf("%s=%q is not a number that fits there.", name, s) //nolint:revive,staticcheck // a sentence of a page
			}
			to(n)
		}
	}
	return a, nil
}

// accepts tells whether everything but the facets suits an entry. Only what is no secret
// is searched, or a search could guess one.
func (a *asked) accepts(e *fakewns.Entry) bool {
	if a.device != "" && a.device != e.Device || a.channel != "" && a.channel != e.ChannelID() || a.status != 0 && a.status != e.Status ||
		a.app != "" && !strings.EqualFold(a.app, e.App) || a.rule != "" && e.Violated(fakewns.Rule(a.rule)) == "" {
		return false
	}
	for _, w := range a.words {
		if !contains(e, w) {
			return false
		}
	}
	return true
}

func contains(e *fakewns.Entry, word string) bool {
	for _, s := range [...]string{e.Device, e.App, e.ChannelID(), e.MsgID, e.WNSStatus, e.Fault, e.Session, string(e.Kind), e.Method, e.Host, string(e.Cause), became(e).Word} {
		if strings.Contains(strings.ToLower(s), word) {
			return true
		}
	}
	if "#"+strconv.FormatUint(e.Seq, 10) == word || strconv.Itoa(e.Status) == word {
		return true
	}
	for _, list := range [...][]fakewns.Violation{e.Violations, e.Notes} {
		for _, v := range list {
			if strings.Contains(string(v.Rule), word) {
				return true
			}
		}
	}
	return false
}

// found are the entries of one page, newest first.
type found struct {
	Page         []*fakewns.Entry
	Total, Kept  int // that match, and that the journal has
	Choices      []choices
	Query        string
	Fixed        []choice // filters that are no chips; their links take them away
	Older, First string
}

// search reads the journal; its lock is held only while the list is copied.
func (c *console) search(a asked) (f found) {
	list := c.WNS.Journal().Since(0, nil)
	f.Kept, f.Query = len(list), a.query.Get("q")
	counts := make([]map[string]int, len(facets))
	for i := range counts {
		counts[i] = map[string]int{}
	}
	full := false
	for i := len(list) - 1; i >= 0; i-- {
		e := list[i]
		if !a.accepts(e) {
			continue
		}
		wrong, which := 0, -1
		var values [8]string
		for k, fc := range facets {
			values[k] = fc.of(e)
			if want := a.query.Get(fc.Name); want != "" && want != values[k] {
				wrong, which = wrong+1, k
			}
		}
		for k := range facets {
			if values[k] != "" && (wrong == 0 || wrong == 1 && which == k) {
				counts[k][values[k]]++
			}
		}
		if wrong > 0 {
			continue
		}
		f.Total++
		switch {
		case a.before != 0 && e.Seq >= a.before:
		case len(f.Page) < perPage:
			f.Page = append(f.Page, e)
		default:
			full = true
		}
	}
	f.choose(a, counts)
	if full {
		f.Older = a.link("before", strconv.FormatUint(f.Page[len(f.Page)-1].Seq, 10))
	}
	if a.before != 0 {
		f.First = a.link("before", "")
	}
	return f
}

// link is the page with one parameter changed.
func (a *asked) link(name, value string) string { return linkOf("notifications", a.query, name, value) }

func linkOf(page string, from map[string][]string, name, value string) string {
	q := url.Values{}
	for k, v := range from {
		if k != "live" && k != name && k != "before" && k != "after" && v[0] != "" {
			q.Set(k, v[0])
		}
	}
	if value != "" {
		q.Set(name, value)
	}
	if len(q) == 0 {
		return Prefix + page
	}
	return Prefix + page + "?" + q.Encode()
}

func (f *found) choose(a asked, counts []map[string]int) {
	for k, fc := range facets {
		at := a.query.Get(fc.Name)
		list := choices{Label: fc.Label}
		words := []string{}
		for w := range counts[k] {
			words = append(words, w)
		}
		if at != "" && counts[k][at] == 0 {
			words = append(words, at)
		}
		slices.Sort(words)
		for _, w := range words {
			c := choice{Word: w, Count: counts[k][w], On: w == at, To: a.link(fc.Name, w)}
			if c.On {
				c.To = a.link(fc.Name, "")
			}
			list.List = append(list.List, c)
		}
		f.Choices = append(f.Choices, list)
	}
	for _, name := range []string{"device", "app", "channel", "rule", "status"} {
		if v := a.query.Get(name); v != "" {
			f.Fixed = append(f.Fixed, choice{Word: name + " " + v, To: a.link(name, ""), On: true})
		}
	}
}

// Hidden are the filters that a new search keeps.
func (f *found) Hidden(query url.Values) (out [][2]string) {
	for _, name := range known {
		if v := query.Get(name); v != "" && name != "q" && name != "before" && name != "live" {
			out = append(out, [2]string{name, v})
		}
	}
	return out
}

// notifications lists what the fake WNS was asked for.
func (c *console) notifications(r *http.Request) (*view, error) {
	a, err := ask(r.URL.Query())
	if err != nil {
		return nil, err
	}
	f := c.search(a)
	data := struct {
		found
		Hidden [][2]string
	}{f, f.Hidden(a.query)}
	return &view{Title: "Notifications", Nav: "notifications", body: "notifications", Data: data, parts: []part{
		block("counts", "notifications-counts", f), block("chips", "chips", f.Choices), table("rows", "entry", c.entryRows(f.Page)), block("none", "notifications-none", f),
	}}, nil
}
