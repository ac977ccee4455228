package dmclient

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/dmwake/dmwake/simulator/csp/ddf"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// drawn makes server commands of any kind, nested ones too, on nodes that are
// there, that are not, and that cannot be.
func drawn(t *rapid.T, depth int, ids *int) syncml.Command {
	verbs := []syncml.Verb{syncml.Add, syncml.Replace, syncml.Get, syncml.Delete, syncml.Exec, syncml.Alert, "Frobnicate"}
	if depth > 0 {
		verbs = append(verbs, syncml.Atomic, syncml.Sequence, syncml.Atomic)
	}
	c := syncml.Command{Verb: rapid.SampledFrom(verbs).Draw(t, "verb")}
	if rapid.IntRange(0, 9).Draw(t, "has an id") > 0 {
		*ids++
		c.CmdID = strconv.Itoa(*ids)
	}
	if c.Verb == syncml.Atomic || c.Verb == syncml.Sequence {
		for range rapid.IntRange(0, 4).Draw(t, "nested") {
			c.Commands = append(c.Commands, drawn(t, depth-1, ids))
		}
		return c
	}
	if c.Verb == syncml.Alert {
		c.Data = "1100"
		return c
	}
	uris := []string{
		"./DevInfo/Lang", "./Vendor/MSFT/Policy/Config/Browser/HomePages", "./Vendor/MSFT/Policy/Config/Camera/AllowCamera", "./User/Vendor/MSFT/Policy/Config/Browser/HomePages",
		"./Vendor/MSFT/Policy/Config/NoSuchArea/NoSuchPolicy", "./Vendor/MSFT/LAPS/Policies/PasswordLength",
		"./Vendor/MSFT/VPNv2/Work/NativeProfile/Servers", "./Vendor/MSFT/VPNv2/Work", "./Nope", "/bad", "./Vendor/MSFT/DMClient/Provider/MDM/Push",
		"./Vendor/MSFT/DMClient/Provider/MDM/Push/PFN", "./Vendor/MSFT/Reboot/RebootNow", "./Vendor/MSFT/DMClient", "",
	}
	for range rapid.IntRange(0, 3).Draw(t, "items") {
		it := syncml.Item{Target: syncml.Loc{LocURI: rapid.OneOf(rapid.SampledFrom(uris), rapid.SampledFrom(ofTheDDF())).Draw(t, "uri")}}
		if rapid.Bool().Draw(t, "data") {
			it.Data, it.HasData = rapid.SampledFrom([]string{"1", goodPFN, "52314Publisher.TestWNS_1.1.0.0_x86__t6e9vsyjkrw9w", ""}).Draw(t, "value"), true
		}
		if rapid.IntRange(0, 5).Draw(t, "meta") == 0 {
			it.Meta = &syncml.Meta{Format: rapid.SampledFrom([]string{"int", "chr", "node"}).Draw(t, "format")}
		}
		c.Items = append(c.Items, it)
	}
	return c
}

// ofTheDDF are the addresses of all nodes that Microsoft's files describe.
var ofTheDDF = sync.OnceValue(func() (uris []string) {
	set, err := ddf.Facts()
	if err != nil {
		panic(err) // the table is in the binary
	}
	for _, n := range set.Nodes() {
		uris = append(uris, strings.NewReplacer("{", "x", "}", "y").Replace(n.Path))
	}
	return uris
})

// flat lists the commands that each need a Status, in document order.
func flat(cs []syncml.Command) (out []*syncml.Command) {
	for i := range cs {
		out = append(out, &cs[i])
		if cs[i].Verb == syncml.Atomic && cs[i].CmdID != "" || cs[i].Verb == syncml.Sequence && cs[i].CmdID != "" {
			nested := cs[i].Commands
			if cs[i].Verb == syncml.Atomic {
				// An Atomic answers for its own commands, not for those nested in them.
				for k := range nested {
					out = append(out, &nested[k])
				}
			} else {
				out = append(out, flat(nested)...)
			}
		}
	}
	return out
}

// TestAnyMessageKeepsTheRules: whatever a server sends, every command gets its
// Status, or one for each Item where they differ, in order and with TargetRef;
// Results follow their Get's 200; an Atomic is done as a whole or leaves the
// tree, the push channel and the pending effects as they were.
func TestAnyMessageKeepsTheRules(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := rapid.SampledFrom(Profiles()).Draw(rt, "profile")
		d, err := New(Config{Discovery: "https://x", Profile: p, Identity: capturedIdentity(), WNS: &fakeWNS{}})
		if err != nil {
			rt.Fatal(err)
		}
		d.provider, d.state = "MDM", Enrolled
		d.tree.Provision(ProviderURI("MDM"), "")
		ids := 0
		var body []syncml.Command
		for range rapid.IntRange(1, 6).Draw(rt, "commands") {
			body = append(body, drawn(rt, 2, &ids))
		}
		s := &Session{}
		x := &executor{ctx: context.Background(), r: &running{d: d, s: s}, d: d, s: s, msgRef: "7"}
		for i := range body {
			before := state(d)
			first := len(x.out)
			x.command(&body[i])
			if body[i].Verb == syncml.Atomic && body[i].CmdID != "" && x.out[first].Code() == syncml.AtomicFailed && state(d) != before {
				rt.Fatalf("an Atomic failed and left\n%s\nof\n%s", state(d), before)
			}
		}
		checkAnswers(rt, flat(body), x.out)
	})
}

