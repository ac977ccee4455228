package syncml

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestCapturesRoundTrip reads what a real device sent and writes the same
// bytes again: reader and writer lose nothing of the real form.
func TestCapturesRoundTrip(t *testing.T) {
	names := []string{"win10-19043-04-package1.xml", "win10-19043-05-package3.xml", "win10-19043-06-unenroll.xml",
		"win11-26200-package1-user.xml", "win11-26200-package1-digest.xml", "win11-26200-results-md5.xml",
		"win11-26200-large-result-abort.xml", "win11-26200-unenroll-1226.xml"}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "captures", name))
			if err != nil {
				t.Skipf("NOT RUN: the captures of a real device are not beside this checkout: %v", err)
			}
			m, err := Read(raw)
			if err != nil {
				t.Fatal(err)
			}
			out, err := Write(m)
			if err != nil {
				t.Fatal(err)
			}
			if string(out) != string(raw) {
				t.Errorf("wrote\n%s\nwant\n%s", out, raw)
			}
			if p := Lint(raw); len(p) != 0 {
				t.Errorf("Lint of a real message: %v", p)
			}
		})
	}
}

const serverReply = `<?xml version="1.0" encoding="utf-8"?>
<s:SyncML xmlns:s="SYNCML:SYNCML1.2" xmlns:m="syncml:metinf">
  <!-- a comment -->
  <s:SyncHdr>
    <s:VerDTD>1.2</s:VerDTD><s:VerProto>DM/1.2</s:VerProto>
    <s:SessionID> 1F </s:SessionID><s:MsgID>1</s:MsgID>
    <s:Target><s:LocURI>dev</s:LocURI></s:Target>
    <s:Source><s:LocURI>https://mdm.example</s:LocURI></s:Source>
  </s:SyncHdr>
  <s:SyncBody>
    <s:Status><s:CmdID>1</s:CmdID><s:MsgRef>1</s:MsgRef><s:CmdRef>0</s:CmdRef><s:Cmd>SyncHdr</s:Cmd>
      <s:Chal><s:Meta><m:Type>syncml:auth-md5</m:Type><m:Format>b64</m:Format><m:NextNonce>bm9uY2U=</m:NextNonce></s:Meta></s:Chal>
      <s:Data>407</s:Data></s:Status>
    <s:Atomic><s:CmdID>2</s:CmdID>
      <s:Replace><s:CmdID>3</s:CmdID><s:Item><s:Target><s:LocURI>./A</s:LocURI></s:Target>
        <s:Meta><m:Format>chr</m:Format></s:Meta><s:Data><![CDATA[a <b> & c]]></s:Data></s:Item></s:Replace>
      <s:Sequence><s:CmdID>4</s:CmdID><s:Delete><s:CmdID>5</s:CmdID><s:Item><s:Target><s:LocURI>./B</s:LocURI></s:Target></s:Item></s:Delete></s:Sequence>
    </s:Atomic>
    <s:Frobnicate><s:CmdID>6</s:CmdID></s:Frobnicate>
    <s:Final/>
  </s:SyncBody>
</s:SyncML>`

func TestReadTakesPrefixedIndentedDeclared(t *testing.T) {
	m, err := Read([]byte(serverReply))
	if err != nil {
		t.Fatal(err)
	}
	if m.Hdr.SessionID != "1F" || m.Hdr.Source.LocURI != "https://mdm.example" || !m.Final || m.Namespace != Namespace {
		t.Errorf("header: %+v final %v namespace %q", m.Hdr, m.Final, m.Namespace)
	}
	if len(m.Body) != 3 {
		t.Fatalf("body has %d commands, want 3", len(m.Body))
	}
	if c := m.Body[0]; c.Code() != MissingCredential || c.Chal == nil || c.Chal.Meta.NextNonce != "bm9uY2U=" {
		t.Errorf("status: %+v", c)
	}
	at := m.Body[1]
	if len(at.Commands) != 2 || at.Commands[0].Items[0].Data != "a <b> & c" || at.Commands[1].Commands[0].Target() != "./B" {
		t.Errorf("atomic: %+v", at)
	}
	if v := m.Body[2].Verb; v.Known() || v != "Frobnicate" {
		t.Errorf("an unknown element must be kept by name, got %q", v)
	}
	var ids []string
	m.Walk(func(c *Command) { ids = append(ids, c.CmdID) })
	if got := strings.Join(ids, " "); got != "1 2 3 4 5 6" {
		t.Errorf("Walk visited %s", got)
	}
	if p := Lint([]byte(serverReply)); len(p) != 0 {
		t.Errorf("Lint: %v", p)
	}
}

