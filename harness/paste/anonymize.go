package paste

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
)

// Anonymize returns the log with personal details replaced: names, mail addresses,
// serial numbers, ids of devices and users, host names, tenants, addresses, tokens,
// certificates, and the values that nodes have. The same name becomes the same other
// name of the same length, wherever it stands and however it is escaped; so the log
// keeps its shape, its line breaks and its encoding. What other name it becomes is
// drawn anew each time, and cannot be turned back.
func Anonymize(b []byte) ([]byte, error) {
	t, err := decode(b)
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(t.text, func(r rune) bool { return r < '\t' }) {
		return nil, errors.New("it has binary parts, such as WBXML, in which personal details cannot be found; convert them to text first")
	}
	a := &anonymizer{key: make([]byte, 32), personal: map[string]bool{}, labels: map[string]bool{}, kept: map[string]bool{}}
	if _, err := rand.Read(a.key); err != nil {
		return nil, err
	}
	l, err := Read(b)
	if err != nil {
		return nil, err
	}
	for _, m := range l.Messages {
		a.keepWords(string(m.Raw))
	}
	for _, m := range l.Messages {
		a.learnMessage(m)
	}
	a.learnText(t.text, nested)
	buf := []byte(t.text)
	a.apply(buf, nested)
	t.text = string(buf)
	return t.encode(), nil
}

// anonymizer replaces words. A word is a run of ASCII letters and digits, in lower
// case where it is a key.
type anonymizer struct {
	key      []byte
	personal map[string]bool // words that are replaced wherever they stand
	labels   map[string]bool // of host names: replaced inside of other words, too
	kept     map[string]bool // words of the protocol, which are replaced nowhere
	// first is the text that was looked at first, the longest, and last its details.
	first string
	last  []detail
}

// detail is a part of a text that is personal by a pattern.
type detail struct {
	from, to     int
	host, secret bool
}

// details are the parts of a text that are personal by their patterns.
func (a *anonymizer) details(s string) (out []detail) {
	if a.last != nil && s == a.first {
		return a.last
	}
	low := strings.ToLower(s)
	for i := range patterns {
		p := &patterns[i]
		for _, m := range p.all(s, low) {
			if from, to, ok := p.value(s, m); ok {
				out = append(out, detail{afterEscape(s, from, to), to, p.host, p.secret})
			}
		}
	}
	if a.last == nil {
		a.first, a.last = s, out
	}
	return out
}

// learnText notes the personal words of a text, of the documents in base64 and in
// wrapped lines as well.
func (a *anonymizer) learnText(s string, depth int) {
	for _, f := range a.details(s) {
		a.learn(s[f.from:f.to], f.host)
	}
	list, _ := all(s, depth)
	for _, p := range list {
		switch inner, ok := hidden(s, p); {
		case depth <= 0:
		case ok && p.base64:
			a.learnText(inner, depth-1)
		case ok, p.form.kind != '<' && p.name == "Envelope": // the values of SyncML are learned from its messages
			a.learnText(xmlOf(s, p), depth-1)
		}
	}
}

// hidden is the text of a document whose words do not stand in the text as they are:
// it is in base64, or its lines are wrapped.
func hidden(s string, p place) (string, bool) {
	if p.base64 {
		return p.decoded, true
	}
	if doc := s[p.from:p.to]; strings.IndexByte(doc, '\n') >= 0 && wrapped(headOf(s, p.from), doc) {
		return joined(doc), true
	}
	return "", false
}

// apply replaces what is personal in a text, byte by byte: each keeps its place.
func (a *anonymizer) apply(buf []byte, depth int) {
	s := string(buf)
	list, _ := all(s, depth)
	done := make([]bool, len(buf))
	for _, f := range a.details(s) {
		a.words(buf, done, f.from, f.to, func(w string) bool { return f.secret || !keptWords[w] })
	}
	a.prose(buf, done, without(s, list))
	a.words(buf, done, 0, len(buf), func(w string) bool { return a.personal[w] || identifier(w) })
	a.insideWords(buf, done)
	for _, p := range list {
		a.applyHidden(buf, s, p, depth)
	}
}

// applyHidden replaces what is personal in a document that is in base64 or wrapped.
func (a *anonymizer) applyHidden(buf []byte, s string, p place, depth int) {
	inner, ok := hidden(s, p)
	if !ok {
		return
	}
	if !p.base64 {
		b := []byte(inner)
		a.apply(b, depth-1)
		putBetween(buf[p.from:p.to], b, "\r\n")
		return
	}
	t, err := decode(decode64(s[p.from:p.to]))
	if err != nil {
		return
	}
	b := []byte(t.text)
	a.apply(b, depth-1)
	t.text = string(b)
	coded := base64.RawStdEncoding.EncodeToString(t.encode())
	if strings.ContainsAny(s[p.from:p.to], "-_") {
		coded = base64.RawURLEncoding.EncodeToString(t.encode())
	}
	putBetween(buf[p.from:p.to], []byte(coded), "\r\n=")
}

