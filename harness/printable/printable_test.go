package printable

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for in, want := range map[string][2]string{ // Text, Line
		"plain: a::b, #1, ## x":          {"plain: a::b, #1, ## x", "plain: a::b, #1, ## x"},
		"Grüße, ∑ · 日本 😀":                {"Grüße, ∑ · 日本 😀", "Grüße, ∑ · 日本 😀"},
		"a\nb\tc\rd":                     {"a\nb\tc\\u000dd", `a\nb\tc\rd`},
		"\x1b[2Jx\x07\x7f":               {`\u001b[2Jx\u0007\u007f`, `\u001b[2Jx\u0007\u007f`},
		"\u009b31m\u0085":                {`\u009b31m\u0085`, `\u009b31m\u0085`},
		"a\u202eb\u2066c\u200fd\u061ce":  {`a\u202eb\u2066c\u200fd\u061ce`, `a\u202eb\u2066c\u200fd\u061ce`},
		"a\u2028b\u2029c\ufeffd":         {`a\u2028b\u2029c\ufeffd`, `a\u2028b\u2029c\ufeffd`},
		"\U000e0041":                     {`\udb40\udc41`, `\udb40\udc41`},
		"\xff\xed\xa0\x80|\xc3":          {`\xff\xed\xa0\x80|\xc3`, `\xff\xed\xa0\x80|\xc3`},
		"x\n::error::y":                  {"x\n:\\u003aerror::y", `x\n::error::y`},
		" \u00a0\t::error::y":            {" \u00a0\t:\\u003aerror::y", " \u00a0\\t::error::y"},
		":\u200b:error":                  {`:\u200b:error`, `:\u200b:error`},
		"x ##vso[task.x]y ##[group]z":    {`x ##vso\u005btask.x]y ##\u005bgroup]z`, `x ##vso\u005btask.x]y ##\u005bgroup]z`},
		"###[a] ##teamcity[b] #[c] ## [": {`###\u005ba] ##teamcity\u005bb] #[c] ## [`, `###\u005ba] ##teamcity\u005bb] #[c] ## [`},
		"##v#vso[ ##1[ ##vso ##x##vso[":  {`##v#vso[ ##1[ ##vso ##x##vso\u005b`, `##v#vso[ ##1[ ##vso ##x##vso\u005b`},
	} {
		if got := [2]string{Text(in), Line(in)}; got != want {
			t.Errorf("%q is\n %q\nnot %q", in, got, want)
		}
	}
}

// TestWriter: what is written in pieces is escaped as what is written at once.
func TestWriter(t *testing.T) {
	const in = "Grüße 😀\n::error::x\n ##vso[y]\u202e\u009b\x1b[31m\xff!"
	for n := 1; n < 9; n++ {
		var b strings.Builder
		w := NewWriter(&b, false)
		for i := 0; i < len(in); i += n {
			part := in[i:min(len(in), i+n)]
			if k, err := io.WriteString(w, part); k != len(part) || err != nil {
				t.Fatal(k, err)
			}
		}
		if b.String() != Text(in) {
			t.Errorf("in pieces of %d:\n%q\n%q", n, b.String(), Text(in))
		}
	}
	var b strings.Builder
	io.WriteString(NewWriter(&b, true), "\x1b[31mred\x1b[0m\x1b[A\x1b[J\r\x1b[K\x1b[35m")
	if want := "\x1b[31mred\x1b[0m" + `\u001b[A\u001b[J\u000d\u001b[K\u001b[35m`; b.String() != want {
		t.Errorf("on a terminal: %q", b.String())
	}
	if _, err := NewWriter(full{}, false).Write([]byte("x")); !errors.Is(err, errFull) {
		t.Errorf("a full disk: %v", err)
	}
}

type full struct{}

var errFull = errors.New("full")

func (full) Write([]byte) (int, error) { return 0, errFull }

// FuzzText: nothing of the kind is left, and JSON keeps its meaning.
func FuzzText(f *testing.F) {
	f.Add("x\n ::error::\u202e##vso[\x1b\xff")
	f.Add(":\u3000::")
	f.Fuzz(func(t *testing.T, in string) {
		for _, out := range []string{Text(in), Line(in)} {
			if bad := strings.IndexFunc(out, func(r rune) bool { return !unicode.IsGraphic(r) && r != '\n' && r != '\t' }); bad >= 0 || !utf8.ValidString(out) {
				t.Errorf("%q is %q", in, out)
			}
			if strings.Contains(out, "##[") || strings.Contains(out, "##vso[") {
				t.Errorf("%q is %q", in, out)
			}
		}
		for line := range strings.Lines(Text(in)) {
			if strings.HasPrefix(strings.TrimSpace(line), "::") {
				t.Errorf("%q has the line %q", in, line)
			}
		}
		if strings.ContainsAny(Line(in), "\n\t") {
			t.Errorf("%q is %q", in, Line(in))
		}
		raw, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var want, got string
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(JSON(raw), &got); err != nil || got != want {
			t.Errorf("%q is %q in JSON: %v", in, got, err)
		}
	})
}
