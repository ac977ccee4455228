package explain

import (
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var address = regexp.MustCompile(`https://[^\s,)]+`)

// TestTables: each code has a meaning, a source that one can open, and a strength;
// its name stands once in its family; its addresses are addresses.
func TestTables(t *testing.T) {
	names := map[string]string{}
	for _, f := range All() {
		id := f.Where + " " + f.Code
		if f.Means == "" || f.Strength != Documented && f.Strength != Seen && f.Strength != Model {
			t.Errorf("%s says too little: %+v", id, f)
		}
		if !address.MatchString(f.Source) && !strings.HasPrefix(f.Source, first) {
			t.Errorf("%s: source %q has no address", id, f.Source)
		}
		if f.Name != "" {
			if other, ok := names[f.Where+f.Name]; ok {
				t.Errorf("%s and %s are both %s", id, other, f.Name)
			}
			names[f.Where+f.Name] = id
		}
		for _, text := range append(append([]string{f.Source}, f.Causes...), f.Do...) {
			for _, a := range address.FindAllString(text, -1) {
				if u, err := url.Parse(strings.TrimRight(a, ".:;")); err != nil || u.Host == "" {
					t.Errorf("%s: %s is no address", id, a)
				}
			}
		}
		if n, ok := f.Number(); ok && hex(n) != f.Code {
			t.Errorf("%s is not written as %s", id, hex(n))
		}
	}
}

// TestSpellings: every number is found whichever way it is written.
func TestSpellings(t *testing.T) {
	n := 0
	for _, f := range All() {
		code, ok := f.Number()
		if !ok || code < 1<<31 {
			continue
		}
		n++
		digits := f.Code[2:]
		for _, text := range []string{f.Code, strings.ToUpper(f.Code), "0X" + digits, digits, strings.ToUpper(digits), strconv.Itoa(int(code)), strconv.Itoa(int(int32(code))),
			"failed (" + f.Code + " - " + strconv.Itoa(int(code)) + ")", "code: " + strings.ToUpper(digits) + "."} {
			r := Read(text)
			if len(r.Found) == 0 || r.Found[0].Code != f.Code || len(r.Unknown) > 0 {
				t.Errorf("%q: %+v", text, r)
			}
		}
	}
	if n < 200 {
		t.Errorf("%d numbers", n)
	}
}

// TestComputed: what no table has is known by its family.
func TestComputed(t *testing.T) {
	for text, want := range map[string]string{
		"0x801901f1": "HTTP 497", "0x801901a4": "HTTP 420", "0x801901a1": "HTTP 417 Expectation Failed", "0x80192ee7": "could not be resolved",
		"0x80072f99": "WinHTTP's error 12185", "0x800703fa": "system error 1018",
	} {
		r := Read(text)
		if len(r.Found) != 1 || !strings.Contains(r.Found[0].Means, want) || r.Found[0].Source == "" {
			t.Errorf("%s: %+v, want %q", text, r.Found, want)
		}
	}
}

// TestNoCode: what is no code on this path is not taken for one; what looks like one
// is told.
func TestNoCode(t *testing.T) {
	for _, text := range []string{"", " ", "hello", "26200.9278", "10:43:27.536", "the device has build 26200.9278 since 14:04:18",
		"80180006-0d5a-1441-5891-453bbecfa2e5", "serial 80071234 and phone 8018000612", "Authorization: Bearer abc", "it was dropped and received",
		"took 404ms", "event 404 of the device", "0x1", "status page", "http://127.0.0.1:404/ from the device"} {
		if r := Read(text); len(r.Found) > 0 || len(r.Unknown) > 0 {
			t.Errorf("%q: %+v", text, r)
		}
	}
	for text, want := range map[string]string{"0x8018ffff": "0x8018ffff", "999": "999", "0xdeadbeef happened": "0xdeadbeef", "0x80180002b": "0x80180002b", "AADSTS1": "AADSTS1", "wns 302": "wns 302", "push-status 9": "push-status 9", "syncml 299": "syncml 299",
		"4294967295": "4294967295", "-9999999999": "-9999999999", "0xFFFFFFFFFFFFFFFF": "0xFFFFFFFFFFFFFFFF"} {
		if r := Read(text); len(r.Found) > 0 || strings.Join(r.Unknown, " ") != want {
			t.Errorf("%q: %+v, want unknown %s", text, r, want)
		}
	}
	if near := Near("0x8018003a"); strings.Join(near, " ") != "0x8018000a 0x8018001a 0x8018002a" {
		t.Error(near)
	}
}

// TestWhose: a short text may leave open whose status it is; then all are told.
func TestWhose(t *testing.T) {
	for text, want := range map[string]string{
		"error 418": "syncml 418", "got 410": "wns 410", "403": "syncml 403, wns 403", "HTTP 403": "wns 403, 0x80190193", "http status 410": "wns 410, 0x8019019a",
		"Alert 1226": "1226", "1224": "1224", "status 4": "push-status 4", "push-status=8": "push-status 8", "the server of 403 users crashed again": "",
	} {
		var got []string
		for _, f := range Read(text).Found {
			got = append(got, key(&f))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%q: %v, want %s", text, got, want)
		}
	}
}

// TestAsk: 404 and 500 alone ask which CSP.
func TestAsk(t *testing.T) {
	for text, want := range map[string]string{"500": "500", "404": "404", "404 and 500 from the device": "404 500", "500 RemoteWipe": "", "418 of the PFN": "", "wns 404": "", "412": ""} {
		if r := Read(text); strings.Join(r.Ask, " ") != want {
			t.Errorf("%q asks for %q, want %q", text, r.Ask, want)
		}
	}
	for _, code := range []string{"404", "500"} {
		if nodes := Nodes(code); len(nodes) < 4 {
			t.Errorf("%s: %v", code, nodes)
		}
	}
}

// TestReadIsBounded: a large text is read up to MaxPaste.
func TestReadIsBounded(t *testing.T) {
	if r := Read(strings.Repeat(" ", MaxPaste) + "0x80180006"); len(r.Found) > 0 {
		t.Errorf("%+v", r)
	}
	for text, want := range map[string]int{"0x80180006 wns 404 s:x status 7 ": 3, "dropped ": 0, "404 pfn ": 1, "a_b_c_d_e_f_g_h ": 0, "-9223372036854775808 ": 0, "event 404 ": 0} {
		if r := Read(strings.Repeat(text, MaxPaste/len(text))); len(r.Found) != want {
			t.Errorf("%s: %d codes", text, len(r.Found))
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, p := range corpus(f) {
		f.Add(p.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := Read(text)
		seen := map[string]bool{}
		for _, x := range r.Found {
			if x.Means == "" || x.Source == "" || seen[x.Where+x.Code] {
				t.Fatalf("%q: %+v", text, x)
			}
			seen[x.Where+x.Code] = true
		}
	})
}
