package page

import (
	"strings"
	"testing"
)

// TestMessage: each kind of body, whole or broken, is indented, and what is marked is
// one element.
func TestMessage(t *testing.T) {
	for name, c := range map[string]struct {
		text  string
		marks []Mark
		want  string
	}{
		"SOAP": {`<s:Envelope xmlns:s="http://x"><s:Header><a:RelatesTo>urn:uuid:1</a:RelatesTo></s:Header><s:Body/></s:Envelope>`, []Mark{{Name: "RelatesTo"}},
			`<i>&lt;s:Envelope xmlns:s=&#34;http://x&#34;&gt;</i>
  <i>&lt;s:Header&gt;</i>
    <mark><i>&lt;a:RelatesTo&gt;</i>urn:uuid:1<i>&lt;/a:RelatesTo&gt;</i></mark>
  <i>&lt;/s:Header&gt;</i>
  <i>&lt;s:Body/&gt;</i>
<i>&lt;/s:Envelope&gt;</i>`},
		"a value": {"<a><b>x</b> <c>y</c></a>", []Mark{{Value: "y"}}, "<i>&lt;a&gt;</i>\n  <i>&lt;b&gt;</i>x<i>&lt;/b&gt;</i>\n  <mark><i>&lt;c&gt;</i>y<i>&lt;/c&gt;</i></mark>\n<i>&lt;/a&gt;</i>"},
		"an attribute, and an entity": {`<a><parm name="PROVIDER-ID" value="a&amp;b"/></a>`, []Mark{{Name: "parm", Value: "a&b"}},
			"<i>&lt;a&gt;</i>\n  <mark><i>&lt;parm name=&#34;PROVIDER-ID&#34; value=&#34;a&amp;amp;b&#34;/&gt;</i></mark>\n<i>&lt;/a&gt;</i>"},
		"an element of elements": {"<a><b><c>1</c></b></a>", []Mark{{Name: "b"}, {Name: "c"}},
			"<i>&lt;a&gt;</i>\n  <mark><i>&lt;b&gt;</i>\n    <i>&lt;c&gt;</i>1<i>&lt;/c&gt;</i>\n  <i>&lt;/b&gt;</i></mark>\n<i>&lt;/a&gt;</i>"},
		"a document in CDATA": {"<Data><![CDATA[<x><y>1</y></x>]]></Data>", []Mark{{Name: "y"}},
			"<i>&lt;Data&gt;</i>\n  <em>&lt;![CDATA[</em>\n    <i>&lt;x&gt;</i>\n      <mark><i>&lt;y&gt;</i>1<i>&lt;/y&gt;</i></mark>\n    <i>&lt;/x&gt;</i>\n  <em>]]&gt;</em>\n<i>&lt;/Data&gt;</i>"},
		"a cut one":     {"<a><b>x</b><c>lon...[5 bytes more]", nil, "<i>&lt;a&gt;</i>\n  <i>&lt;b&gt;</i>x<i>&lt;/b&gt;</i>\n  <i>&lt;c&gt;</i>lon...[5 bytes more]"},
		"closed twice":  {"<a></a></b><c/>", nil, "<i>&lt;a&gt;</i><i>&lt;/a&gt;</i>\n<i>&lt;/b&gt;</i>\n<i>&lt;c/&gt;</i>"},
		"crossed":       {"<a><b></a></b>", nil, "<i>&lt;a&gt;</i>\n  <i>&lt;b&gt;</i>\n<i>&lt;/a&gt;</i>\n<i>&lt;/b&gt;</i>"},
		"white space":   {"<a> <b> </b>\n</a>", nil, "<i>&lt;a&gt;</i>\n  <i>&lt;b&gt;</i> <i>&lt;/b&gt;</i>\n<i>&lt;/a&gt;</i>"},
		"a declaration": {"<?xml version='1.0'?><!-- x --><a/>", nil, "<em>&lt;?xml version=&#39;1.0&#39;?&gt;</em>\n<em>&lt;!-- x --&gt;</em>\n<i>&lt;a/&gt;</i>"},
		"JSON": {`{"a":[1,{"b":"x"}],"c":true}`, []Mark{{Name: "b"}},
			"{\n  <i>&#34;a&#34;: </i>[\n    1,\n    {\n      <mark><i>&#34;b&#34;: </i>&#34;x&#34;</mark>\n    }\n  ],\n  <i>&#34;c&#34;: </i>true\n}"},
		"cut JSON":    {`{"a":[1,`, nil, "{&#34;a&#34;:[1,"},
		"a form":      {"grant_type=client_credentials&scope=notify.windows.com%20x", []Mark{{Name: "scope"}}, "<i>grant_type = </i>client_credentials\n<mark><i>scope = </i>notify.windows.com x</mark>"},
		"plain text":  {"404 page not found\u202e<script>", []Mark{{}}, "404 page not found\\u202e&lt;script&gt;"},
		"nothing":     {"", nil, ""},
		"a lonely <":  {"<", nil, "&lt;"},
		"not a mark":  {"<a>x</a>", []Mark{{Name: "a", Value: "y"}, {Name: "b", Value: "x"}}, "<i>&lt;a&gt;</i>x<i>&lt;/a&gt;</i>"},
		"no prefixes": {"<A:a xmlns:A='y'>x</A:a>", []Mark{{Name: "A:a"}}, "<i>&lt;A:a xmlns:A=&#39;y&#39;&gt;</i>x<i>&lt;/A:a&gt;</i>"},
	} {
		if got := string(Message{Text: c.text, Marks: c.marks}.HTML()); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
	}
	if got := Count("<a><b>1</b><b>2</b><c>1</c></a>", Mark{Name: "b"}); got != 2 {
		t.Errorf("%d elements b", got)
	}
	if got := Indent("<a><b>1</b></a>"); got != "<a>\n  <b>1</b>\n</a>" {
		t.Errorf("%q", got)
	}
}

