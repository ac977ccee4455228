package ddf_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/dmwake/dmwake/simulator/csp/ddf"
)

const message = `<SyncML xmlns="SYNCML:SYNCML1.2">
  <SyncHdr><VerDTD>1.2</VerDTD></SyncHdr>
  <SyncBody>
    <Status><CmdID>1</CmdID><Cmd>SyncHdr</Cmd><Data>200</Data></Status>
    <Atomic>
      <CmdID>2</CmdID>
      <Replace>
        <CmdID>3</CmdID>
        <Item>
          <Target><LocURI>./Vendor/MSFT/LAPS/Policies/BackupDirectory</LocURI></Target>
          <Meta><Format xmlns="syncml:metinf">int</Format></Meta>
          <Data>1</Data>
        </Item>
        <Item>
          <Target><LocURI>./Vendor/MSFT/LAPS/Policies/PasswordLength</LocURI></Target>
          <Meta><Format>chr</Format></Meta>
          <Data><![CDATA[<a/>]]></Data>
        </Item>
      </Replace>
    </Atomic>
    <Sequence><Get><CmdID>4</CmdID></Get></Sequence>
    <Add><Meta><Format>chr</Format></Meta><Item><Target><LocURI>./X</LocURI></Target><Data> <enabled/><data id="a" value="&lt;"/> </Data></Item></Add>
    <Final/>
  </SyncBody>
</SyncML>`

func TestCommands(t *testing.T) {
	p := func(line, column int) ddf.Position { return ddf.Position{Line: line, Column: column} }
	laps := "./Vendor/MSFT/LAPS/Policies/"
	want := []ddf.Command{
		{Verb: "Replace", LocURI: laps + "BackupDirectory", Format: "int", Data: "1", Atomic: true, At: p(7, 7), URIAt: p(10, 27), FormatAt: p(11, 47), DataAt: p(12, 17)},
		{Verb: "Replace", LocURI: laps + "PasswordLength", Format: "chr", Data: "<a/>", Atomic: true, At: p(7, 7), URIAt: p(15, 27), FormatAt: p(16, 25), DataAt: p(17, 17)},
		{Verb: "Get", At: p(21, 15)},
		{Verb: "Add", LocURI: "./X", Format: "chr", Data: `<enabled/><data id="a" value="&lt;"/>`, At: p(22, 5), URIAt: p(22, 65), FormatAt: p(22, 24), DataAt: p(22, 92)},
	}
	units, big := []byte{0xFF, 0xFE}, []byte{0xFE, 0xFF}
	for _, u := range utf16.Encode([]rune(message)) {
		units, big = append(units, byte(u), byte(u>>8)), append(big, byte(u>>8), byte(u))
	}
	for name, text := range map[string][]byte{"UTF-8": []byte(message), "mark": []byte("\ufeff" + message), "UTF-16": units, "UTF-16, big end first": big,
		"UTF-16 without a mark": units[2:], "big end first without a mark": big[2:]} {
		got, err := ddf.Commands(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", name, err, got, want)
		}
	}

	got, err := ddf.Commands([]byte(`<?xml version="1.0"?><wap-provisioningdoc version="1.1">
 <characteristic type="APPLICATION"><parm name="APPID" value="w7"/></characteristic>
 <characteristic type="DMClient"><characteristic type="Provider"><characteristic type="My/MDM">
  <parm name="EntDMID" value="1" datatype="string"/>
 </characteristic></characteristic></characteristic></wap-provisioningdoc>`))
	want = []ddf.Command{{Verb: "Set", LocURI: "./Vendor/MSFT/DMClient/Provider/My%2FMDM/EntDMID", Format: "chr", Data: "1", Provisioning: true, At: p(4, 3)}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n got %+v\nwant %+v", err, got, want)
	}

	got, err = ddf.Commands([]byte("[\n  {\"verb\": \"Replace\", \"locURI\": \"./A\", \"format\": \"int\", \"data\": \"1\"},\n  {\"verb\": \"Exec\", \"locuri\": \"./B\", \"atomic\": true}\n]"))
	want = []ddf.Command{{Verb: "Replace", LocURI: "./A", Format: "int", Data: "1", At: p(2, 3)}, {Verb: "Exec", LocURI: "./B", Atomic: true, At: p(3, 3)}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n got %+v\nwant %+v", err, got, want)
	}
}

// TestCommandsOfOtherForms: what people write where a text is expected.
func TestCommandsOfOtherForms(t *testing.T) {
	for text, want := range map[string]string{
		`{"verb": "Replace", "locURI": "./A", "data": 1}`:                                                                                   "Replace ./A 1",
		`{"verb": "Replace", "locURI": "./A", "data": true}`:                                                                                "Replace ./A true",
		`{"verb": "Replace", "locURI": "./A", "data": null}`:                                                                                "Replace ./A ",
		"{\"verb\": \"Get\", \"locURI\": \"./A\"}\n{\"verb\": \"Get\", \"locURI\": \"./B\"}":                                                "Get ./A ; Get ./B ",
		"<?xml version='1.0' encoding='iso-8859-1'?><Replace><Item><Target><LocURI>./A</LocURI></Target><Data>\xfc</Data></Item></Replace>": "Replace ./A ü",
		"<Move><Item><Target><LocURI>./A</LocURI></Target></Item></Move>":                                                                   "Move ./A ",
	} {
		got, err := ddf.Commands([]byte(text))
		var list []string
		for _, c := range got {
			list = append(list, c.Verb+" "+c.LocURI+" "+c.Data)
		}
		if s := strings.Join(list, "; "); err != nil || s != want {
			t.Errorf("%s: %q %v, want %q", text, s, err, want)
		}
	}
}

