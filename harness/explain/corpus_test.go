package explain

import (
	"encoding/binary"
	"net/url"
	"os"
	"strings"
	"testing"
	"unicode/utf16"
)

// expected is one line of the corpus below a paste.
type expected struct{ code, name, means, cause, source string }

type pasted struct {
	line int
	text string
	want []expected
}

// corpus reads testdata/corpus.txt; its head describes the form.
func corpus(t testing.TB) (out []pasted) {
	t.Helper()
	raw, err := os.ReadFile("testdata/corpus.txt")
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{}
	for i, line := range strings.Split(string(raw), "\n") {
		switch fields := strings.Fields(line); {
		case len(fields) == 0 || fields[0] == "#" || strings.HasPrefix(line, "#"):
		case fields[0] == "at" && len(fields) == 3:
			pages[fields[1]] = fields[2]
		case strings.HasPrefix(line, "paste: "):
			out = append(out, pasted{line: i + 1, text: strings.ReplaceAll(strings.TrimPrefix(line, "paste: "), `\n`, "\n")})
		case strings.HasPrefix(line, "  ") && len(out) > 0:
			cells := strings.Split(line, "|")
			if len(cells) != 5 {
				t.Fatalf("line %d has %d cells, want 5", i+1, len(cells))
			}
			for at := range cells {
				cells[at] = strings.Trim(strings.TrimSpace(cells[at]), "-")
			}
			page := pages[cells[4]]
			if u, err := url.Parse(page); err != nil || u.Scheme != "https" {
				t.Errorf("line %d: source %q is no address", i+1, cells[4])
			}
			last := &out[len(out)-1]
			last.want = append(last.want, expected{cells[0], cells[1], cells[2], cells[3], page})
		default:
			t.Fatalf("line %d is not understood: %q", i+1, line)
		}
	}
	return out
}

// key is a code as the corpus writes it.
func key(f *Found) string {
	for _, word := range []string{"syncml", "push-status", "wns", "token"} {
		if f.Where == narrow[word] {
			return word + " " + f.Code
		}
	}
	return f.Code
}

func has(text, words string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(words))
}

// TestCorpus: every paste of the corpus yields its codes, in its order, and no
// other; each with the name, the meaning and the first cause that its source gives.
func TestCorpus(t *testing.T) {
	all := corpus(t)
	codes := map[string]bool{}
	for _, p := range all {
		r := Read(p.text)
		var got []string
		for i := range r.Found {
			got = append(got, key(&r.Found[i]))
		}
		var want []string
		for _, w := range p.want {
			want = append(want, w.code)
			codes[w.code] = true
		}
		if strings.Join(got, ", ") != strings.Join(want, ", ") || len(want) == 0 {
			t.Errorf("line %d, %q: %v, want %v (unknown: %v)", p.line, p.text, got, want, r.Unknown)
			continue
		}
		for i, w := range p.want {
			f := &r.Found[i]
			if w.name != "" && f.Name != w.name {
				t.Errorf("line %d, %s: name %q, want %q", p.line, w.code, f.Name, w.name)
			}
			if !has(f.Means, w.means) || w.means == "" {
				t.Errorf("line %d, %s: %q has no %q", p.line, w.code, f.Means, w.means)
			}
			if w.cause != "" && (len(f.Causes) == 0 || !has(f.Causes[0], w.cause)) {
				t.Errorf("line %d, %s: causes %q, want first one with %q", p.line, w.code, f.Causes, w.cause)
			}
		}
	}
	for n, a := range enrollment {
		if a.Source == "" && !codes[hex(n)] {
			t.Errorf("%s of Learn's page is not in the corpus", hex(n))
		}
	}
	if len(all) < 120 || len(codes) < 120 {
		t.Errorf("%d pastes with %d codes", len(all), len(codes))
	}
	t.Logf("%d pastes, %d codes", len(all), len(codes))
}

// TestCorpusUTF16: a paste from a file of PowerShell gives the same.
func TestCorpusUTF16(t *testing.T) {
	for _, p := range corpus(t) {
		want := Read(p.text)
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			text := order.AppendUint16(nil, 0xfeff)
			for _, u := range utf16.Encode([]rune(p.text)) {
				text = order.AppendUint16(text, u)
			}
			if got := Read(string(text)); len(got.Found) != len(want.Found) || len(got.Found) == 0 || got.Found[0].Code != want.Found[0].Code {
				t.Errorf("line %d, %q in UTF-16: %+v", p.line, p.text, got)
			}
		}
		if got := Read("\ufeff" + p.text); len(got.Found) != len(want.Found) {
			t.Errorf("line %d, %q with a mark: %+v", p.line, p.text, got)
		}
	}
}

// TestCorpusWithin: the codes are found in the same way inside other text.
func TestCorpusWithin(t *testing.T) {
	for _, p := range corpus(t) {
		if len(p.want) != 1 || !strings.HasPrefix(p.want[0].code, "0x") {
			continue
		}
		for _, around := range []string{"it said %s, and nothing else", "(%s)", "\"code\":\"%s\"", "\t%s\r\n", "error=%s;"} {
			r := Read(strings.ReplaceAll(around, "%s", p.text))
			if len(r.Found) != 1 || key(&r.Found[0]) != p.want[0].code {
				switch p.text { // words that mean a subcode only when they stand alone
				case "Authorization":
					continue
				}
				t.Errorf("%q: %+v", strings.ReplaceAll(around, "%s", p.text), r)
			}
		}
	}
}