// TestMessageIsBounded: a body of any size and depth costs little.
func TestMessageIsBounded(t *testing.T) {
	for _, in := range []string{strings.Repeat("<a>", 1<<20), strings.Repeat("<a>", 11000) + strings.Repeat("</b>", 8000), strings.Repeat("ü", 1<<20), "{" + strings.Repeat(`"a":{`, 1<<18), strings.Repeat("<", 1<<20)} {
		if out := (Message{Text: in, Marks: []Mark{{Name: "a"}}}).HTML(); len(out) > 4<<20 || len(in) > MaxMessage && !strings.Contains(string(out), "bytes more]") {
			t.Errorf("%.10s...: %d bytes became %d", in, len(in), len(out))
		}
	}
}

// FuzzMessage: no text breaks out of the block, and nothing but white space is lost.
func FuzzMessage(f *testing.F) {
	for _, s := range []string{"<a b='<'><!-- --><![CDATA[<x>]]></a>", `{"a":"<b>"}`, "a=b&c=%3Cd", "<a>\xff</a", "</mark><script>"} {
		f.Add(s)
	}
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
	f.Fuzz(func(t *testing.T, in string) {
		out := string(Message{Text: in, Marks: []Mark{{Name: "a"}, {Value: "b"}}}.HTML())
		for _, own := range []string{"<i>", "</i>", "<em>", "</em>", "<mark>", "</mark>"} {
			out = strings.ReplaceAll(out, own, "")
		}
		if strings.ContainsAny(out, "<>") {
			t.Errorf("%q is %q", in, out)
		}
		if text := strings.TrimSpace(in); strings.HasPrefix(text, "<") && len(text) < MaxMessage && isASCII(text) && squeeze(Indent(text)) != squeeze(text) {
			t.Errorf("%q is %q", text, Indent(text))
		}
	})
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > '~' || r < ' ' || r == ':' || r == '#' }) < 0
}
