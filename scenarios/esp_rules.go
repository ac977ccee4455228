package scenarios

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	"github.com/dmwake/dmwake/simulator/csp"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// Rules of the Enrollment Status Page, each over one session.

// pageWrite is a command to a node below FirstSyncStatus, without Gets.
type pageWrite struct {
	dmclient.Executed
	node string // its name, as Learn spells it; another one as the server does
	user bool   // of ./User
	pair int
}

// pageNodes are the nodes below FirstSyncStatus that rules look at.
var pageNodes = slices.Concat(csp.ExpectedLists, []string{
	"ServerHasFinishedProvisioning", "IsSyncDone", "WasDeviceSuccessfullyProvisioned", "TimeOutUntilSyncFailure", "BlockInStatusPage", "SkipDeviceStatusPage", "SkipUserStatusPage",
})

func pageWrites(s *dmclient.Session) (out []pageWrite) {
	for _, c := range s.Commands {
		before, node, ok := strings.Cut(strings.ToLower(c.LocURI), "/firstsyncstatus/")
		if !ok || !strings.Contains(before, "/dmclient/") || c.Verb != syncml.Add && c.Verb != syncml.Replace {
			continue
		}
		if i := slices.IndexFunc(pageNodes, func(n string) bool { return strings.EqualFold(n, node) }); i >= 0 {
			node = pageNodes[i]
		}
		out = append(out, pageWrite{Executed: c, node: node, user: strings.HasPrefix(before, "./user/")})
	}
	return out
}

func (w *pageWrite) breach(h *suite.Heard, expected, saw string) {
	h.Breach(w.pair, expected, "%s", saw)
}

func (w *pageWrite) says() string { return w.node + " = " + suite.Show(w.Data) }

// toldCode returns the code with which the device answered a command of a session, as
// the server was told; 0 if it was not.
func toldCode(s *dmclient.Session, c *dmclient.Executed) int {
	pairs := suite.PairsOf(s)
	for i, p := range pairs {
		if i <= c.Msg || p.Sent == nil {
			continue
		}
		for k := range p.Sent.Body {
			st := &p.Sent.Body[k]
			if st.Verb == syncml.Status && st.MsgRef == pairs[c.Msg].Got.Hdr.MsgID && st.CmdRef == c.CmdID {
				return st.Code()
			}
		}
	}
	return 0
}

// earlier looks for a write to a node of the same scope that came before w: with such
// data, and with an answer that the server was told.
func earlier(h *suite.Heard, w *pageWrite, node string, want func(data string) bool) bool {
	for _, s := range append(slices.Clone(h.Before()), h.Session) {
		for _, o := range pageWrites(s) {
			if o.node != node || o.user != w.user || !want(o.Data) || s == h.Session && !comesBefore(s, &o, w) {
				continue
			}
			code := toldCode(s, &o.Executed)
			// In the same message there is no answer yet. A device answers 405 to what comes
			// too late, and to ./User without a user.
			if s == h.Session && o.Msg == w.Msg || syncml.Success(code) || code == syncml.NotAllowed && !o.user {
				return true
			}
		}
	}
	return false
}

// comesBefore reports whether o stands before w in a session.
func comesBefore(s *dmclient.Session, o, w *pageWrite) bool {
	at := func(x *pageWrite) int {
		return slices.IndexFunc(s.Commands, func(c dmclient.Executed) bool { return c.Msg == x.Msg && c.CmdID == x.CmdID && c.LocURI == x.LocURI })
	}
	return at(o) < at(w)
}

func staysFinished(h *suite.Heard, writes []pageWrite) {
	for _, w := range writes {
		if w.node != "ServerHasFinishedProvisioning" {
			continue
		}
		switch {
		case !isBool(w.Data):
			w.breach(h, "ServerHasFinishedProvisioning: true or false", w.says())
		// The device's answer tells it from a device that enrolled again.
		case !csp.Truth(w.Data) && w.Code == syncml.NotAllowed && earlier(h, &w, w.node, csp.Truth):
			w.breach(h, "ServerHasFinishedProvisioning that stays true", w.says()+" after true")
		}
	}
}

func keepsLists(h *suite.Heard, writes []pageWrite) {
	if !fromEnrollment(h) {
		return // it may be what the device has already
	}
	for _, w := range writes {
		if !slices.Contains(csp.ExpectedLists, w.node) || w.Code != syncml.NotAllowed {
			continue
		}
		same := func(data string) bool { return data == w.Data }
		if earlier(h, &w, "ServerHasFinishedProvisioning", csp.Truth) && !earlier(h, &w, w.node, same) {
			w.breach(h, "lists that are complete before ServerHasFinishedProvisioning is true", "another "+w.node+" after it")
		}
	}
}

