package scenarios

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dmwake/dmwake/scenarios/suite"

	"github.com/dmwake/dmwake/harness/lab"
	"github.com/dmwake/dmwake/harness/report"
	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver/mutants"
	"github.com/dmwake/dmwake/simulator/syncml"
)

const largeObjects = "OMA DM Protocol 1.2.1 section 7"

// sessionLarge are the SES scenarios about objects that do not fit into one message,
// in both directions. Desktops say that they take none (DevDetail/LrgObj).
var sessionLarge = []Scenario{
	{ID: "SES-49", Level: report.Info, Needs: []Need{NeedQueue}, Title: "the device's MaxObjSize is honoured",
		Rule:    "A device that sends a MaxObjSize gets no larger object, neither whole nor in chunks. (MS-MDM knows MaxMsgSize only.)",
		Source:  largeObjects,
		Fix:     "Hold values back that are larger than the MaxObjSize of the session, or report them as failed.",
		Mutants: []*mutants.Mutant{mutants.SesMaxObject},
		Under:   []string{"SES-44"},
		Run: func(t *T) {
			const most = 2000
			c := needLarge(t)
			d := t.Enrolled()
			d.First()
			d.AddFault(rewrite(func(m *syncml.Message) { m.Hdr.Meta = &syncml.Meta{MaxObjSize: strconv.Itoa(most)} }))
			from := d.SessionCount()
			t.Queue(d, c)
			d.Sync(dmclient.SyncOptions{})
			d.Sync(dmclient.SyncOptions{})
			for _, s := range d.SessionsSince(from) {
				runsToEnd(d, s, "a MaxObjSize of the device")
				for _, m := range s.Received {
					m.Walk(func(c *syncml.Command) {
						for _, it := range c.Items {
							size := max(len(it.Data), sizeIn(it.Meta), sizeIn(c.Meta))
							t.Check(size <= most, fmt.Sprintf("no object of more than %d bytes to a device with that MaxObjSize", most), fmt.Sprintf("%s of %s with %d bytes", c.Verb, it.Target.LocURI, size))
						}
					})
				}
			}
		}},
	{ID: "SES-53", Level: report.Should, Uses: []Need{NeedWork}, Title: "a chunk of Results is answered with 213",
		Rule:    "A part of Results with MoreData gets the Status 213. If the server has nothing else to say, it asks for the next part with Alert 1222. This also holds if the server announced no MaxMsgSize.",
		Source:  largeObjects + "; section 6 forbids a Status for Results",
		Fix:     "Keep the data, answer with Status 213 (Cmd Results) and Alert 1222.",
		Mutants: []*mutants.Mutant{mutants.SesChunkSilent, mutants.SesPartSilent},
		Under:   []string{"SES-45", "SES-50"},
		Run: func(t *T) {
			d, f := t.Enrolled(), &resultsInChunks{}
			s := inChunks(d, f)
			m, st := f.reply(t, s, f.first)
			const want = "Status 213 for the chunk, and Alert 1222"
			switch {
			case st == nil:
				t.Fail(want, "no Status for the chunk")
			case st.Code() != syncml.ChunkAccepted:
				t.Fail(want, "Status "+suite.Show(st.Data))
			case !m.HasCommands():
				t.Fail(want, "Status 213, and no Alert")
			}
			t.Check(f.last != "", "a session that goes on until the last chunk", s.End)
			if !f.endsSilent(s) {
				_, st := f.reply(t, s, f.last)
				t.Check(st == nil || syncml.Success(st.Code()), "no Status for the last chunk, or a success", "another Status")
			}
			runsToEnd(d, d.Sync(dmclient.SyncOptions{}), "Results in chunks")
		}},
	{ID: "SES-54", Level: report.Should, Uses: []Need{NeedWork}, Title: "chunks that do not add up are refused",
		Rule:    "When the last chunk has come, the server compares the length of all with the Size of the first. If they differ it answers 424 and takes nothing in.",
		Source:  largeObjects,
		Fix:     "Count the bytes of the chunks. Answer the last one with Status 424 (Cmd Results) if the sum is not Size, and drop the data.",
		Mutants: []*mutants.Mutant{mutants.SesChunkSizeIgnored},
		Under:   []string{"SES-53"},
		Run: func(t *T) {
			d, f := t.Enrolled(), &resultsInChunks{excess: 7}
			s := inChunks(d, f)
			if f.last == "" {
				t.Blocked(suite.By("SES-53"), "the server did not ask for the last chunk: %s", s.End)
			}
			const want = "Status 424 for the last chunk, since Size is 7 more than the length of all"
			_, st := f.reply(t, s, f.last)
			t.Check(st != nil, want, "no Status for the chunk")
			t.Check(st.Code() == syncml.SizeMismatch, want, "Status "+suite.Show(st.Data))
			runsToEnd(d, d.Sync(dmclient.SyncOptions{}), "chunks that do not add up")
		}},
	{ID: "SES-55", Level: report.Should, Uses: []Need{NeedWork}, Title: "an object that never ends is reported with Alert 1225",
		Rule:    "If another item or command comes before the last chunk of an object, the server answers with Alert 1225 and takes nothing in.",
		Source:  largeObjects + "; MS-MDM 2.2.7.2",
		Fix:     "Remember the object that is under way. When anything else comes, drop it and send Alert 1225.",
		Mutants: []*mutants.Mutant{mutants.SesNoEndSilent},
		Under:   []string{"SES-53"},
		Run: func(t *T) {
			d, f := t.Enrolled(), &resultsInChunks{breaks: true}
			s := inChunks(d, f)
			if f.last == "" {
				t.Blocked(suite.By("SES-53"), "the server did not ask for the last chunk: %s", s.End)
			}
			from, _ := f.reply(t, s, f.last)
			told := slices.ContainsFunc(s.Received[slices.Index(s.Received, from):], func(m *syncml.Message) bool {
				return slices.ContainsFunc(m.Body, func(c syncml.Command) bool { return c.Verb == syncml.Alert && c.Code() == syncml.AlertNoEndOfData })
			})
			t.Check(told, "Alert 1225 after an object whose last chunk never came", "no such Alert")
			runsToEnd(d, d.Sync(dmclient.SyncOptions{}), "an object whose last chunk never came")
		}},
	{ID: "SES-56", Level: report.Must, Needs: []Need{NeedQueue}, On: "chunks", Title: "a large value arrives whole",
		Rule:    "A large value arrives as it was queued, in one message or in chunks: MoreData in all but the last, Size in the first.",
		Source:  largeObjects,
		Fix:     "Send the chunks one after the other, with the length of the whole value in Size of the first.",
		Mutants: []*mutants.Mutant{mutants.SesChunkSizeWrong},
		Under:   []string{"SES-44", "MSG-16", "MSG-21"},
		Run: func(t *T) {
			c := needLarge(t)
			d := takesChunks(t)
			from := d.SessionCount()
			t.Queue(d, c)
			if bringing(d, from, c) == nil {
				if n := chunksIn(d.SessionsSince(from)...); n > 0 {
					for _, s := range d.SessionsSince(from) {
						if saw := neverEnds(s); saw != "" {
							t.Blocked(suite.By("SES-14"), "%s", saw)
						}
					}
					t.Fail(fmt.Sprintf("the queued %s of %s", c.Verb, c.LocURI), fmt.Sprintf("%d chunks that make no value", n))
				}
			}
			s := delivered(d, from, c)
			runsToEnd(d, s, "a large value was queued")
			for _, got := range s.Find(c.Verb, c.LocURI[1:]) {
				t.Check(got.Data == c.Data, fmt.Sprintf("the value as queued, %d bytes", len(c.Data)), fmt.Sprintf("another value of %d bytes", len(got.Data)))
			}
		}},
	{ID: "SES-57", Level: report.Should, Needs: []Need{NeedQueue}, On: "chunks", Title: "no chunks for a device that takes none",
		Rule:    "A device whose DevDetail/LrgObj is false gets no chunks: no MoreData.",
		Source:  largeObjects + " (DevDetail/LrgObj)",
		Fix:     "Ask for ./DevDetail/LrgObj before you divide a value, and send it whole if that is false.",
		Mutants: []*mutants.Mutant{mutants.SesChunksAnyway},
		Run: func(t *T) {
			if t.Profile().Quirks.LargeObjects {
				t.NotApplicable("the devices of this run take chunks (quirk large-objects)")
			}
			c := needLarge(t)
			d := t.Enrolled()
			from := d.SessionCount()
			t.Queue(d, c)
			bringing(d, from, c)
			if n := chunksIn(d.SessionsSince(from)...); n > 0 {
				t.Fail("no chunk to a device whose LrgObj is false", fmt.Sprintf("%d chunks", n))
			}
		}},
}

