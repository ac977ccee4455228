package console

import (
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/fakewns/intercept"
	"github.com/dmwake/dmwake/harness/redact"
)

// notice is what a newcomer stumbles on, and what to do.
type notice struct {
	chip
	Saw, Do string
	Link    string
	Count   int
}

// maxNotices bounds the banner.
const maxNotices = 5

// notices reads from the journal what keeps a server from the fake WNS.
func (c *console) notices() (out []notice) {
	list := c.WNS.Journal().Since(0, nil)
	reached, tokens, pushes, refused := false, 0, 0, (*fakewns.Entry)(nil)
	at := map[string]int{}
	for _, e := range slices.Backward(list) {
		switch {
		case e.Kind == fakewns.Attempt:
			// Once a server came through, the ways in which it did not before are over;
			// a host that it wants in vain is not.
			key := string(e.Cause)
			if e.Cause == intercept.OtherHost {
				key += e.Host
			} else if reached {
				continue
			}
			if i, known := at[key]; known {
				out[i].Count++
			} else if len(out) < maxNotices {
				at[key] = len(out)
				n := notice{chip: chip{"no request", "bad"}, Count: 1, Link: Prefix + "notifications?kind=attempt"}
				if reached {
					n.chip = chip{"host not allowed", "warn"}
				}
				n.Saw, n.Do = c.unreached(e)
				out = append(out, n)
			}
		case e.Peer == "": // the console's own push
		case e.Kind == fakewns.Token:
			reached = true
			if e.Status < http.StatusBadRequest {
				tokens++
			} else if tokens == 0 && refused == nil {
				refused = e
			}
		case e.Kind == fakewns.Notification:
			reached = true
			pushes++
		}
	}
	switch {
	case !reached && len(out) == 0:
		n := notice{chip: chip{"waiting", "warn"}}
		_, n.Do = c.unreached(nil)
		n.Saw = "no server has connected to the fake WNS yet"
		out = append(out, n)
	case refused != nil:
		out = append(out, notice{chip: chip{"token refused", "bad"}, Count: 1, Link: rowOf(refused).link(),
			Saw: "the server's last token request was refused: " + redact.Text(refused.Error), Do: "give the server the app identity of the lab (see \"How to begin\")"})
	case tokens > 0 && pushes == 0:
		out = append(out, notice{chip: chip{"no push yet", "warn"}, Saw: "a server has a token, and has sent no notification yet",
			Do: "queue a command for a device: the server then sends a raw notification to the ChannelURI that the device reported"})
	}
	for i := range out {
		out[i].Saw, out[i].Do = sentence(out[i].Saw), sentence(out[i].Do)
	}
	return out
}

func (r entryRow) link() string { return Prefix + "notifications/" + itoa(r.Seq) }

// unreached asks the lab for its words; nil: nobody came.
func (c *console) unreached(e *fakewns.Entry) (saw, do string) {
	var list []*fakewns.Entry
	if e != nil {
		list = append(list, e)
		saw = e.What()
	}
	if c.Unreached != nil {
		saw, do = c.Unreached(list)
	}
	return redact.Text(saw), redact.Text(do)
}

// sentence begins with a capital and ends with a full stop.
func sentence(s string) string {
	if s == "" {
		return s
	}
	first, n := utf8.DecodeRuneInString(s)
	s = string(unicode.ToUpper(first)) + s[n:]
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s
}
