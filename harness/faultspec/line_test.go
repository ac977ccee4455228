package faultspec

import (
	"slices"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	for line, want := range map[string][]string{
		`status=503`:                            {`status=503`},
		"  status=503 \t times=3 ":              {`status=503`, `times=3`},
		`a="b c" d="e \"f\" g"`:                 {`a="b c"`, `d="e \"f\" g"`},
		`"a=b" c=d`:                             {`a=b`, `c=d`},
		`"a=\"b c\"" d=e`:                       {`a="b c"`, `d=e`},
		`answer="*:/My Node:404"`:               {`answer="*:/My Node:404"`},
		`status=400,A="x, y",B=z header="A: b"`: {`status=400,A="x, y",B=z`, `header="A: b"`},
	} {
		l, err := Read(line)
		got := []string{l.Fault}
		for _, w := range l.Words {
			got = append(got, w.String())
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v; want %q", line, got, err, want)
		}
	}
	for line, want := range map[string]string{
		``:                          "name a fault",
		`""`:                        "name a fault",
		`a="b`:                      "the quote at character 3 is not closed",
		`a=b"c"`:                    "character 4 is a quote in the middle",
		`a="b"c`:                    "character 6 stands right after the quote",
		`a="b\c"`:                   `only \" and \\ have a meaning`,
		`a="b\`:                     `only \" and \\ have a meaning`,
		"a=b\x01":                   "character 4 is a control character",
		"a=b\nc=d":                  "character 4 is a control character",
		`"a=b c=d"`:                 "hold more than the fault",
		strings.Repeat("x", 70_000): "more than 65536",
	} {
		if _, err := Read(line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", line, err, want)
		}
	}
}

func TestValue(t *testing.T) {
	v := Value(`503,A="x, y",B=\,C="\"\\"`)
	var texts []string
	for _, p := range v.List() {
		texts = append(texts, p.Text())
	}
	if want := []string{`503`, `A=x, y`, `B=\`, `C="\`}; !slices.Equal(texts, want) {
		t.Errorf("%q, want %q", texts, want)
	}
	for _, text := range []string{``, `a`, `a b`, `a,b`, `"`, `\`, `a "b\" c,`} {
		if got := Value(Quote(text)).Text(); got != text {
			t.Errorf("%q is quoted as %s and read as %q", text, Quote(text), got)
		}
	}
}

// FuzzRead: a line that is read is read again as the same, and its values survive.
func FuzzRead(f *testing.F) {
	for _, line := range []string{`status=503,Retry-After=5 times=3`, `a="b \"c\\" d=e`, `"a=b" c`, `a="b`, "a=\x00", `answer="*:/My Node:404"`, ``} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		l, err := Read(line)
		if err != nil {
			return
		}
		again, err := Read(l.String())
		if err != nil || again.String() != l.String() {
			t.Fatalf("%q is written as %q, and that is read as %q, %v", line, l.String(), again.String(), err)
		}
		_, arg, _ := strings.Cut(l.Fault, "=")
		var texts []string
		for _, p := range Value(arg).List() {
			texts = append(texts, p.Text())
		}
		if strings.Join(texts, ",") != Value(arg).Text() {
			t.Fatalf("%q: the parts are %q", arg, texts)
		}
	})
}
