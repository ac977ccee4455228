package paste

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const message = `<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>1</SessionID><MsgID>1</MsgID><Target><LocURI>https://mdm.example/x</LocURI></Target><Source><LocURI>0123456789ABCDEF0123456789ABCDEF</LocURI></Source></SyncHdr><SyncBody><Alert><CmdID>2</CmdID><Data>1201</Data></Alert><Final/></SyncBody></SyncML>`

// logs are the pasted logs of harness/reading.
func logs(t testing.TB) (out [][]byte) {
	t.Helper()
	list, err := filepath.Glob("../reading/testdata/logs/[0-9]*")
	if err != nil || len(list) < 80 {
		t.Fatalf("%d files, %v", len(list), err)
	}
	for _, path := range list {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, raw)
	}
	return out
}

// FuzzRead: whatever a log has in it, reading it ends, positions are in the text, and
// an anonymized log keeps its length.
func FuzzRead(f *testing.F) {
	for _, raw := range logs(f) {
		f.Add(raw)
	}
	f.Add([]byte("<SyncML <SyncML</SyncML>%3CSyncML \\u003cSyncML &lt;SyncML PFN5bmNNTA"))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := Read(b)
		if err != nil {
			return
		}
		last := bytes.Count(b, []byte("\n")) + 1
		for _, m := range l.Messages {
			if m.Message == nil || m.Line < 1 || m.End < m.Line || m.End > last {
				t.Errorf("a message in lines %d to %d of %d", m.Line, m.End, last)
			}
		}
		for _, c := range l.Cuts {
			if c.Line < 1 || c.Line > last {
				t.Errorf("a cut in line %d of %d", c.Line, last)
			}
		}
		for _, s := range l.Sessions() {
			s.Commands()
			s.Missing()
		}
		plain, err := decode(b)
		if err != nil {
			return
		}
		if out, err := Anonymize(b); err == nil && len(out) != len(plain.encode()) {
			t.Errorf("%d bytes became %d", len(plain.encode()), len(out))
		}
	})
}