func doc(body string) string {
	return `<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr/><SyncBody>` + body + `</SyncBody></SyncML>`
}

func TestReadRefuses(t *testing.T) {
	tight := Limits{Bytes: 4096, Depth: 10, Commands: 3}
	cases := []struct {
		name, in string
		want     error
	}{
		{"empty", "", ErrEmpty},
		{"white space", " \n", ErrEmpty},
		{"not XML", "hello", ErrNotXML},
		{"truncated", `<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr>`, ErrNotXML},
		{"two roots", doc("") + doc(""), ErrNotXML},
		{"text after the root", doc("") + "x", ErrNotXML},
		{"unknown entity", doc("<Alert><Data>&boom;</Data></Alert>"), ErrNotXML},
		{"wrong root", "<Envelope/>", ErrNotSyncML},
		{"no header", `<SyncML xmlns="SYNCML:SYNCML1.2"><SyncBody/></SyncML>`, ErrNotSyncML},
		{"no body", `<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr/></SyncML>`, ErrNotSyncML},
		{"DTD", `<!DOCTYPE SyncML [<!ENTITY x "y">]>` + doc(""), ErrDTD},
		{"too large", doc(strings.Repeat(" ", 5000)), ErrTooLarge},
		{"too deep", doc(strings.Repeat("<Atomic>", 20) + strings.Repeat("</Atomic>", 20)), ErrTooDeep},
		{"too deep, never closed", strings.Repeat("<a>", 20), ErrTooDeep},
		{"too many", doc(strings.Repeat("<Get/>", 4)), ErrTooManyCommands},
		{"too many, nested", doc("<Atomic>" + strings.Repeat("<Get/>", 3) + "</Atomic>"), ErrTooManyCommands},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := ReadLimited([]byte(c.in), tight); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	ok := doc(`<Get/><Get><Item><Data>&lt;` + strings.Repeat("<![CDATA[<x><x>]]>", 20) + `</Data></Item></Get><!-- <a><a><a> --><Alert a="/>"><Data/></Alert>`)
	if _, err := ReadLimited([]byte(ok), tight); err != nil {
		t.Errorf("markup inside CDATA, comments and attributes is not depth: %v", err)
	}
}

func TestLintFindsWhatReadTolerates(t *testing.T) {
	cases := map[string]string{
		`<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr/><SyncBody><x:Get/></SyncBody></SyncML>`:              `prefix "x" of element x:Get is not bound`,
		`<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr/><SyncBody y:a="1"/></SyncML>`:                        `prefix "y" of attribute y:a is not bound`,
		`<SyncML xmlns="SYNCML:SYNCML1.1"><SyncHdr/><SyncBody/></SyncML>`:                                `the root SyncML is in namespace "SYNCML:SYNCML1.1", not "SYNCML:SYNCML1.2"`,
		`<s:SyncML xmlns:s="SYNCML:SYNCML1.1"><s:SyncHdr/><s:SyncBody/></s:SyncML>`:                      `the root s:SyncML is in namespace "SYNCML:SYNCML1.1", not "SYNCML:SYNCML1.2"`,
		`<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr/><SyncBody><a xmlns:b=""/><b:c/></SyncBody></SyncML>`: `prefix "b" of element b:c is not bound`,
	}
	for in, want := range cases {
		if _, err := Read([]byte(in)); err != nil {
			t.Errorf("Read must tolerate %s: %v", in, err)
		}
		if got := Lint([]byte(in)); len(got) != 1 || got[0] != want {
			t.Errorf("Lint(%s) = %q, want %q", in, got, want)
		}
	}
}

// TestRoundTrip holds for every message the writer can be given: what is read
// again is what was written.
func TestRoundTrip(t *testing.T) {
	word := rapid.StringMatching(`[A-Za-z0-9./&<>"' é]{1,12}`).Filter(func(s string) bool { return strings.TrimSpace(s) == s })
	id := rapid.StringMatching(`[1-9][0-9]{0,3}`)
	verbs := []Verb{Add, Replace, Get, Delete, Exec, Alert, Status, Results, "Frobnicate", "Frobnicate2"}
	item := rapid.Custom(func(t *rapid.T) Item {
		it := Item{Target: Loc{LocURI: word.Draw(t, "target")}}
		if rapid.Bool().Draw(t, "meta") {
			it.Meta = &Meta{Format: word.Draw(t, "format"), Type: word.Draw(t, "type")}
		}
		if rapid.Bool().Draw(t, "chunk") {
			it.MoreData, it.Meta = true, &Meta{Size: id.Draw(t, "size"), Mark: "critical", MaxObjSize: "1"}
		}
		if rapid.Bool().Draw(t, "data") {
			it.Data, it.HasData = word.Draw(t, "value"), true
		}
		return it
	})
	command := rapid.Custom(func(t *rapid.T) Command {
		c := Command{Verb: rapid.SampledFrom(verbs).Draw(t, "verb"), CmdID: id.Draw(t, "cmdid")}
		switch c.Verb {
		case Status:
			c.MsgRef, c.CmdRef, c.Cmd, c.Data = "1", id.Draw(t, "cmdref"), "Get", "200"
			if rapid.Bool().Draw(t, "challenge") {
				c.Chal = &Chal{Meta: Meta{Type: "syncml:auth-md5", Format: "b64", NextNonce: word.Draw(t, "nonce")}}
			}
			if rapid.Bool().Draw(t, "refs") {
				c.TargetRef, c.SourceRef = []string{word.Draw(t, "targetref")}, []string{word.Draw(t, "sourceref")}
			}
		case Results:
			c.MsgRef, c.CmdRef = "1", id.Draw(t, "cmdref")
			c.Items = rapid.SliceOfN(item, 1, 3).Draw(t, "items")
		case Alert:
			c.Data = "1201"
		default:
			c.Items = rapid.SliceOfN(item, 1, 3).Draw(t, "items")
		}
		return c
	})
	rapid.Check(t, func(t *rapid.T) {
		m := &Message{
			Hdr: SyncHdr{VerDTD: VerDTD, VerProto: VerProto, SessionID: id.Draw(t, "session"), MsgID: id.Draw(t, "msg"),
				Target: Loc{LocURI: word.Draw(t, "to")}, Source: Loc{LocURI: word.Draw(t, "from"), LocName: "x"}},
			Body:      rapid.SliceOfN(command, 1, 5).Draw(t, "body"),
			Final:     rapid.Bool().Draw(t, "final"),
			Namespace: Namespace,
		}
		if rapid.Bool().Draw(t, "cred") {
			m.Hdr.Cred = &Cred{Meta: &Meta{Type: "syncml:auth-basic", Format: "b64"}, Data: "eA=="}
			m.Hdr.Meta = &Meta{MaxMsgSize: "5000"}
		}
		m.Hdr.NoResp = rapid.Bool().Draw(t, "noresp")
		if m.Final {
			m.FinalCount = 1
		}
		if rapid.Bool().Draw(t, "atomic") {
			m.Body = append(m.Body, Command{Verb: Atomic, CmdID: "99", Commands: rapid.SliceOfN(command, 1, 3).Draw(t, "nested")})
		}
		b, err := Write(m)
		if err != nil {
			t.Fatal(err)
		}
		wb, err := WriteWBXML(m)
		if err != nil {
			t.Fatal(err)
		}
		for form, read := range map[string]func() (*Message, error){
			"XML":    func() (*Message, error) { return Read(b) },
			"UTF-16": func() (*Message, error) { return Read(EncodeUTF16(b)) },
			"WBXML":  func() (*Message, error) { return ReadWBXML(wb, Limits{}) },
		} {
			got, err := read()
			if err != nil {
				t.Fatalf("%s: %v\n%s", form, err, b)
			}
			if !reflect.DeepEqual(got, m) {
				t.Fatalf("%s: read  %+v\nwrote %+v\n%s", form, got, m, b)
			}
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(serverReply))
	f.Add([]byte(doc("<Get/>")))
	f.Add([]byte(`<SyncML><SyncHdr/><SyncBody><Add><Item><Data><a b="c">d</a></Data></Item></Add></SyncBody></SyncML>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Read(b)
		if err != nil {
			return
		}
		Lint(b)
		out, err := Write(m)
		if err != nil {
			t.Fatalf("a message that was read cannot be written: %v", err)
		}
		if _, err := Read(out); err != nil {
			t.Fatalf("what was written cannot be read: %v\n%s", err, out)
		}
	})
}