// TestManyItems: the time does not grow with the square of a command's Items, nor with
// the unknown addresses.
func TestManyItems(t *testing.T) {
	set, err := ddf.Facts()
	if err != nil {
		t.Fatal(err)
	}
	checker, err := ddf.NewChecker(set, ddf.Build{})
	if err != nil {
		t.Fatal(err)
	}
	item := "<Item><Target><LocURI>./Vendor/MSFT/Policy/Config/Camera/AllowCamra</LocURI></Target><Data>1</Data></Item>"
	r, err := checker.Document([]byte("<Replace>" + strings.Repeat(item, 10_000) + "<Meta><Format>int</Format></Meta></Replace>"))
	if err != nil || r.Commands != 10_000 || len(r.Findings) != 10_000 || len(r.Findings[9_999].Near) == 0 {
		t.Errorf("%d commands, %d findings, %v", r.Commands, len(r.Findings), err)
	}
}

func TestCommandsRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "no command in it",
		"hello":                        `line 1, column 1: text outside of an element: "hello"`,
		"<SyncML><SyncBody/></SyncML>": "no command in it",
		"<Replace>\n<Item></Replace>":  "line 2, column",
		"<Replace><Item>":              "the XML ends too early",
		"[{\"verb\": 1}]":              "line 1, column",
		"[{\"verbs\": \"Get\"}]":       "unknown field",
		"[{\"verb\": []}]":             "verb cannot be of type array",
		"[{\"data\": []}]":             "data must be a text, a number or a bool",
		"[null, 5]":                    "line 1, column 8: a number is not a command",
		"[{\"verb\": \"Get\"}] more":   "there is more after the list",
		"\xff\xfe\x00\x00<":            "UTF-32",
		"<a>\n \xff</a>":               "line 2, column 2: the bytes are not UTF-8",
		"<?xml version=\"1.0\" encoding=\"windows-1251\"?><a>\xff</a>": "the encoding windows-1251 is not read",
		"[{\"verb\": \"Get\"}":                      "the JSON ends too early",
		strings.Repeat("<a>", 300):                  "levels of elements",
		strings.Repeat("<Get/>", 100001):            "more than 100000 commands",
		"[" + strings.Repeat("{},", 100001) + "{}]": "more than 100000 commands",
	} {
		if _, err := ddf.Commands([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
}

// TestDocument: the findings of a provisioning document and of a message have their
// places.
func TestDocument(t *testing.T) {
	set, err := ddf.Facts()
	if err != nil {
		t.Fatal(err)
	}
	checker, err := ddf.NewChecker(set, ddf.Build{Number: 22631})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		message: "16:25 error format, 17:17 error value",
		`<wap-provisioningdoc><characteristic type="DMClient"><characteristic type="Provider"><characteristic type="X">
<characteristic type="Poll"><parm name="NumberOfFirstRetries" value="8" datatype="integer"/></characteristic>
<characteristic type="Poll"><parm name="NumberOfFirstRetries" value="eight" datatype="integer"/></characteristic>
<parm name="EntDeviceName" value="x" datatype="string"/><parm name="NoSuch" value="x" datatype="string"/>
</characteristic></characteristic></characteristic></wap-provisioningdoc>`: "3:29 error value, 4:57 unknown unknown",
	} {
		r, err := checker.Document([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		for _, f := range r.Findings {
			if f.LocURI != "./X" && f.LocURI != "" {
				said = append(said, fmt.Sprintf("%d:%d %s %s", f.Line, f.Column, f.Level, f.Rule))
			}
		}
		if got := strings.Join(said, ", "); got != want {
			t.Errorf("%s, want %s\n%+v", got, want, r.Findings)
		}
	}
}

func FuzzDocument(f *testing.F) {
	f.Add([]byte(message))
	f.Add([]byte("\xff\xfe<\x00a\x00/\x00>\x00"))
	f.Add([]byte(`<wap-provisioningdoc><characteristic type="DMClient"><parm name="a" value="b"/></characteristic></wap-provisioningdoc>`))
	f.Add([]byte(`[{"verb": "Replace", "locURI": "./Vendor/MSFT/Policy/Config/Camera/AllowCamera", "format": "int", "data": "3"}]`))
	f.Add([]byte(`<Replace><Item><Target><LocURI>./Vendor/MSFT/Policy/Config/A~Policy~B/C</LocURI></Target><Data><enabled/></Data></Item></Replace>`))
	set, err := ddf.Facts()
	if err != nil {
		f.Fatal(err)
	}
	checker, err := ddf.NewChecker(set, ddf.Build{Number: 22631})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := checker.Document(b)
		if err == nil && r.Commands == 0 {
			t.Fatal("neither a command nor an error")
		}
		for _, found := range r.Findings {
			if found.Line < 1 || found.Column < 1 || found.Text == "" {
				t.Fatalf("%+v has no place or text", found)
			}
		}
	})
}
