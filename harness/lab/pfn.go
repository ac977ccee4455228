package lab

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/fakewns"
	"github.com/dmwake/dmwake/harness/wording"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// PFNCause is why the server cannot push to a device.
type PFNCause int

// The causes, in the order of the path.
const (
	PFNNever    PFNCause = iota + 1 // the server set no PFN
	PFNRefused                      // the device answered the PFN with an error
	PFNOther                        // the PFN of an app that the fake WNS does not know
	PFNUseless                      // the device took the PFN and got no channel
	PFNNotAsked                     // the server did not ask for the channel URI
)

// PFNTrouble is why a device has no channel, or why the server does not know it.
type PFNTrouble struct {
	Cause PFNCause
	PFN   string
	What  string // the cause in a sentence
	Do    string
	Code  int // of the device for the PFN
	// Foreign says that the PFN is well-formed, and of an app that the fake WNS does
	// not know: the configuration is to blame.
	Foreign bool
	// Status is Push/Status, of a device that took the PFN and got no channel.
	Status int
}

// PFNTrouble looks at the sessions of a device since its enrollment; nil if the server
// set a PFN that led to a channel, and asked for its URI.
func (l *Lab) PFNTrouble(d *dmclient.Device) *PFNTrouble {
	var set []dmclient.Executed
	node, asked := false, false
	for _, s := range d.Sessions() {
		for _, c := range s.Commands {
			writes := c.Verb == syncml.Add || c.Verb == syncml.Replace
			switch {
			case writes && endsIn(c.LocURI, "/Push/PFN"):
				set = append(set, c)
			case writes && endsIn(c.LocURI, "/Push"):
				node = node || syncml.Success(c.Code) || c.Code == syncml.AlreadyExists
			case c.Verb == syncml.Get && endsIn(c.LocURI, "/Push/ChannelURI"):
				asked = asked || c.Result != "" && c.Result == d.ChannelURI()
			}
		}
	}
	switch {
	case d.ChannelURI() != "" && asked:
		return nil
	case d.ChannelURI() != "": // also of a device that enrolled before the run
		return &PFNTrouble{Cause: PFNNotAsked, PFN: d.PFN(), Code: syncml.OK, What: fmt.Sprintf("the server set %s and the device has a channel, but the server did not ask for its URI", d.PFN()),
			Do: "send Get of .../Push/ChannelURI after the PFN: without the URI the server cannot push (dmwake test --only PFN-09)"}
	case len(set) == 0:
		return &PFNTrouble{Cause: PFNNever, What: "the server set no PFN in " + wording.Count(len(d.Sessions()), "session"),
			Do: "turn WNS push on in the server, or set target.push: none; most of PFN to PSH cannot be decided"}
	}
	last := set[len(set)-1]
	t := &PFNTrouble{PFN: last.Data, Code: last.Code, Foreign: dmclient.CheckPFN(last.Data) == nil && !l.knows(last.Data)}
	switch {
	case !syncml.Success(last.Code):
		t.Cause = PFNRefused
		why, do := l.refusals(d, last, node)
		t.What = fmt.Sprintf("the device (%s) answered %s of the PFN %s with %d, so it has no channel: %s", d.Profile().Name, last.Verb, last.Data, last.Code, strings.Join(why, "; and "))
		t.Do = strings.Join(do, "; and ")
	case t.Foreign:
		t.Cause, t.What = PFNOther, fmt.Sprintf("the server sets %s, but the fake WNS knows %s", last.Data, l.Config.WNS.App.PFN)
		t.Do = "put the server's app identity (pfn, sid, secret) into wns.app"
	default:
		t.Cause = PFNUseless
		why, do := l.refusals(d, last, true)
		t.Status = pushStatus(d)
		t.What = fmt.Sprintf("the device took the PFN %s, but it has no channel and its Push/Status is %d: %s", last.Data, t.Status, strings.Join(why, "; and "))
		t.Do = strings.Join(do, "; and ")
	}
	return t
}

// refusals are all reasons why a device takes no PFN, and what to do about each: the
// next one would show only when the first was mended. node says that the server added
// Push.
func (l *Lab) refusals(d *dmclient.Device, c dmclient.Executed, node bool) (why, do []string) {
	add := func(reason, remedy string) { why, do = append(why, reason), append(do, remedy) }
	q := d.Profile().Quirks
	if m := providerNode.FindStringSubmatch(c.LocURI); m != nil {
		if name, err := url.PathUnescape(m[1]); err != nil || name != d.Provider() {
			add(fmt.Sprintf("the LocURI names the provider %q, and the device enrolled with %q", m[1], d.Provider()), "use the PROVIDER-ID of the provisioning document, URI-encoded")
		}
	}
	switch c.Code {
	case syncml.AlreadyExists:
		add("the device has a PFN already, from an earlier session", "send Replace of the PFN after 418")
	case syncml.UnsupportedFormat:
		add(fmt.Sprintf("Meta/Format is %q", c.Format), "send the PFN with Format chr")
	}
	if q.PFNErrors && !node {
		add("the server did not add .../Push before it", "send Add of .../Push, Format node, before the PFN")
	}
	if q.PFNErrors && c.Verb == syncml.Replace {
		add("it has no PFN yet, and Replace needs one", "send Add of .../Push/PFN first, and Replace after 418")
	}
	err := dmclient.CheckPFN(c.Data)
	switch {
	case err != nil:
		add("the PFN is wrong: "+err.Error(), "set the package family name, Name_PublisherHash")
	case q.PFNLowerCase && c.Data != strings.ToLower(c.Data):
		add("the PFN is not in lower case", "send "+strings.ToLower(c.Data))
	}
	if err == nil && !l.knows(c.Data) {
		add("the fake WNS knows "+l.Config.WNS.App.PFN+" only", "put the server's app identity (pfn, sid, secret) into wns.app")
	}
	if len(why) == 0 {
		add("the session shows no reason for it", "run dmwake test --area PFN, which shows the messages")
	}
	return why, do
}

var providerNode = regexp.MustCompile(`(?i)/Provider/([^/]+)/Push`)

// knows reports whether the fake WNS has an app with that PFN.
func (l *Lab) knows(pfn string) bool {
	return slices.ContainsFunc(l.WNS.Apps(), func(a fakewns.App) bool { return strings.EqualFold(a.PFN, pfn) })
}

// pushStatus is what the device would answer to Get of Push/Status; -1 if it has no
// such node.
func pushStatus(d *dmclient.Device) int {
	text, _ := d.Tree().Look(dmclient.ProviderURI(d.Provider()) + "/Push/Status")
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	return -1
}

func endsIn(locURI, suffix string) bool {
	return len(locURI) >= len(suffix) && strings.EqualFold(locURI[len(locURI)-len(suffix):], suffix)
}