// needLarge returns a command with a large value. It ends the body if the queue hook
// takes none.
func needLarge(t *T) lab.Command {
	c, ok := largeCommand(t)
	if !ok {
		t.NotApplicable("the queue hook takes no command with a value of its own")
	}
	return c
}

func largeCommand(t *T) (lab.Command, bool) {
	var b strings.Builder
	for i := range 800 { // no part is like another
		fmt.Fprintf(&b, "%04d.", i)
	}
	value := "<VPNProfile>" + b.String() + "</VPNProfile>"
	return t.Form(
		lab.Command{Verb: syncml.Add, LocURI: "./Vendor/MSFT/VPNv2/dmwake/ProfileXML", Format: "chr", Data: value},
		lab.Command{Verb: syncml.Exec, LocURI: "./Vendor/MSFT/EnterpriseModernAppManagement/AppInstallation/dmwake/HostedInstall", Format: "chr", Data: value})
}

// takesChunks returns a device whose DevDetail/LrgObj is true.
func takesChunks(t *T) *Device {
	d := t.DeviceWith(func(c *dmclient.Config) { c.Quirks = append(c.Quirks, "large-objects") })
	enrolls(d)
	return d
}

// largeTraffic sends a large value to a device that takes chunks, if it can and nothing
// else did, so that there are chunks to judge.
func largeTraffic(t *T) {
	if t.Heard() >= fewSessions {
		return
	}
	if c, ok := largeCommand(t); ok && t.CanWork() && !t.Lab.Config.Target.Shared() {
		d := takesChunks(t)
		from := d.SessionCount()
		t.Queue(d, c)
		bringing(d, from, c)
		return
	}
	talk(t)
}

