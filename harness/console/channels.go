package console

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/dmwake/dmwake/fakewns"
)

// tokenRow is an access token that the service issued, with its life.
type tokenRow struct {
	Seq             uint64
	App             string
	Issued, Expires string
	State           chip
	Renewed         string // when the app asked for a newer one
	Link            string
}

// channelRow is a channel with its life. Its URI is not shown whole: with the app's
// token, it is all that a sender needs.
type channelRow struct {
	fakewns.Channel
	Issued, Until string
	State         chip
	Connection    chip
	Newer         string // id of the channel that took its place
	DeviceOf      string
	Notifications string
	Ended         bool
}

// tokens are the tokens of the journal, newest first.
func (c *console) tokens(most int) (out []tokenRow, more bool) {
	list := c.WNS.Journal().Since(0, func(e *fakewns.Entry) bool {
		return e.Kind == fakewns.Token && e.Status == http.StatusOK && e.App != ""
	})
	now, revoked, life := c.WNS.Now(), c.WNS.TokensRevoked(), c.WNS.Settings().TokenLifetime
	newer := map[string]time.Time{}
	for _, e := range slices.Backward(list) {
		if len(out) == most {
			return out, true
		}
		ends := e.TokenEnds()
		if ends.IsZero() {
			ends = e.At.Add(life) // an entry that was kept over a restart
		}
		r := tokenRow{Seq: e.Seq, App: e.App, Issued: moment(e.At), Expires: moment(ends), State: chip{"valid", "good"}, Link: Prefix + "notifications/" + itoa(e.Seq)}
		next, renewed := newer[e.App]
		switch {
		case e.At.Before(revoked):
			r.State = chip{"revoked", "bad"}
		case !now.Before(ends):
			r.State = chip{"expired", "dim"}
		case renewed:
			r.State = chip{"valid, renewed", "good"}
		}
		if renewed {
			r.Renewed = moment(next)
		}
		newer[e.App] = e.At
		out = append(out, r)
	}
	return out, false
}

// connectionChip says how a device is connected to the service.
func connectionChip(c fakewns.Connection) chip {
	if c == fakewns.Connected {
		return chip{"connected", "good"}
	}
	return chip{string(c), "warn"}
}

// channelRows are the channels that want accepts, newest life first.
func (c *console) channelRows(want func(fakewns.Channel) bool) []channelRow {
	list := c.WNS.ChannelsOf(want)
	slices.SortFunc(list, func(a, b fakewns.Channel) int {
		return cmp.Or(b.Expires.Compare(a.Expires), cmp.Compare(a.Device, b.Device), cmp.Compare(a.ID, b.ID))
	})
	now, newest := c.WNS.Now(), map[string]string{}
	out := make([]channelRow, 0, len(list))
	for _, ch := range list {
		r := channelRow{Channel: ch.Redacted(), Until: moment(ch.Expires), State: chip{"open", "good"}, Connection: connectionChip(ch.Connection), DeviceOf: devicePath(ch.Device),
			Notifications: Prefix + "notifications?channel=" + ch.ID}
		if issued := ch.Expires.Add(-fakewns.ChannelLife); !issued.After(now) {
			r.Issued = moment(issued)
		}
		key := ch.Device + "\n" + strings.ToLower(ch.PFN)
		r.Newer = newest[key]
		switch {
		case ch.Revoked:
			r.State, r.Ended = chip{"revoked", "bad"}, true
		case !now.Before(ch.Expires):
			r.State, r.Ended, r.Issued = chip{"expired", "bad"}, true, ""
		case r.Newer != "":
			r.State = chip{"renewed", "dim"}
		case ch.Cached:
			r.State = chip{"open, one waits", "warn"}
		}
		if newest[key] == "" && !r.Ended {
			newest[key] = ch.ID
		}
		out = append(out, r)
	}
	return out
}

// listed is one page of a list that was searched.
type listed struct {
	Query, What  string
	Total, All   int
	Chips        []choices
	Hidden       [][2]string
	Next, First  string
	Shown        int
	Own          bool // devices can be made
	MoreTokens   bool
	Tokens       int
	RevokedSince string
}

// channels shows tokens and channels with their lives.
func (c *console) channels(r *http.Request) (*view, error) {
	q, err := only(r.URL.Query(), "q", "state", "after", "live")
	if err != nil {
		return nil, err
	}
	l := listed{Query: q.Get("q"), What: "channels"}
	all := c.channelRows(func(fakewns.Channel) bool { return true })
	word, counts := strings.ToLower(l.Query), map[string]int{}
	l.All = len(all)
	var match []channelRow
	for _, ch := range all {
		if !strings.Contains(strings.ToLower(ch.Device+" "+ch.ID+" "+ch.PFN), word) {
			continue
		}
		state, _, _ := strings.Cut(ch.State.Word, ",")
		counts[state]++
		if at := q.Get("state"); at == "" || at == state {
			match = append(match, ch)
		}
	}
	l.Total, l.Chips = len(match), []choices{choicesOf("channels", "state", "State", q, counts)}
	var shown []row
	start := l.page(q, "channels", func(id string) int {
		return slices.IndexFunc(match, func(ch channelRow) bool { return ch.ID == id })
	}, func(i int) string { return match[i].ID })
	for _, ch := range match[start:min(start+perPage, len(match))] {
		shown = append(shown, row{"c" + ch.ID, ch})
	}
	tokens, more := c.tokens(20)
	l.MoreTokens, l.Tokens, l.RevokedSince = more, len(tokens), moment(c.WNS.TokensRevoked())
	if st := q.Get("state"); st != "" {
		l.Hidden = [][2]string{{"state", st}}
	}
	var lives []row
	for _, t := range tokens {
		lives = append(lives, row{"t" + itoa(t.Seq), t})
	}
	return &view{Title: "Tokens and channels", Nav: "channels", body: "channels", Data: l, parts: []part{
		block("counts", "listed-counts", l), block("chips", "chips", l.Chips), table("rows", "channel", shown), block("none", "channels-none", l),
		table("tokens", "token", lives), block("tokens-none", "tokens-none", l),
	}}, nil
}

// page finds where the asked page of a list starts, and links the others.
func (l *listed) page(q query, path string, find func(id string) int, id func(i int) string) (start int) {
	if after := q.Get("after"); after != "" {
		start = max(find(after)+1, 0)
		l.First = linkOf(path, q, "after", "")
	}
	l.Shown = min(perPage, l.Total-start)
	if end := start + perPage; end < l.Total {
		l.Next = linkOf(path, q, "after", id(end-1))
	}
	return start
}

// choicesOf are the chips of one filter of a list.
func choicesOf(path, name, label string, q query, counts map[string]int) choices {
	out := choices{Label: label}
	words := []string{}
	for w := range counts {
		words = append(words, w)
	}
	at := q.Get(name)
	if at != "" && counts[at] == 0 {
		words = append(words, at)
	}
	slices.Sort(words)
	for _, w := range words {
		ch := choice{Word: w, Count: counts[w], On: w == at, To: linkOf(path, q, name, w)}
		if ch.On {
			ch.To = linkOf(path, q, name, "")
		}
		out.List = append(out.List, ch)
	}
	return out
}