// putBetween writes characters over those of dst, except for some that stay. Those of
// dst that are left over belong to what was cut, and become A.
func putBetween(dst, chars []byte, stay string) {
	k := 0
	for i := range dst {
		switch {
		case strings.IndexByte(stay, dst[i]) >= 0:
		case k < len(chars):
			dst[i] = chars[k]
			k++
		default:
			dst[i] = 'A'
		}
	}
}

// escape matches an escaped character, whose letters and digits belong to no word.
var escape = regexp.MustCompile(`^(?:(?:\\|%(?:25)*5[Cc])+(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[nrtbf"'/])|%(?:25)*[0-9A-Fa-f]{2}|&(?:amp;)*(?:#\d{1,6}|#[xX][0-9A-Fa-f]{1,5}|[A-Za-z]{2,6});)`)

// afterEscape is from, or the end of an escaped character in which from is.
func afterEscape(s string, from, to int) int {
	for k := max(0, from-12); k < from; k++ {
		if c := s[k]; c != '%' && c != '\\' && c != '&' {
			continue
		}
		if m := escape.FindString(s[k:min(len(s), k+24)]); k+len(m) > from {
			return min(k+len(m), to)
		}
	}
	return from
}

// words replaces the words of a part of a text that is() selects.
func (a *anonymizer) words(buf []byte, done []bool, from, to int, is func(string) bool) {
	for i := from; i < to; {
		if c := buf[i]; c == '%' || c == '\\' || c == '&' {
			if m := escape.Find(buf[i:min(to, i+24)]); m != nil {
				i += len(m)
				continue
			}
		}
		if !isWord(buf[i]) {
			i++
			continue
		}
		end := i
		for end < to && isWord(buf[end]) {
			end++
		}
		if !done[i] && is(strings.ToLower(string(buf[i:end]))) {
			a.put(buf[i:end], done[i:end])
		}
		i = end
	}
}

// insideWords replaces the labels of host names inside of words: a device is often
// named after its company.
func (a *anonymizer) insideWords(buf []byte, done []bool) {
	low := strings.ToLower(string(buf)) // ASCII keeps its place, which is checked below
	if len(low) != len(buf) {
		return
	}
	for label := range a.labels {
		for from := 0; ; {
			k := strings.Index(low[from:], label)
			if k < 0 {
				break
			}
			at := from + k
			from = at + len(label)
			if !done[at] {
				a.put(buf[at:from], done[at:from])
			}
		}
	}
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// identifier reports whether a word is one that no person reads: the id of a device, a
// hash, an address of a network card.
func identifier(w string) bool {
	if len(w) < 12 {
		return false
	}
	digits := 0
	for i := 0; i < len(w); i++ {
		if !isHex(w[i]) {
			return false
		}
		if isDigit(w[i]) {
			digits++
		}
	}
	return digits > 0
}

// prose replaces what a person wrote around the log.
func (a *anonymizer) prose(buf []byte, done []bool, around string) {
	at := 0
	for line := range strings.Lines(around) {
		// In a line with a document the documents are blank: what is around them counts.
		if text := strings.TrimSpace(line); text != "" && isProse(line) {
			for i := 0; i < len(line); {
				n := len(line[i:]) - len(strings.TrimLeft(line[i:], " \t\r\n"))
				end := i + n
				for end < len(line) && !strings.ContainsRune(" \t\r\n", rune(line[end])) {
					end++
				}
				a.words(buf, done, at+i+n, at+end, ofPeople)
				i = end
			}
		}
		at += len(line)
	}
}

// logMark matches what lines of a log have, and sentences have not.
var logMark = regexp.MustCompile(`[=<>{}\[\]|"\\@_]|^\s*[\w.-]+(?: [\w.-]+){0,2}\s*:(?:\s|$)|\d\d:\d\d|^\s*[-=#*]{3}|0x|^\s{10}|\d{4}-\d\d`)

func isProse(line string) bool { return !logMark.MatchString(line) && !said.MatchString(line) }

// ofLogs are words around messages that help a reader, and name nobody.
var ofLogs = set(`request requests response responses client server device input output header headers body message messages sent received recv send
	level date and time source event id task category timecreated levelname leveldisplayname providername omadmclientexestart omadmsessionstart omadmsessioncomplete
	syncml xml post get http https ok error warning information session truncated bytes pre html`)

// ofPeople reports whether a word in a sentence may name somebody.
func ofPeople(w string) bool {
	return !ofLogs[w] && (len(w) > 4 || len(w) > 1 && strings.Trim(w, "0123456789") != "")
}

func set(words string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(words) {
		out[w] = true
	}
	return out
}
