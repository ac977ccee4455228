package compare

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/dmwake/dmwake/simulator/syncml"
)

const (
	packageOne = `<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>https://mdm.example/m</LocURI></Target>` +
		`<Source><LocURI>D1</LocURI></Source></SyncHdr><SyncBody><Alert><CmdID>2</CmdID><Data>1201</Data></Alert><Alert><CmdID>3</CmdID><Data>1224</Data><Item><Meta>` +
		`<Type xmlns="syncml:metinf">com.microsoft/MDM/LoginStatus</Type></Meta><Data>user</Data></Item></Alert><Replace><CmdID>4</CmdID><Item><Source><LocURI>./DevInfo/DevId</LocURI></Source><Data>D1</Data></Item>` +
		`<Item><Source><LocURI>./DevInfo/Man</LocURI></Source><Data>M</Data></Item><Item><Source><LocURI>./DevInfo/Mod</LocURI></Source><Data>N</Data></Item><Item><Source><LocURI>./DevInfo/DmV</LocURI></Source><Data>1.3</Data></Item>` +
		`<Item><Source><LocURI>./DevInfo/Lang</LocURI></Source><Data>de-DE</Data></Item></Replace><Final/></SyncBody></SyncML>`
	ofServer = `<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>D1</LocURI></Target><Source><LocURI>https://mdm.example/m</LocURI></Source></SyncHdr>` +
		`<SyncBody><Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>200</Data></Status><Final/></SyncBody></SyncML>`
)

// TestTexts: a message is found in any text, and compares equal.
func TestTexts(t *testing.T) {
	wide := func(order ...byte) string {
		out := append([]byte{}, order...)
		for _, u := range utf16.Encode([]rune("log: " + packageOne + "\r\nend")) {
			if order[0] == 0xFF {
				out = append(out, byte(u), byte(u>>8))
			} else {
				out = append(out, byte(u>>8), byte(u))
			}
		}
		return string(out)
	}
	for name, in := range map[string]string{
		"alone": packageOne, "with its answer": packageOne + "\n" + ofServer, "between words": "2026-11-23 DEBUG sent " + packageOne + " and got\n" + ofServer + "\nbye",
		"escaped": strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(packageOne), "with a mark": "\uFEFF" + packageOne,
		"UTF-16, little": wide(0xFF, 0xFE), "UTF-16, big": wide(0xFE, 0xFF), "cut after it": packageOne + "\n<SyncML xmlns=",
		"cut in the next": packageOne + "\n<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncHdr>",
		"a session again": packageOne + ofServer + packageOne + ofServer, "twice": packageOne + packageOne,
	} {
		if got := run(t, []byte(in), ""); !got.Same() || got.Equal == 0 || got.Equal != got.Messages || got.Device != "D1" {
			t.Errorf("%s: %s", name, show(got))
		}
	}
}

// TestDevices: each device of a file has its result.
func TestDevices(t *testing.T) {
	f, err := Parse([]byte(packageOne + ofServer + strings.ReplaceAll(packageOne, "D1", "D2") + strings.ReplaceAll(packageOne, "<SessionID>1<", "<SessionID>2<")))
	if err != nil {
		t.Fatal(err)
	}
	list, err := Run(t.Context(), f, Options{Profile: "win11"})
	if err != nil || len(list) != 2 || list[0].Device != "D1" || list[0].Messages != 2 || list[1].Device != "D2" || list[1].Messages != 1 || !list[0].Same() || !list[1].Same() {
		t.Errorf("%v %v", list, err)
	}
	if _, err := Run(t.Context(), f, Options{Profile: "win12"}); err == nil || !strings.Contains(err.Error(), "win11-25h2") {
		t.Errorf("an unknown profile: %v", err)
	}
}