// TestForms: each escape is taken away as often as it was put on.
func TestForms(t *testing.T) {
	for in, want := range map[string]string{
		`<SyncML a="b">x</SyncML>`: `<SyncML a="b">x</SyncML>`, `<SyncML a=\"b\">x\ny</SyncML>`: "<SyncML a=\"b\">x\ny</SyncML>",
		`<SyncML a=\\\"b\\\">x\\ny</SyncML>`:       "<SyncML a=\"b\">x\ny</SyncML>",
		`\u003cSyncML a=\"b\"\u003e\u003c\/SyncML`: `<SyncML a="b"></SyncML`, `\\u003cSyncML a=\\\"b\\\"\\u003e`: `<SyncML a="b">`,
		`&lt;SyncML a=&quot;b&quot;&gt;`: `<SyncML a="b">`, `&amp;lt;SyncML&amp;gt;`: `<SyncML>`, `&#60;SyncML&#x3e;`: `<SyncML>`,
		`%3CSyncML+a%3D%22b%22%3E`: `<SyncML a="b">`, `%253CSyncML%2520a%253E`: `<SyncML a>`, `%3CSyncML%3`: `<SyncML%3`,
	} {
		list := tokens(in)
		if len(list) == 0 {
			t.Errorf("%s has no tag", in)
			continue
		}
		if got := list[0].form.plain(in); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

// TestLines: prefixes are taken away only where a log wrote them, and lines are joined
// only where it broke them.
func TestLines(t *testing.T) {
	doc := "<a>\n10:00:02 x[7]:   <b>\n10:00:13 x[17]: </b>"
	if got := unprefixed("10:00:01 x[1]: ", doc); got != "<a>\n   <b>\n </b>" {
		t.Errorf("%q", got)
	}
	for _, plain := range []string{"<a>\n  <b/>\n</a>", "<a>\nsome text <b/>\nother text</a>"} {
		if got := unprefixed("10:00:01 recv: ", plain); got != plain {
			t.Errorf("%q became %q", plain, got)
		}
		if wrapped("10:00:01 ", plain) {
			t.Errorf("%q is taken as wrapped", plain)
		}
	}
	for width := minWidth; width < 200; width += 7 {
		var b strings.Builder
		for at := 0; at < len(message); at += width {
			b.WriteString(message[at:min(at+width, len(message))] + "\r\n")
		}
		l, err := Read([]byte(b.String()))
		if err != nil || len(l.Messages) != 1 || len(l.Cuts) != 0 || string(l.Messages[0].Raw) != message {
			t.Fatalf("width %d: %+v, %v", width, l, err)
		}
	}
}

// TestCutAnywhere: wherever a message is cut, the reader says so, and keeps what was
// whole.
func TestCutAnywhere(t *testing.T) {
	body := strings.Index(message, "<SyncBody>") + len("<SyncBody>")
	for n := len("<SyncML "); n < len(message); n++ {
		l, err := Read([]byte(message + "\n" + message[:n]))
		if err != nil || len(l.Cuts) != 1 || l.Cuts[0].Line != 2 {
			t.Fatalf("%d bytes: %+v, %v", n, l, err)
		}
		want := 1
		if n >= body {
			want = 2
		}
		if len(l.Messages) != want {
			t.Fatalf("%d bytes: %d messages, want %d", n, len(l.Messages), want)
		}
	}
}

// TestSessionsApart: SessionIDs repeat, devices take turns, and an answer that names
// its session wrongly still belongs to what it answers.
func TestSessionsApart(t *testing.T) {
	answer := strings.NewReplacer("https://mdm.example/x", "D", "0123456789ABCDEF0123456789ABCDEF", "https://mdm.example/x", "1201", "1222").Replace(message)
	answer = strings.Replace(answer, ">D<", ">0123456789ABCDEF0123456789ABCDEF<", 1)
	other := strings.ReplaceAll(message, "0123456789ABCDEF0123456789ABCDEF", "FFFF456789ABCDEF0123456789ABCDEF")
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"the same id twice": {message + answer + message + answer, "[2 2]"},
		"two devices":       {message + other + answer, "[2 1]"},
		"a wrong SessionID": {message + strings.Replace(answer, "<SessionID>1<", "<SessionID>9<", 1), "[2]"},
		"an answer first":   {answer + message + answer, "[3]"},
	} {
		l, err := Read([]byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, s := range l.Sessions() {
			n := 0
			for _, turn := range s.Turns {
				if turn.Sent != nil {
					n++
				}
				if turn.Got != nil {
					n++
				}
			}
			got = append(got, n)
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s: %v messages, want %s", name, got, c.want)
		}
	}
}

// TestOtherNames: a name is replaced by one of its kind, the same each time, and the
// words of the protocol stay.
func TestOtherNames(t *testing.T) {
	text := `host=NORDLICHT-7 user=ada.lind@nordlicht.example ip=192.168.7.23 id=0123456789ABCDEF0123456789ABCDEF path C:\Users\ada.lind\x nordlichtmdm Nordlicht` + "\n" + `for DESKTOP-7Q2K9LM: AzureAD\AdaLind` + "\n" + message
	out, err := Anonymize([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got := string(out)
	for _, gone := range []string{"NORDLICHT", "nordlicht", "Nordlicht", "ada", "lind", "7Q2K9LM", "AdaLind", "192.168.7.23", "0123456789ABCDEF0123456789ABCDEF"} {
		if strings.Contains(got, gone) {
			t.Errorf("%s is left: %s", gone, got)
		}
	}
	f := strings.Fields(strings.SplitN(got, "\n", 2)[0])
	company := strings.TrimSuffix(strings.SplitN(f[1], "@", 2)[1], ".example")
	if f[6] != company+"mdm" || !strings.EqualFold(f[7], company) || f[7][0] != strings.ToUpper(company)[0] || !strings.HasPrefix(f[0], "host="+strings.ToUpper(company)+"-") {
		t.Errorf("%q: one name became several", f)
	}
	id := strings.TrimPrefix(f[3], "id=")
	if len(id) != 32 || strings.Trim(id, "0123456789ABCDEF") != "" || !strings.Contains(got, "<LocURI>"+id+"</LocURI>") {
		t.Errorf("the id became %q", id)
	}
	for _, stays := range []string{"<SyncML xmlns=\"SYNCML:SYNCML1.2\">", "<Data>1201</Data>", "C:\\Users\\", ".example"} {
		if !strings.Contains(got, stays) {
			t.Errorf("%s is gone: %s", stays, got)
		}
	}
	again, err := Anonymize([]byte(text))
	if err != nil || string(again) == got {
		t.Errorf("the other names are the same in two runs: %v", err)
	}
}