// entries are the LocURIs of a list.
func entries(data string) (out []string) {
	for e := range strings.SplitSeq(data, "\uf000") {
		if e = strings.TrimSpace(e); e != "" {
			out = append(out, e)
		}
	}
	return out
}

// delimiter finds another delimiter between two LocURIs: a character, or U+F000 written
// out.
var delimiter = regexp.MustCompile(`(?i)xf000|[,;|\s"]\s*\./`)

func delimits(h *suite.Heard, writes []pageWrite) {
	const expected = "full LocURIs with the character U+F000 between them"
	for _, w := range writes {
		if !slices.Contains(csp.ExpectedLists, w.node) {
			continue
		}
		for _, e := range entries(w.Data) {
			switch {
			case delimiter.MatchString(e):
				w.breach(h, expected, w.node+" with "+strconv.Quote(delimiter.FindString(e))+" between them")
			case !strings.HasPrefix(e, "./"):
				w.breach(h, expected, w.node+" with "+suite.Show(e))
			}
		}
	}
}

// counted is the end of an app in a list.
var counted = regexp.MustCompile(`;\s*\d+$`)

func countsApps(h *suite.Heard, writes []pageWrite) {
	for _, w := range writes {
		if w.node != "ExpectedMSIAppPackages" && w.node != "ExpectedModernAppPackages" {
			continue
		}
		for _, e := range entries(w.Data) {
			if !counted.MatchString(e) {
				w.breach(h, "a semicolon and a number after each LocURI of "+w.node, suite.Show(e))
			}
		}
	}
}

// pageSettings are the nodes with which a server sets the page up: the format and what
// its values are.
var pageSettings = map[string]struct {
	format, values string
	valid          func(string) bool
}{
	"TimeOutUntilSyncFailure": {"int", "1 to 1440", func(v string) bool { return inRange(v, 1, 1440) }},
	"BlockInStatusPage":       {"int", "0 to 7", func(v string) bool { return inRange(v, 0, 7) }},
	"SkipDeviceStatusPage":    {"bool", "true or false", isBool},
	"SkipUserStatusPage":      {"bool", "true or false", isBool},
}

func inRange(v string, low, high int) bool {
	n, err := strconv.Atoi(strings.TrimSpace(v))
	return err == nil && n >= low && n <= high
}

// isBool reports whether a value of format bool is one. Windows reads 0 and 1, too.
func isBool(v string) bool {
	v = strings.ToLower(strings.TrimSpace(v))
	return slices.Contains([]string{"true", "false", "0", "1"}, v)
}

func setsPage(h *suite.Heard, writes []pageWrite) {
	for _, w := range writes {
		set, ok := pageSettings[w.node]
		switch {
		case !ok:
		case w.user:
			w.breach(h, w.node+" below ./Device", w.node+" below ./User")
		case w.Verb != syncml.Replace:
			w.breach(h, "Replace of "+w.node, string(w.Verb)+" of "+w.node)
		case !set.valid(w.Data):
			w.breach(h, w.node+": "+set.values, w.says())
		case w.Format != "" && w.Format != set.format:
			w.breach(h, w.node+" with Format "+set.format, w.node+" with Format "+w.Format)
		}
	}
}

func endsOnce(h *suite.Heard, writes []pageWrite) {
	for _, w := range writes {
		switch w.node {
		case "IsSyncDone":
			if w.Code == syncml.NotAllowed && earlier(h, &w, w.node, csp.Truth) {
				w.breach(h, "IsSyncDone that is set once", w.says()+" after true")
			}
		case "WasDeviceSuccessfullyProvisioned":
			final := func(v string) bool { v = strings.TrimSpace(v); return v == "0" || v == "1" }
			switch {
			case !inRange(w.Data, 0, 2):
				w.breach(h, "WasDeviceSuccessfullyProvisioned: 0, 1 or 2", suite.Show(w.Data))
			case w.Code == syncml.NotAllowed && earlier(h, &w, w.node, func(v string) bool { return final(v) && strings.TrimSpace(v) != strings.TrimSpace(w.Data) }):
				w.breach(h, "WasDeviceSuccessfullyProvisioned that stays once it is 0 or 1", w.says()+" after the other")
			}
		}
	}
}

// userSessions is how many whole sessions with a user a server gets to repeat what was
// refused for ./User.
const userSessions = 3