// sizeIn is the Size in Meta, or 0.
func sizeIn(m *syncml.Meta) int {
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m.Size) // 0 if there is none
	return n
}

// chunksIn counts the server's chunks that are not the last.
func chunksIn(sessions ...*dmclient.Session) (n int) {
	for _, s := range sessions {
		for _, m := range s.Received {
			m.Walk(func(c *syncml.Command) {
				for _, it := range c.Items {
					if it.MoreData {
						n++
					}
				}
			})
		}
	}
	return n
}

// inChunks holds a session in which the device sends Results in two chunks.
func inChunks(d *Device, f *resultsInChunks) *dmclient.Session {
	t := d.T
	d.First()
	// The Get of the suite's own work asks for it: 0, no limit, has no halves.
	d.Tree().Provision("./DevDetail/URI/MaxSegLen", "2048")
	d.AddFault(f)
	s := busy(d)
	d.ClearFaults()
	if f.first == "" {
		t.Managed(s)
		t.NotApplicable("there were no Results to divide: the server asked for nothing in the session that the device has, or for single characters")
	}
	return runsToEnd(d, s, "Results in chunks")
}

// resultsInChunks is a fault: the first Results of a session come in two chunks, in
// two messages.
type resultsInChunks struct {
	excess int  // what the Size of the first chunk is too large, in bytes
	breaks bool // another command comes in place of the last chunk

	of          *syncml.Command // the Results
	rest        []syncml.Command
	first, last string // MsgIDs
}

// Fault implements dmclient.Fault.
func (*resultsInChunks) Fault() string { return "sends Results in chunks" }

// Rewrite implements dmclient.Rewriter.
func (f *resultsInChunks) Rewrite(m *syncml.Message, _ int) {
	switch {
	case f.last != "":
	case f.rest != nil && m.Hdr.MsgID != f.first:
		if slices.ContainsFunc(m.Body, func(c syncml.Command) bool { return len(c.Items) > 0 && c.Items[0].MoreData }) {
			f.first = m.Hdr.MsgID // sent again, after a challenge
			return
		}
		m.Body, f.last = joined(m.Body, f.rest), m.Hdr.MsgID
	case f.rest == nil:
		at := slices.IndexFunc(m.Body, func(c syncml.Command) bool {
			return c.Verb == syncml.Results && len(c.Items) == 1 && len(c.Items[0].Data) > 1
		})
		if at >= 0 {
			f.divide(m, at)
		}
	}
}

// divide leaves the first chunk of Results in a message, and keeps what follows.
func (f *resultsInChunks) divide(m *syncml.Message, at int) {
	whole := m.Body[at]
	it := whole.Items[0]
	half := len(it.Data) / 2
	chunk := func(data string, more bool) syncml.Command {
		c, part, meta := whole, it, syncml.Meta{}
		if it.Meta != nil {
			meta = *it.Meta
		}
		if more {
			meta.Size = strconv.Itoa(len(it.Data) + f.excess)
		}
		part.Data, part.MoreData, part.Meta = data, more, &meta
		c.Items = []syncml.Item{part}
		return c
	}
	f.first, f.of = m.Hdr.MsgID, &whole
	f.rest = append([]syncml.Command{chunk(it.Data[half:], false)}, m.Body[at+1:]...)
	if f.breaks {
		f.rest[0] = unknownAlert(syncml.AlertClientEvent)
	}
	m.Body, m.Final = append(slices.Clone(m.Body[:at]), chunk(it.Data[:half], true)), false
}

// endsSilent reports whether the server ended the session by an empty reply to the last
// chunk, as it may if it has nothing to say.
func (f *resultsInChunks) endsSilent(s *dmclient.Session) bool {
	n := len(s.Received)
	return s.Err == nil && n < len(s.Sent) && s.Sent[n].Hdr.MsgID == f.last
}

// reply returns the server's reply to the message with that MsgID, and its Status for
// the chunk in that message; nil if there is none.
func (f *resultsInChunks) reply(t *T, s *dmclient.Session, msgID string) (m *syncml.Message, st *syncml.Command) {
	at := slices.IndexFunc(s.Sent, func(m *syncml.Message) bool { return m.Hdr.MsgID == msgID })
	if at < 0 || at >= len(s.Received) {
		t.Fail("a reply to Results in chunks", s.End)
	}
	for i := range s.Sent[at].Body {
		c := &s.Sent[at].Body[i]
		if c.Verb == syncml.Results && c.CmdRef == f.of.CmdRef && c.Items[0].Source == f.of.Items[0].Source {
			return s.Received[at], statusIn(s.Received[at], c)
		}
	}
	return s.Received[at], nil
}