// state is all that a command may change.
func state(d *Device) string {
	uri, status := d.push.Channel("MDM")
	d.mu.Lock()
	defer d.mu.Unlock()
	return fmt.Sprint(d.tree.Overlay(), uri, status, d.pending, d.jobs)
}

func checkAnswers(t *rapid.T, commands []*syncml.Command, out []syncml.Command) {
	i := 0
	for _, c := range commands {
		if i >= len(out) {
			t.Fatalf("%s %s has no Status", c.Verb, c.CmdID)
		}
		statuses := 1
		if i+1 < len(out) && len(out[i].TargetRef) > 0 {
			statuses = len(c.Items)
		}
		codes := map[string]bool{}
		for k := range statuses {
			st := out[i]
			if st.Verb != syncml.Status || st.CmdRef != c.CmdID || st.Cmd != string(c.Verb) || st.MsgRef != "7" {
				t.Fatalf("%s %s is answered by %+v", c.Verb, c.CmdID, st)
			}
			if statuses > 1 && strings.Join(st.TargetRef, "") != c.Items[k].Target.LocURI {
				t.Fatalf("%s %s: TargetRef %v, want %s", c.Verb, c.CmdID, st.TargetRef, c.Items[k].Target.LocURI)
			}
			if code := st.Code(); code < 200 || code > 599 {
				t.Fatalf("%s %s: code %q", c.Verb, c.CmdID, st.Data)
			}
			codes[st.Data] = true
			i++
		}
		if statuses > 1 && len(codes) == 1 {
			t.Fatalf("%s %s: several Statuses, all alike", c.Verb, c.CmdID)
		}
		if i < len(out) && out[i].Verb == syncml.Results {
			if c.Verb != syncml.Get || !codes["200"] || out[i].CmdRef != c.CmdID {
				t.Fatalf("Results %+v after %s %s %v", out[i], c.Verb, c.CmdID, codes)
			}
			i++
		} else if c.Verb == syncml.Get && codes["200"] {
			t.Fatalf("Get %s: 200 without Results", c.CmdID)
		}
	}
	if i != len(out) {
		t.Fatalf("%d answers too many: %+v", len(out)-i, out[i:])
	}
}

// TestDigest is the example that OMA DM Security 1.2.1 section 5.3 works out.
func TestDigest(t *testing.T) {
	if got := digest("Bruce2", "OhBehave", []byte("Nonce")); got != "Zz6EivR3yeaaENcRN6lpAQ==" {
		t.Errorf("digest %s", got)
	}
}

// FuzzUnpack: a damaged record is an error, never a crash.
func FuzzUnpack(f *testing.F) {
	d, err := New(Config{Discovery: "https://x", Profile: WP81(), Identity: capturedIdentity()})
	if err != nil {
		f.Fatal(err)
	}
	d.provider, d.state = "MDM", Enrolled
	d.tree.Provision(ProviderURI("MDM")+"/EntDMID", "e")
	record, err := d.Pack(Packing{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(record)
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Unpack(Config{Discovery: "https://x"}, Packing{}, b)
		if err != nil {
			return
		}
		if _, err := d.Pack(Packing{}); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		d.Next()
	})
}

// benchReply is what the benchmarks' server answers.
var benchReply = `<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>1</SessionID><MsgID>1</MsgID>` +
	`<Target><LocURI>D</LocURI></Target><Source><LocURI>https://mdm.example</LocURI></Source></SyncHdr><SyncBody>` +
	`<Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>200</Data></Status>` +
	`<Status><CmdID>2</CmdID><MsgRef>1</MsgRef><CmdRef>2</CmdRef><Cmd>Alert</Cmd><Data>200</Data></Status>` +
	`<Status><CmdID>3</CmdID><MsgRef>1</MsgRef><CmdRef>3</CmdRef><Cmd>Alert</Cmd><Data>200</Data></Status>` +
	`<Status><CmdID>4</CmdID><MsgRef>1</MsgRef><CmdRef>4</CmdRef><Cmd>Replace</Cmd><Data>200</Data></Status>` +
	`<Get><CmdID>5</CmdID><Item><Target><LocURI>./DevDetail/SwV</LocURI></Target></Item></Get>` +
	`<Get><CmdID>6</CmdID><Item><Target><LocURI>./DevInfo/Lang</LocURI></Target></Item></Get><Final/></SyncBody></SyncML>`

// FuzzReply: whatever a server answers, a session ends, and ends bounded.
func FuzzReply(f *testing.F) {
	for _, s := range []string{"<SyncML/>", benchReply, strings.Replace(benchReply, "<Final/>", "", 1), strings.Replace(benchReply, "200", "407", 1)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := syncml.ReadLimited(b, syncml.Limits{})
		if err != nil {
			return
		}
		d, err := New(Config{Discovery: "https://x", Identity: capturedIdentity()})
		if err != nil {
			t.Fatal(err)
		}
		d.provider, d.state = "MDM", Enrolled
		d.tree.Provision(ProviderURI("MDM"), "")
		r := &running{d: d, s: &Session{Received: []*syncml.Message{m}}}
		r.packageOne()
		if again, err := r.judged(m); again || err != nil {
			return
		}
		for range 3 {
			msg, err := r.answer(context.Background(), m)
			if err != nil || msg == nil {
				return
			}
			if _, err := syncml.Write(msg); err != nil {
				t.Fatalf("the answer cannot be written: %v", err)
			}
		}
	})
}