func repeatsForUser(h *suite.Heard, writes []pageWrite) {
	if len(writes) > 0 && slices.ContainsFunc(writes, func(w pageWrite) bool { return w.user }) || !userThere(h.Session) {
		return
	}
	// The last sessions with a user brought nothing for ./User: was the last word a 405?
	silent := 1
	for _, s := range slices.Backward(h.Before()) {
		own := slices.DeleteFunc(pageWrites(s), func(w pageWrite) bool { return !w.user })
		if len(own) == 0 {
			if userThere(s) {
				silent++
			}
			continue
		}
		refused := slices.IndexFunc(own, func(w pageWrite) bool {
			return w.Code == syncml.NotAllowed && w.node == "ServerHasFinishedProvisioning"
		})
		if refused >= 0 && silent == userSessions {
			h.Breach(len(h.Pairs)-1, "FirstSyncStatus of ./User again, after the device answered 405", "nothing for it in %d sessions with LoginStatus user", silent)
		}
		return
	}
}

// userThere reports whether a whole session told the server that its user is logged in.
func userThere(s *dmclient.Session) bool {
	if s.Err != nil || len(s.Sent) == 0 {
		return false
	}
	return slices.ContainsFunc(s.Sent[0].Body, func(c syncml.Command) bool {
		return slices.ContainsFunc(c.Items, func(it syncml.Item) bool {
			return it.Meta != nil && it.Meta.Type == "com.microsoft/MDM/LoginStatus" && it.Data == string(dmclient.LoginUser)
		})
	})
}

// fromEnrollment reports whether all sessions of a device since its enrollment are
// known.
func fromEnrollment(h *suite.Heard) bool {
	first := h.Session
	if before := h.Before(); len(before) > 0 {
		first = before[0]
	}
	return first.Origin == dmclient.OriginEnrollment && len(first.Received) > 0
}

func comesFirst(h *suite.Heard, writes []pageWrite) {
	before := h.Before()
	if len(before) == 0 || !fromEnrollment(h) {
		return
	}
	for _, w := range writes {
		show := func(w pageWrite) bool {
			return w.node == "SkipDeviceStatusPage" && isBool(w.Data) && !csp.Truth(w.Data)
		}
		if !show(w) || slices.ContainsFunc(before, func(s *dmclient.Session) bool { return slices.ContainsFunc(pageWrites(s), show) }) {
			continue
		}
		w.breach(h, "SkipDeviceStatusPage = false in the device's first session", "set in its session "+strconv.Itoa(len(before)+1))
	}
}

func sendsListed(h *suite.Heard, writes []pageWrite) {
	if !fromEnrollment(h) {
		return
	}
	for _, w := range writes {
		if w.node != "ServerHasFinishedProvisioning" || !csp.Truth(w.Data) || !syncml.Success(w.Code) {
			continue
		}
		lists, sent := map[string]string{}, []string{}
		for _, s := range append(slices.Clone(h.Before()), h.Session) {
			for _, o := range pageWrites(s) {
				if o.user == w.user && slices.Contains(csp.ExpectedLists, o.node) {
					lists[o.node] = o.Data
				}
			}
			for _, c := range s.Commands {
				if c.Verb != syncml.Get {
					sent = append(sent, c.LocURI)
				}
			}
		}
		for node, data := range lists {
			for _, e := range entries(data) {
				if !slices.ContainsFunc(sent, func(uri string) bool { return provides(uri, e) }) {
					w.breach(h, "each LocURI of "+node+" sent before ServerHasFinishedProvisioning is true", "no command for "+suite.Show(e))
				}
			}
		}
	}
}

// provides reports whether a command to uri may bring what an entry of a list names. A
// policy is the same node; an app, a profile or a certificate is installed by another
// node of the same CSP with the same name in it.
func provides(uri, entry string) bool {
	entry, _, _ = strings.Cut(entry, ";")
	a, b := segments(uri), segments(entry)
	if len(a) == 0 || len(b) == 0 || a[0] != b[0] {
		return false
	}
	if a[0] == "policy" || len(b) < 3 {
		return strings.Join(a, "/") == strings.Join(b, "/")
	}
	return slices.ContainsFunc(b[1:], func(name string) bool { return !slices.Contains(fixedNames, name) && slices.Contains(a[1:], name) })
}

// fixedNames are parts of LocURIs that name no app, profile or certificate.
var fixedNames = []string{"msi", "profile", "scep", "pfxcertinstall", "appmanagement", "appstore", "nonstore", "system", "appinstallation", "status", "install", "name", "hostedinstall", "storeinstall"}

// segments are the parts of a LocURI after Vendor/MSFT, in lower case.
func segments(uri string) []string {
	_, rest, ok := strings.Cut(strings.ToLower(uri), "/vendor/msft/")
	if !ok {
		return nil
	}
	return strings.Split(rest, "/")
}
