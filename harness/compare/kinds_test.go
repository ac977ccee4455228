package compare

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/dmwake/dmwake/simulator/dmclient"
	"github.com/dmwake/dmwake/simulator/mdmserver"
	"github.com/dmwake/dmwake/simulator/syncml"
)

// scrambled replaces a text in every session message.
type scrambled struct{ old, with string }

func (scrambled) Fault() string { return "writes something else" }

func (f scrambled) Scramble(body []byte, _ int) []byte {
	return []byte(strings.ReplaceAll(string(body), f.old, f.with))
}

// rewritten changes messages.
type rewritten func(m *syncml.Message, n int)

func (rewritten) Fault() string { return "writes other commands" }

func (f rewritten) Rewrite(m *syncml.Message, n int) { f(m, n) }

// counted gives every message an MS-CV of its own.
func counted() func(*http.Request) {
	n := 0
	return func(r *http.Request) {
		if r.Header.Get("MS-CV") != "" {
			r.Header.Set("MS-CV", fmt.Sprintf("AAAAAAAAAAAAAAAA.0.0.%d", n))
			n++
		}
	}
}

// TestKinds: a device that differs in one way shows exactly that difference, with what
// it means.
func TestKinds(t *testing.T) {
	md5 := func(c *mdmserver.Config) { c.SessionAuth = mdmserver.AuthMD5 }
	const (
		item    = "Results for 1/8/Item ./DevDetail/LrgObj"
		one     = "session 1 message 1"
		two     = "session 2 message 2"
		version = "Status for Get 1/7"
		rest    = "ContextItem DeviceName, ContextItem MAC, ContextItem DeviceID, ContextItem EnrollmentType, ContextItem DeviceType, ContextItem OSVersion, ContextItem ApplicationVersion"
	)
	for _, c := range []struct {
		name    string
		base    string // the profile, default win11-25h2
		profile func(*dmclient.Profile)
		fault   dmclient.Fault
		edit    func(*http.Request)
		server  func(*mdmserver.Config)
		plain   bool // the CSR
		// want are the differences: kind, message, path, Windows, simulated, and a part of
		// what it means.
		want [][6]string
		skip string // a kind that is not counted
	}{
		{name: "header missing", edit: func(r *http.Request) { r.Header.Del("Accept-Charset") },
			want: [][6]string{{"header", one, "Accept-Charset", "none", "UTF-8", "relies on it would pass wrongly"}}},
		{name: "header extra", edit: func(r *http.Request) { r.Header.Set("X-New", "1") },
			want: [][6]string{{"header", "discovery GET", "X-New", "1", "none", "needs it would be judged wrongly"}}},
		{name: "header value", profile: func(p *dmclient.Profile) { p.UserAgent = "MSFT OMA DM Client/1.3" },
			want: [][6]string{{"header", one, "User-Agent", "MSFT OMA DM Client/1.3", "MSFT OMA DM Client/1.2.0.1", "see another value"}}},
		{name: "form of MS-CV", edit: func(r *http.Request) {
			if r.Header.Get("MS-CV") != "" {
				r.Header.Set("MS-CV", "AAAAAAAAAAAAAAAAAAAAAA.0")
			}
		}, want: [][6]string{{"header", one, "MS-CV", "AAAAAAAAAAAAAAAAAAAAAA.0", "(base).0.0.(first + 0)", "see another value"}}},
		{name: "MS-CV counts messages", edit: counted(),
			want: [][6]string{{"header", "session 1 message 2", "MS-CV", "(base).0.0.(first + 1)", "(base).0.0.(first + 0)", "see another value"}}},
		{name: "query", profile: func(p *dmclient.Profile) { p.Quirks.NoMode = true },
			want: [][6]string{{"http", one, "query", "Platform=WoA", "mode=Maintenance&Platform=WoA", "route by mode"}}},
		{name: "HTTP version", base: "win81", profile: func(p *dmclient.Profile) { p.Quirks.HTTP2 = true },
			want: [][6]string{{"http", "discovery GET", "version", "HTTP/2.0", "HTTP/1.1", "another version of HTTP"}}},
		{name: "RequestVersion", profile: func(p *dmclient.Profile) { p.RequestVersion = "8.0" }, want: [][6]string{
			{"value", "Discover", "Body/Discover/request/RequestVersion", "8.0", "9.0", "choose the policies"},
			{"value", "RST", "ContextItem RequestVersion", "8.0", "9.0", "choose the policies"}}},
		{name: "DeviceType", profile: func(p *dmclient.Profile) { p.DeviceType = "Other" }, want: [][6]string{
			{"value", "Discover", "Body/Discover/request/DeviceType", "Other", "CIMClient_Windows", "phones and desktops"},
			{"value", "RST", "ContextItem DeviceType", "Other", "CIMClient_Windows", "phones and desktops"}}},
		{name: "AuthPolicy", profile: func(p *dmclient.Profile) { p.AuthPolicies = []string{"OnPremise"} },
			want: [][6]string{{"item", "Discover", "Body/Discover/request/AuthPolicies/AuthPolicy Federated", "missing", "there", "how devices sign in"}}},
		{name: "context item", profile: func(p *dmclient.Profile) { p.Context = slices.Clone(p.Context[1:]) },
			want: [][6]string{{"item", "RST", "Body/RequestSecurityToken/AdditionalContext/ContextItem UXInitiated", "missing", "there", "this build does not send it"}}},
		{name: "context order", base: "win81", profile: func(p *dmclient.Profile) {
			p.Context = slices.Clone(p.Context)
			p.Context[1], p.Context[2] = p.Context[2], p.Context[1]
		}, want: [][6]string{{"order", "RST", "Body/RequestSecurityToken/AdditionalContext",
			"ContextItem UXInitiated, ContextItem OSEdition, ContextItem TargetedUserLoggedIn, " + rest,
			"ContextItem UXInitiated, ContextItem TargetedUserLoggedIn, ContextItem OSEdition, " + rest, "depend on this order"}}},
		{name: "CSR", plain: true, want: [][6]string{{"csr", "RST", "Body/RequestSecurityToken/BinarySecurityToken", `          PrintableString "3C5EB56C4D444A0DCF4EEE7831C5F58A"`,
			`          PrintableString "F5C5CE19-04FB-4D80-824F-88B526!3C5EB56C4D444A0DCF4EEE7831C5F58A\x00"`, "encoded differently"}}},
		{name: "DmV", profile: func(p *dmclient.Profile) { p.DmV = "1.4" },
			want: [][6]string{{"value", one, "Replace/Item ./DevInfo/DmV/Data", "1.4", "1.3", "know a Windows version by DmV"}}},
		{name: "numbering", fault: fault(t, "cmdid-gaps"), want: [][6]string{
			{"numbering", one, "SyncBody/CmdID", "7 10 13", "2 3 4", "from a given number on"},
			{"numbering", "session 3 message 1", "SyncBody/CmdID", "7 10 13 16", "2 3 4 5", "from a given number on"}}},
		{name: "an item more", profile: func(p *dmclient.Profile) { p.Quirks.HWDevIDItem = true },
			want: [][6]string{{"item", one, "Replace/Item ./Vendor/MSFT/DMClient/HWDevID", "there", "missing", "reads it would be judged wrongly"}}},
		{name: "Mark", profile: func(p *dmclient.Profile) { p.Quirks.UnenrollCritical = false }, want: [][6]string{
			{"element", "session 3 message 1", "Alert 1226 com.microsoft:mdm.unenrollment.userrequest/Item/Meta/Mark", "missing", "there", "critical alerts"},
			{"header", "session 3 message 1", "MDM-GenericAlert", "none", "<com.microsoft:mdm.unenrollment.userrequest>", "no header MDM-GenericAlert"}}},
		{name: "Final", fault: scrambled{"<Final/></SyncBody>", "</SyncBody>"},
			want: [][6]string{{"element", one, "Final", "missing", "there", "left the package open"}}},
		{name: "LocName", server: md5, fault: scrambled{"<LocName>3C5EB56C4D444A0DCF4EEE7831C5F58A</LocName>", ""},
			want: [][6]string{{"element", "session 1 message 2", "SyncHdr/Source/LocName", "missing", "there", "sends LocName and Windows does not"}}},
		{name: "order in Cred", server: md5, fault: scrambled{`<Format xmlns="syncml:metinf">b64</Format><Type xmlns="syncml:metinf">syncml:auth-md5</Type>`,
			`<Type xmlns="syncml:metinf">syncml:auth-md5</Type><Format xmlns="syncml:metinf">b64</Format>`},
			want: [][6]string{{"order", "session 1 message 2", "SyncHdr/Cred/Meta", "Type, Format", "Format, Type", "depend on this order"}}},
		{name: "Cred", server: md5, profile: func(p *dmclient.Profile) { p.Quirks.SendsCred = true }, want: [][6]string{
			{"element", one, "SyncHdr/Cred", "there", "missing", "shows a credential here"},
			{"element", one, "SyncHdr/Source/LocName", "there", "missing", "whose credential it is"}}},
		{name: "status", fault: fault(t, "answer=Get:/DevDetail/SwV:500"),
			want: [][6]string{{"status", two, version + "/Data", "500", "200", "how a server handles 500 is not tested"}}},
		{name: "a node more", fault: fault(t, "answer=Get:/DevDetail/SwV:404"),
			want: [][6]string{{"node extra", two, version + "/Data", "404", "200", "has node ./DevDetail/SwV, which Windows answers with 404"}}},
		{name: "a node missing", fault: fault(t, "answer=Get:/NoSuch/Node:200"),
			want: [][6]string{{"node unknown", two, "Status for Get 1/9/Data", "200", "404", "node ./Vendor/MSFT/NoSuch/Node is missing in profile win11-25h2"}}},
		{name: "no format", fault: scrambled{`<Meta><Format xmlns="syncml:metinf">bool</Format></Meta>`, ""},
			want: [][6]string{{"format", two, item + "/Meta/Format", "none", "bool", "none on Windows and bool here"}}},
		{name: "another format", fault: scrambled{`<Format xmlns="syncml:metinf">bool</Format>`, `<Format xmlns="syncml:metinf">int</Format>`},
			want: [][6]string{{"format", two, item + "/Meta/Format", "int", "bool", "the format of node ./DevDetail/LrgObj is int on Windows"}}},
		{name: "a value", fault: scrambled{"<Data>10.0.26200.9278</Data>", "<Data>10.0.26200.1</Data>"}, skip: skipMachine},
		{name: "no Status", fault: fault(t, "drop-status=Replace"),
			want: [][6]string{{"command", two, "Status for Replace 1/10", "missing", "Status 200", "that Windows leaves unanswered"}}},
		{name: "Status without Cmd", fault: scrambled{"<Cmd>Replace</Cmd>", ""},
			want: [][6]string{{"element", two, "Status for 1/10/Cmd", "missing", "there", "sends Cmd and Windows does not"}}},
		{name: "order", fault: rewritten(func(m *syncml.Message, n int) {
			if n == 1 && len(m.Body) == 3 {
				m.Body[0], m.Body[1] = m.Body[1], m.Body[0]
			}
		}), want: [][6]string{{"order", one, "SyncBody", "Alert 1224 com.microsoft/MDM/LoginStatus, Alert 1201, Replace, Final",
			"Alert 1201, Alert 1224 com.microsoft/MDM/LoginStatus, Replace, Final", "depend on this order"}}},
		{name: "version", fault: fault(t, "wrong-version"), want: [][6]string{
			{"value", one, "SyncHdr/VerDTD", "1.1", "1.2", "another VerDTD"}, {"value", one, "SyncHdr/VerProto", "DM/1.1", "DM/1.2", "another VerProto"}}},
		{name: "a message less", fault: fault(t, "stop=2"),
			want: [][6]string{{"message", "after the last message of session 1", "message", "missing", "there", "one message too many"}}},
		{name: "prefixes", fault: fault(t, "indented"), want: [][6]string{
			{"form", one, "prefix of elements", "s", "none", "match the text"}, {"form", one, "prefix of elements", "m", "none", "match the text"}}},
		{name: "white space", fault: scrambled{"</SyncHdr><SyncBody>", "</SyncHdr>\n<SyncBody>"}, skip: skipSpace},
		{name: "attribute", fault: scrambled{`<SyncML xmlns=`, `<SyncML xml:lang="en" xmlns=`},
			want: [][6]string{{"form", one, "SyncML", "attribute xml:lang=en", "attribute ", "match the text"}}},
		{name: "empty element", fault: scrambled{"<Final/>", "<Final></Final>"},
			want: [][6]string{{"bytes", one, "body", "<Final>", "<Final/>", "the XML is equal, its bytes are not"}}},
		{name: "an alert of the machine", fault: rewritten(func(m *syncml.Message, n int) {
			if opens(m) {
				m.Body = append(m.Body, syncml.Command{Verb: syncml.Alert, CmdID: strconv.Itoa(number(m.Body[len(m.Body)-1].CmdID) + 1), Data: "1226",
					Items: []syncml.Item{{Source: syncml.Loc{LocURI: "./Vendor/MSFT/X"}, Meta: &syncml.Meta{Type: "com.example/X", Format: "chr"}, Data: "1", HasData: true}}})
			}
		}), skip: skipAlerts},
		{name: "session id", fault: fault(t, "session-id=AB")},
	} {
		t.Run(c.name, func(t *testing.T) {
			base := cmp.Or(c.base, "win11-25h2")
			p, err := dmclient.ProfileByName(base)
			if err != nil {
				t.Fatal(err)
			}
			if c.profile != nil {
				c.profile(&p)
			}
			r := newRig(t, c.server)
			r.edit, r.opts.PlainCSR = c.edit, c.plain
			d := r.device(p, nil)
			if c.fault != nil {
				d.AddFault(c.fault)
			}
			r.life(d)
			got := r.compared(base)
			var have, want []string
			for i, x := range got.Differences {
				have = append(have, strings.Join([]string{string(x.Kind), x.What, x.Path, x.Real, x.Simulated}, " | "))
				if i < len(c.want) && !strings.Contains(x.Means, c.want[i][5]) {
					t.Errorf("it means %q, want %q", x.Means, c.want[i][5])
				}
			}
			for _, w := range c.want {
				want = append(want, strings.Join(w[:5], " | "))
			}
			if !slices.Equal(have, want) {
				t.Errorf("differences\n%s\nwant\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
			}
			if got.Equal == got.Messages != (len(want) == 0 || c.want[0][0] == "message") {
				t.Errorf("%d of %d messages are equal", got.Equal, got.Messages)
			}
			if c.skip != "" && !slices.ContainsFunc(got.Skipped, func(s Skip) bool { return s.Kind == c.skip }) {
				t.Errorf("skipped %v, want %q, too", got.Skipped, c.skip)
			}
		})
	}
}