// TestBadFiles: what is no recording of a device gets one clear line.
func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	huge := filepath.Join(dir, "huge")
	if err := os.WriteFile(huge, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(huge, maxFile+1); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{huge: "the limit is", dir: "is a folder", filepath.Join(dir, "none"): "no such file"} {
		if _, err := Read(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
	deep := strings.Repeat("<a>", 5000)
	for name, c := range map[string][2]string{
		"empty":                 {"", "contains no message"},
		"words":                 {"hello", "contains no message"},
		"binary":                {"\x7fELF\x00\xff\xfe" + strings.Repeat("\x00\x01", 1000), "contains no message"},
		"WBXML, cut":            {"\x03\x01\x6a\x00", "contains no message"},
		"cut":                   {packageOne[:300], "is cut: </SyncML> is missing"},
		"not XML":               {"<SyncML ><SyncHdr></SyncML>", "message 1"},
		"too deep":              {"<SyncML >" + deep + "</SyncML>", "message 1"},
		"only a server":         {ofServer, "no message of a device"},
		"a recording of nobody": {"dmwake recording 1\n== device X\n", "no message of a device"},
		"a broken recording":    {"dmwake recording 1\n-> 2026-11-23T08:00:00.000Z POST https://x/y HTTP/1.1, 99999999999 bytes\n\nx", "no message of a device"},
		"another envelope":      {"<Envelope ><Body><Hello/></Body></Envelope>", "no message of a device"},
	} {
		if _, err := Parse([]byte(c[0])); err == nil || !strings.Contains(err.Error(), c[1]) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", name, err, c[1])
		}
	}
}

// TestLinear: a hostile file fits into the time of the test; a quadratic reader would
// take hours.
func TestLinear(t *testing.T) {
	const size = 4 << 20
	for _, unit := range []string{"<SyncML ", "<Envelope>", "<a:SyncML>", "-> ", "\n-> 2026-11-23T08:00:00.000Z POST x HTTP/1.1, 5 bytes\n", "&lt;", "POST / HTTP/1.1\n", "Name: value\n",
		"HTTP/1.1 200\n", "\n", packageOne, ofServer, "<SyncML ></SyncML>"} {
		for _, head := range []string{"", "dmwake recording 1\n", packageOne} {
			t.Run(unit[:min(len(unit), 12)], func(*testing.T) {
				Parse([]byte(head + strings.Repeat(unit, size/len(unit))))
			})
		}
	}
}

// seeds are files of all kinds.
var seeds = []string{packageOne, packageOne + ofServer, "dmwake recording 1\n-> 2026-11-23T08:00:00.000Z POST https://mdm.example/m HTTP/1.1, 3 bytes\nA: b\n\nabc\n<- 200, 0 bytes\n\n\n",
	"POST /m HTTP/2.0\nUser-Agent: x\n\n" + packageOne + "\nHTTP/1.1 200 OK\n" + ofServer,
	strings.Replace(packageOne, "<Alert><CmdID>2</CmdID><Data>1201</Data></Alert>", "<Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>200</Data></Status>"+
		"<Status><CmdID>2</CmdID><MsgRef>1</MsgRef><CmdRef>5</CmdRef><Cmd>Get</Cmd><Data>200</Data></Status><Results><CmdID>3</CmdID><MsgRef>1</MsgRef><CmdRef>5</CmdRef><Item><Source><LocURI>./A</LocURI></Source><Data>1</Data></Item></Results>", 1),
	`<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><Discover><request><EmailAddress>a@b.c</EmailAddress></request></Discover></s:Body></s:Envelope>`,
	`<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><RequestSecurityToken><RequestType>http://docs.oasis-open.org/ws-sx/ws-trust/200512/Renew</RequestType><BinarySecurityToken>MAA=</BinarySecurityToken></RequestSecurityToken></s:Body></s:Envelope>`}

// TestSeeds: files that are cut, repeated or cut in half are compared without a
// panic, and the counts agree.
func TestSeeds(t *testing.T) {
	for _, s := range seeds {
		for _, in := range []string{s, s + s, s[:len(s)/2], s + packageOne, strings.ReplaceAll(s, "1", "2"), strings.ReplaceAll(s, "D1", ""), strings.ReplaceAll(s, "https://mdm.example/m", "http://x")} {
			file, err := Parse([]byte(in))
			if err != nil {
				continue
			}
			list, err := Run(t.Context(), file, Options{Profile: "win11-25h2"})
			if err != nil {
				t.Errorf("%s: %v", in, err)
			}
			for _, r := range list {
				if r.Equal > r.Messages || r.Bytes > r.ByteMessages || r.Same() && r.Equal != r.Messages {
					t.Errorf("%s", show(r))
				}
			}
		}
	}
}

// FuzzFile: whatever a file has in it, reading it and comparing its messages ends
// without a panic, and a message equals itself. The simulated device is left out: its
// goroutines would hide from the fuzzer what an input reaches.
func FuzzFile(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := Parse(raw)
		if err != nil {
			return
		}
		for _, d := range file.Devices {
			k := learn(d)
			if _, _, err := k.candidates(""); err != nil {
				t.Error(err)
			}
			p := &player{known: k, r: &Result{}, steps: d.Steps}
			for _, a := range acts(d.Steps) {
				s := &session{p: p, steps: a.steps, guessed: map[string]int{}, commands: map[string]*syncml.Command{}}
				for _, step := range a.steps {
					if step.message != nil {
						s.begin(step.message)
						s.made(s.before(step.message))
					}
					for _, other := range []string{packageOne, string(step.Request)} {
						j := &judge{r: &Result{}, step: step, session: s, skipped: map[[2]string]bool{}, refused: map[string]bool{}}
						if same := j.body([]byte(other)); other == string(step.Request) && !same {
							t.Errorf("a message differs from itself: %s", show(j.r))
						}
					}
				}
			}
		}
	})
}
