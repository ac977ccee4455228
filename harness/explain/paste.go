package explain

import (
	"cmp"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// MaxPaste is how many bytes of a text Read looks at.
const MaxPaste = 1 << 18

// Reading is what was found in a pasted text.
type Reading struct {
	Found   []Found  // each code once, in the order of the text
	Unknown []string // what is a code, and means nothing here, as it was written
	Ask     []string // statuses that mean more with the name of a CSP
}

// Read finds the codes of a pasted text: numbers in hexadecimal with and without 0x,
// signed and unsigned decimals, names, subcodes of SOAP faults, errors of token
// endpoints, values of X-WNS-Status, and statuses if the text says whose they are.
// The text may be UTF-16 with a byte order mark.
func Read(text string) *Reading {
	r := &reader{text: plain(text[:min(len(text), MaxPaste)])}
	r.lower = lower(r.text)
	r.near = r.nodes()
	r.alone = !strings.ContainsAny(strings.TrimSpace(r.text), " \t\r\n")
	r.numbers()
	r.names()
	r.words()
	r.pushStatus()
	r.statuses()
	return r.result()
}

// hit is a code at its place in the text.
type hit struct {
	at      int
	found   []Found
	unknown string
}

type reader struct {
	text, lower string   // of one length
	alone       bool     // the text is one word
	near        []string // CSPs that the text names
	hits        []hit
	ask         []string
}

func (r *reader) add(at int, found ...Found) bool {
	if len(found) > 0 {
		r.hits = append(r.hits, hit{at: at, found: found})
	}
	return len(found) > 0
}

var (
	prefixed = regexp.MustCompile(`\b0[xX][0-9a-fA-F]{5,16}\b`)
	bareHex  = regexp.MustCompile(`\b[0-9a-fA-F]{8}\b`)
	decimal  = regexp.MustCompile(`-?\b\d{9,10}\b`)
)

// numbers finds numbers of 32 bits. With 0x it is a code, known or not; without, a
// number in a sentence may be anything, so only a code of the tables counts.
func (r *reader) numbers() {
	each := func(re *regexp.Regexp, base int, certain bool) {
		for _, m := range re.FindAllStringIndex(r.text, -1) {
			word := r.text[m[0]:m[1]]
			if !certain && r.within(m[0], m[1]) {
				continue
			}
			certain := certain || r.alone
			n, ok := number(word, base)
			switch found := Lookup("", hex(n)); {
			case ok && found != nil && (certain || !found[0].unspecific):
				r.add(m[0], found...)
			case certain:
				r.hits = append(r.hits, hit{at: m[0], unknown: word})
			}
		}
	}
	each(prefixed, 0, true)
	each(bareHex, 16, false)
	each(decimal, 10, false)
}

// number reads a word as 32 bits: a negative number is a signed one. A minus before
// a number that no signed one can be is a dash.
func number(word string, base int) (uint32, bool) {
	n, err := strconv.ParseInt(word, base, 64)
	switch {
	case err != nil:
		return 0, false
	case n < -1<<31:
		n = -n
	case n < 0:
		n += 1 << 32
	}
	if n < 0 || n > math.MaxUint32 {
		return 0, false
	}
	return uint32(n), true
}

// within reports whether a word is a part of something longer: a GUID, a version.
func (r *reader) within(from, to int) bool {
	joins := func(at, next int) bool {
		return at >= 0 && at < len(r.text) && strings.IndexByte("-.", r.text[at]) >= 0 && next >= 0 && next < len(r.text) && alphanumeric(r.text[next])
	}
	return joins(from-1, from-2) || joins(to, to+1)
}

// lower lowers the letters of ASCII, so that places in the text stay.
func lower(text string) string {
	return strings.Map(func(c rune) rune {
		if 'A' <= c && c <= 'Z' {
			return c + 'a' - 'A'
		}
		return c
	}, text)
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

var name = regexp.MustCompile(`\b[A-Za-z]{1,12}(?:_[A-Za-z0-9]+){1,8}\b`)

// names finds the names of codes, such as MENROLL_E_CONNECTIVITY and invalid_client.
func (r *reader) names() {
	for _, m := range name.FindAllStringIndex(r.text, -1) {
		if f, ok := named()[strings.ToUpper(r.text[m[0]:m[1]])]; ok {
			r.add(m[0], f)
		}
	}
	for _, m := range aadstsCode.FindAllStringIndex(r.text, -1) {
		if word := r.text[m[0]:m[1]]; !r.add(m[0], Lookup("token", word)...) {
			r.hits = append(r.hits, hit{at: m[0], unknown: word})
		}
	}
}

// named are the codes by their names, in upper case.
var named = sync.OnceValue(func() map[string]Found {
	out := map[string]Found{}
	for _, f := range index() {
		if f.Name != "" {
			if _, ok := out[strings.ToUpper(f.Name)]; !ok {
				out[strings.ToUpper(f.Name)] = f
			}
		}
		if f.Where == whereToken && strings.Contains(f.Code, "_") {
			out[strings.ToUpper(f.Code)] = f
		}
	}
	return out
})

var (
	subcode = regexp.MustCompile(`(?i)\b(?:([a-z]\w{0,7}):)?(` + strings.Join(slices.Sorted(maps.Keys(subcodes)), "|") + `)\b`)
	state   = regexp.MustCompile(`(?i)\b(` + strings.Join(slices.Sorted(maps.Keys(states)), "|") + `)\b`)
	ofWNS   = regexp.MustCompile(`\bx-wns-|\bwns\b|notify\.windows\.com|\bwns\d?-|push service`)
)

// words finds the subcodes of SOAP faults and the values of X-WNS-Status.
func (r *reader) words() {
	for _, m := range subcode.FindAllStringSubmatchIndex(r.text, -1) {
		word, prefix := r.text[m[4]:m[5]], m[2] >= 0
		before := r.lower[max(0, m[0]-12):m[0]]
		common := word == "Authentication" || word == "Authorization" || word == "NotSupported"
		_, exact := subcodes[word]
		if prefix || r.alone && m[0] == 0 || exact && !common || strings.HasSuffix(before, "errortype>") {
			for known, n := range subcodes {
				if strings.EqualFold(known, word) {
					r.add(m[0], Lookup("", hex(n))...)
				}
			}
		}
	}
	whole := r.alone || ofWNS.MatchString(r.lower)
	for _, m := range state.FindAllStringIndex(r.text, -1) {
		word := r.lower[m[0]:m[1]]
		if whole || strings.HasSuffix(word, "throttled") {
			r.add(m[0], Lookup("wns", word)...)
		}
	}
}

// result has each code once.
func (r *reader) result() *Reading {
	slices.SortStableFunc(r.hits, func(a, b hit) int { return cmp.Compare(a.at, b.at) })
	out := &Reading{Ask: r.ask}
	seen := map[string]bool{}
	for _, h := range r.hits {
		if h.unknown != "" && !seen[strings.ToLower(h.unknown)] {
			seen[strings.ToLower(h.unknown)] = true
			out.Unknown = append(out.Unknown, h.unknown)
		}
		for _, f := range h.found {
			if key := f.Where + "\x00" + f.Code; !seen[key] {
				seen[key] = true
				out.Found = append(out.Found, f)
			}
		}
	}
	return out
}
